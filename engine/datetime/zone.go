package datetime

import (
	"math"
	"time"
)

// interval is a time in which a zone has one offset.
type interval struct {
	start, end int64 // instants, seconds since the epoch
	off        int64 // seconds east of UTC
	lo, hi     int64 // local seconds whose first instant lies in this interval
}

// maxIntervals bounds the memory of a Zone; a century of two changes a year fits.
const maxIntervals = 256

// Zone converts between instants and local times of one location. It remembers
// the intervals between clock changes that it met, so that a column of times
// costs a comparison each. It belongs to one goroutine.
type Zone struct {
	loc   *time.Location
	known []interval // ascending
	last  int        // the one used last
	cache bool
}

// NewZone returns a Zone for loc; nil is UTC.
func NewZone(loc *time.Location) *Zone { return &Zone{loc: orUTC(loc), cache: true} }

// Location returns the location of z.
func (z *Zone) Location() *time.Location { return z.loc }

func orUTC(loc *time.Location) *time.Location {
	if loc == nil {
		return time.UTC
	}
	return loc
}

// Offset returns the seconds east of UTC at an instant, seconds since the epoch.
func (z *Zone) Offset(unix int64) int64 {
	if z.loc == time.UTC {
		return 0
	}
	if !z.cache {
		_, off := time.Unix(unix, 0).In(z.loc).Zone()
		return int64(off)
	}
	if z.last < len(z.known) {
		if v := &z.known[z.last]; v.start <= unix && unix < v.end {
			return v.off
		}
	}
	at := z.search(unix)
	if at < len(z.known) && z.known[at].start <= unix && unix < z.known[at].end {
		z.last = at
		return z.known[at].off
	}
	return z.learn(z.bounds(unix)).off
}

// Unix returns the first instant at which clocks in the zone show local, given
// and returned as seconds since the epoch, the former as if the zone were UTC.
// exists is false when clocks skipped it.
func (z *Zone) Unix(local int64) (unix int64, exists bool) {
	if z.loc == time.UTC {
		return local, true
	}
	if z.last < len(z.known) {
		if v := &z.known[z.last]; v.lo <= local && local < v.hi {
			return local - v.off, true
		}
	}
	if len(z.known) > 0 {
		// The interval is the one at local-as-UTC or a neighbour: offsets are less than a day.
		at := z.search(local)
		for k := max(at-1, 0); k <= at+1 && k < len(z.known); k++ {
			if v := &z.known[k]; v.lo <= local && local < v.hi {
				z.last = k
				return local - v.off, true
			}
		}
	}
	v, exists, _ := z.find(local)
	if !exists {
		return 0, false
	}
	if z.cache {
		z.learn(v)
	}
	return local - v.off, true
}

// UnixAfter is Unix, but a local time that clocks skipped is the instant as long
// after the change as the skipped time would have been: 02:30 becomes 03:30.
func (z *Zone) UnixAfter(local int64) int64 {
	if unix, exists := z.Unix(local); exists {
		return unix
	}
	_, _, before := z.find(local)
	return local - before.off
}

// search returns the index of the first known interval that ends after unix.
func (z *Zone) search(unix int64) int {
	lo, hi := 0, len(z.known)
	for lo < hi {
		if m := (lo + hi) / 2; z.known[m].end <= unix {
			lo = m + 1
		} else {
			hi = m
		}
	}
	return lo
}

// learn remembers v, with the local times that belong to it.
func (z *Zone) learn(v interval) interval {
	v.lo, v.hi = math.MinInt64, math.MaxInt64
	if v.start != math.MinInt64 {
		// What was already shown before the clocks went back is not shown first here. Only
		// the interval before counts: no zone ever changed twice within two days.
		prev := z.bounds(v.start - 1)
		v.lo = v.start + max(v.off, prev.off)
	}
	if v.end != math.MaxInt64 {
		v.hi = v.end + v.off
	}
	if len(z.known) >= maxIntervals {
		z.known = z.known[:0]
	}
	at := z.search(v.start)
	if at < len(z.known) && z.known[at].start < v.end {
		return v // overlaps a known one: the zone data of the two disagree at a year's edge
	}
	z.known = append(z.known, interval{})
	copy(z.known[at+1:], z.known[at:])
	z.known[at], z.last = v, at
	return v
}

// bounds returns the interval around an instant as the zone data has it.
func (z *Zone) bounds(unix int64) interval {
	t := time.Unix(unix, 0).In(z.loc)
	_, off := t.Zone()
	v := interval{start: math.MinInt64, end: math.MaxInt64, off: int64(off)}
	s, e := t.ZoneBounds()
	if !s.IsZero() {
		v.start = s.Unix()
	}
	if !e.IsZero() {
		v.end = e.Unix()
	}
	if v.end <= unix {
		// For times ruled by a recurring rule, ZoneBounds takes every year for 365 days long,
		// so that on 31 December of a leap year the interval ends before it. The offset is
		// right, and holds from that end on.
		v.start, v.end = v.end, unix+1
		if next, _ := time.Unix(unix+secondsPerDay, 0).In(z.loc).ZoneBounds(); next.Unix() > unix {
			v.end = next.Unix()
		}
	}
	return v
}

// find walks the intervals around local. When no interval shows it, before is
// the one that ends where clocks skip it.
func (z *Zone) find(local int64) (v interval, exists bool, before interval) {
	for v = z.bounds(local - 2*secondsPerDay); ; v = z.bounds(v.end) {
		if unix := local - v.off; v.start <= unix && unix < v.end {
			return v, true, before
		}
		if v.end == math.MaxInt64 || v.start > local+2*secondsPerDay {
			return v, false, before
		}
		if v.end+v.off <= local {
			before = v
		}
	}
}

// gap describes the skipped local time.
func (z *Zone) gap(local int64) *NoSuchTimeError {
	_, _, before := z.find(local)
	after := z.bounds(before.end)
	return &NoSuchTimeError{Local: local, Zone: z.loc.String(), From: before.end + before.off, To: after.start + after.off}
}
