// Package schedule tells when a pipeline runs.
//
// A schedule is one of
//
//   - "every 10m": at distances of ten minutes from the first run. The next run is due
//     one distance after the last one started, however long it took, so that times
//     do not drift. Ticks that pass while a run is under way are left out.
//   - "cron 0 6 * * *": at times of the clock on the wall of a zone, UTC by default.
//     The fields are minute, hour, day of the month, month and weekday; with both days given, one
//     that fits is enough. @hourly, @daily and their kind stand for five fields.
//   - "on start": once.
//
// # When clocks are put forward or back
//
// A cron schedule that names hours follows the clock on the wall: a time that the
// clock jumps over runs once at the first instant after the jump, however many such
// times there are; a time that comes twice runs the first time only. A schedule for
// every hour ("*/15 * * * *") follows real time: it runs whenever the clock shows a
// minute that fits, twice in an hour that comes twice, and not at times that do not come.
package schedule

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/netresearch/go-cron"

	"weir/engine/spec"
)

type kind uint8

const (
	every kind = iota + 1
	onStart
	clock
)

// Schedule is a parsed schedule. It is immutable; the zero value never runs.
type Schedule struct {
	kind   kind
	period time.Duration
	fields *cron.SpecSchedule
	hourly bool // for every hour: real time
	zone   *time.Location
}

// Parse reads a schedule and the name of its zone, "" for UTC, which matters to
// cron alone. The error completes a sentence such as "schedule ...".
func Parse(schedule, timezone string) (Schedule, error) {
	word, rest, _ := strings.Cut(schedule, " ")
	switch word {
	case "every":
		d, err := spec.ParseDuration(rest)
		if err != nil || d < time.Second {
			return Schedule{}, errors.New("needs a duration of a second or more after every, such as \"every 10m\"")
		}
		return Schedule{kind: every, period: d}, nil
	case "cron":
		zone := time.UTC
		if timezone != "" {
			var err error
			if zone, err = Zone(timezone); err != nil {
				return Schedule{}, fmt.Errorf("has a timezone that %w", err)
			}
		}
		return parseCron(rest, zone)
	case "on":
		if rest == "start" {
			return Schedule{kind: onStart}, nil
		}
	}
	hint := ""
	if f := strings.Fields(schedule); len(f) == 5 && strings.ContainsAny(schedule, "*0123456789") {
		hint = fmt.Sprintf(" (did you mean \"cron %s\"?)", schedule)
	}
	return Schedule{}, fmt.Errorf("must be \"every DURATION\", \"cron FIELDS\" or \"on start\", not %q%s", schedule, hint)
}

// Zone returns the zone with the given name of the time zone database. The error
// completes a sentence such as "timezone ...".
func Zone(name string) (*time.Location, error) {
	z, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		return nil, fmt.Errorf("must be a time zone such as Europe/Amsterdam, not %q", name)
	}
	return z, nil
}

func parseCron(fields string, zone *time.Location) (Schedule, error) {
	const form = "must have five fields after cron (minute hour day month weekday), such as \"cron 0 6 * * *\""
	if strings.Contains(fields, "TZ=") {
		return Schedule{}, errors.New("cannot name a zone in its fields: write timezone = \"Europe/Amsterdam\" beside it")
	}
	p, err := cron.TryNewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor | cron.DowOrDom)
	if err != nil {
		return Schedule{}, err
	}
	parsed, err := p.Parse(fields)
	if err != nil {
		return Schedule{}, wrongField(p, fields, fmt.Errorf(form+": %w", err))
	}
	s, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return Schedule{}, errors.New("needs no cron for a distance: write \"every 10m\"")
	}
	f := *s
	f.Location = time.UTC // wall times are looked for as if they were UTC, which has no jumps
	f.MaxSearchYears = 40 // the 29th of February on a given weekday comes every 28 years, 40 around 2100
	out := Schedule{kind: clock, fields: &f, zone: zone, hourly: f.Hour&allHours == allHours}
	if f.Next(time.Unix(0, 0).UTC()).IsZero() {
		return Schedule{}, errors.New("never comes: there is no such day in any year")
	}
	return out, nil
}

