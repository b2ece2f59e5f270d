package schedule

import (
	"strings"
	"time"
)

type Schedule struct {
	d  time.Duration
	on bool
}

func Parse(s, zone string) (Schedule, error) {
	if s == "on start" {
		return Schedule{on: true}, nil
	}
	if r, ok := strings.CutPrefix(s, "every "); ok {
		d, err := time.ParseDuration(r)
		return Schedule{d: d}, err
	}
	return Schedule{}, nil
}
func (s Schedule) First(now time.Time, address string) (time.Time, bool) { return now, s.on || s.d > 0 }
func (s Schedule) Next(now, last time.Time) (time.Time, bool) {
	if s.d == 0 {
		return time.Time{}, false
	}
	n := last.Add(s.d)
	if n.Before(now) {
		n = now
	}
	return n, true
}