// wrongField names the one field of five that p refuses; err is returned when that is not clear.
func wrongField(p cron.Parser, fields string, err error) error {
	list := strings.Fields(fields)
	if len(list) != 5 {
		return err
	}
	var out error
	for i, what := range []string{"minute (0 to 59)", "hour (0 to 23)", "day of the month (1 to 31)", "month (1 to 12)", "weekday (0 to 6, 0 is Sunday)"} {
		alone := []string{"*", "*", "*", "*", "*"}
		alone[i] = list[i]
		if _, bad := p.Parse(strings.Join(alone, " ")); bad == nil {
			continue
		}
		if out != nil {
			return err
		}
		out = fmt.Errorf("has %q as its %s, which cannot be; the fields after cron are minute, hour, day, month and weekday, such as \"cron 0 6 * * *\"", list[i], what)
	}
	if out == nil {
		return err
	}
	return out
}

const allHours = 1<<24 - 1

// First returns when a pipeline runs for the first time after the process began at
// now. last is when it ran before, zero when it never did. A period that is over by
// now has it run at once; a time of day that was missed does not. false means never.
func (s Schedule) First(now, last time.Time) (time.Time, bool) {
	if s.kind == every {
		return latest(now, last.Add(s.period)), true
	}
	return s.Next(now, time.Time{})
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// Next returns when the pipeline runs next, after the instant after. last is when
// its last run started by this schedule, zero when there was none. false means never.
//
// A tick that was missed, because a run took long or nothing ran, is not made up
// for: Next is the first tick that is still to come. Next(last, last) is the tick
// after last, so a caller sees whether one was missed.
func (s Schedule) Next(after, last time.Time) (time.Time, bool) {
	switch s.kind {
	case every:
		if last.IsZero() {
			return after, true
		}
		missed := max(0, after.Sub(last)/s.period)
		return last.Add((missed + 1) * s.period), true //nolint:durationcheck // missed is a number of periods
	case onStart:
		return after, last.IsZero()
	case clock:
		t := s.next(after)
		return t, !t.IsZero()
	}
	return time.Time{}, false
}

func (s Schedule) next(after time.Time) time.Time {
	if s.hourly {
		return s.nextReal(after)
	}
	for w := s.fields.Next(s.wall(after)); !w.IsZero(); w = s.fields.Next(w) {
		// A time that comes a second time, or that was jumped over together with
		// one that ran, is not after.
		if t := s.instant(w); t.After(after) {
			return t
		}
	}
	return time.Time{}
}

// nextReal looks for the next matching minute from one change of the clock to the next.
func (s Schedule) nextReal(after time.Time) time.Time {
	from, limit := after, after.AddDate(50, 0, 0)
	for from.Before(limit) {
		in := from.In(s.zone)
		_, offset := in.Zone()
		_, end := in.ZoneBounds()
		w := s.fields.Next(s.wall(from))
		if w.IsZero() {
			break
		}
		t := w.Add(-time.Duration(offset) * time.Second).In(s.zone)
		if end.IsZero() || t.Before(end) {
			return t
		}
		// The change itself may show a minute that fits.
		if w := s.fields.Next(s.wall(end).Add(-1)); w.Equal(s.wall(end)) {
			return end.In(s.zone)
		}
		from = end
	}
	return time.Time{}
}

// wall returns what the clock on the wall shows at t, as if it were UTC.
func (s Schedule) wall(t time.Time) time.Time {
	_, offset := t.In(s.zone).Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

// instant returns when the clock on the wall first shows w, or else the instant
// at which it jumps over w.
func (s Schedule) instant(w time.Time) time.Time {
	guess := time.Date(w.Year(), w.Month(), w.Day(), w.Hour(), w.Minute(), w.Second(), 0, s.zone)
	begin, end := guess.ZoneBounds()
	var first time.Time
	for _, near := range []time.Time{guess, begin.Add(-1), end} {
		if near.Year() < 1 { // a zone without such a change
			continue
		}
		_, offset := near.In(s.zone).Zone()
		t := w.Add(-time.Duration(offset) * time.Second).In(s.zone)
		if s.wall(t).Equal(w) && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	if !first.IsZero() {
		return first
	}
	for _, change := range []time.Time{begin, end} {
		if !change.IsZero() && s.wall(change.Add(-1)).Before(w) && s.wall(change).After(w) {
			return change.In(s.zone)
		}
	}
	return guess
}
