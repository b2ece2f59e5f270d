package datetime

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestClockChanges: what is skipped is refused, what is shown twice means the first.
func TestClockChanges(t *testing.T) {
	for _, c := range []struct{ zone, text, want, gap string }{
		{"Europe/Amsterdam", "2024-03-31 01:59:59", "2024-03-31T00:59:59Z", ""},
		{"Europe/Amsterdam", "2024-03-31 02:00:00", "", "clocks went from 02:00:00 to 03:00:00"},
		{"Europe/Amsterdam", "2024-03-31 02:59:59", "", "2024-03-31 02:59:59 does not exist in Europe/Amsterdam"},
		{"Europe/Amsterdam", "2024-03-31 03:00:00", "2024-03-31T01:00:00Z", ""},
		{"Europe/Amsterdam", "2024-10-27 02:30:00", "2024-10-27T00:30:00Z", ""},
		{"Europe/Amsterdam", "2024-10-27 03:00:00", "2024-10-27T02:00:00Z", ""},
		{"Europe/Amsterdam", "2024-12-31 23:59:59", "2024-12-31T22:59:59Z", ""},
		{"Europe/Amsterdam", "2052-12-31 12:00:00", "2052-12-31T11:00:00Z", ""},
		{"America/Sao_Paulo", "2018-11-04 00:30:00", "", "clocks went from 00:00:00 to 01:00:00"},
		{"America/Sao_Paulo", "2018-11-04 01:00:00", "2018-11-04T03:00:00Z", ""},
		{"America/Sao_Paulo", "2018-02-17 23:30:00", "2018-02-18T01:30:00Z", ""},
		{"America/Sao_Paulo", "2018-02-18 00:00:00", "2018-02-18T03:00:00Z", ""},
		{"Australia/Lord_Howe", "2024-10-06 02:15:00", "", "clocks went from 02:00:00 to 02:30:00"},
		{"Australia/Lord_Howe", "2024-10-06 02:30:00", "2024-10-05T15:30:00Z", ""},
		{"Australia/Lord_Howe", "2024-04-07 01:45:00", "2024-04-06T14:45:00Z", ""},
		{"Australia/Lord_Howe", "2024-04-07 02:00:00", "2024-04-06T15:30:00Z", ""},
		{"Pacific/Apia", "2011-12-30 12:00:00", "", "clocks went from 2011-12-30 00:00:00 to 2011-12-31 00:00:00"},
	} {
		f := mustCompile(t, "%F %T")
		p := f.Parser(location(t, c.zone))
		for range 2 { // the second time from what the first remembered
			got, err := p.Time([]byte(c.text))
			var gap *NoSuchTimeError
			switch {
			case c.gap != "":
				if !errors.As(err, &gap) || !strings.Contains(err.Error(), c.gap) {
					t.Errorf("%s %s: %v, want %s", c.zone, c.text, err, c.gap)
				}
			case err != nil || string(AppendRFC3339(nil, got, nil)) != c.want:
				t.Errorf("%s %s: %s, %v, want %s", c.zone, c.text, AppendRFC3339(nil, got, nil), err, c.want)
			}
		}
		if _, err := f.ParseTime([]byte(c.text), p.z.loc); (err != nil) != (c.gap != "") {
			t.Errorf("%s %s without a parser: %v", c.zone, c.text, err)
		}
	}
}

// firstShown is the definition: the smallest instant whose local time is local.
func firstShown(loc *time.Location, local int64) (unix int64, exists bool) {
	for d := int64(-30 * 3600); d <= 30*3600; d += 900 {
		_, off := time.Unix(local+d, 0).In(loc).Zone()
		u := local - int64(off)
		if _, at := time.Unix(u, 0).In(loc).Zone(); at == off && (!exists || u < unix) {
			unix, exists = u, true
		}
	}
	return unix, exists
}

func TestZoneAgainstDefinition(t *testing.T) {
	zones := []string{"UTC", "Europe/Amsterdam", "Europe/Warsaw", "America/Sao_Paulo", "Australia/Lord_Howe", "Africa/Casablanca",
		"Asia/Kathmandu", "Pacific/Apia", "America/New_York", "Antarctica/Troll", "Europe/Dublin", "Asia/Pyongyang"}
	for _, name := range zones {
		loc := location(t, name)
		z, plain := NewZone(loc), Zone{loc: loc}
		rapid.Check(t, func(t *rapid.T) {
			// Around the changes of a year, or anywhere.
			at := rapid.Int64Range(-2208988800, 4102444800).Draw(t, "near")
			if _, e := time.Unix(at, 0).In(loc).ZoneBounds(); rapid.Bool().Draw(t, "change") && !e.IsZero() {
				at = e.Unix() + rapid.Int64Range(-15*3600, 15*3600).Draw(t, "apart")
			}
			if _, off := time.Unix(at, 0).In(loc).Zone(); z.Offset(at) != int64(off) || plain.Offset(at) != int64(off) {
				t.Fatalf("%s: offset at %d is %d, want %d", name, at, z.Offset(at), off)
			}
			want, exists := firstShown(loc, at)
			for _, zone := range []*Zone{z, &plain} {
				if got, ok := zone.Unix(at); ok != exists || got != want && ok {
					t.Fatalf("%s: local %s is %d %v, want %d %v", name, time.Unix(at, 0).UTC(), got, ok, want, exists)
				}
			}
		})
	}
}

// TestZoneRemembers: every hour of leap years, in order and reversed, on one Zone.
func TestZoneRemembers(t *testing.T) {
	loc := location(t, "Europe/Amsterdam")
	z := NewZone(loc)
	start := time.Date(2023, 12, 25, 0, 0, 0, 0, time.UTC).Unix()
	for round := range 2 {
		for h := range int64(24 * 380 * 2) {
			at := start + h*1800
			if round == 1 {
				at = start + (24*380*2-h)*1800
			}
			if _, off := time.Unix(at, 0).In(loc).Zone(); z.Offset(at) != int64(off) {
				t.Fatalf("%s: offset %d, want %d", time.Unix(at, 0).UTC(), z.Offset(at), off)
			}
		}
	}
	if len(z.known) > 8 {
		t.Errorf("a year takes %d intervals", len(z.known))
	}
	for _, v := range z.known {
		if local := v.start/2 + v.end/2 + v.off; v.lo > local || local >= v.hi {
			t.Errorf("the interval from %s is not found by local time", time.Unix(v.start, 0).UTC())
		}
	}
	for year := range 300 {
		z.Unix(time.Date(1900+year, 7, 1, 0, 0, 0, 0, time.UTC).Unix())
		z.Offset(time.Date(1900+year, 1, 15, 0, 0, 0, 0, time.UTC).Unix())
	}
	if len(z.known) > maxIntervals {
		t.Errorf("%d intervals are remembered", len(z.known))
	}
}

func TestUnixAfter(t *testing.T) {
	z := NewZone(location(t, "Europe/Amsterdam"))
	for _, c := range []struct{ local, want string }{
		{"2024-03-31 01:30:00", "2024-03-31T01:30:00+01:00"},
		{"2024-03-31 02:30:00", "2024-03-31T03:30:00+02:00"},
		{"2024-10-27 02:30:00", "2024-10-27T02:30:00+02:00"},
	} {
		local, err := mustCompile(t, "%F %T").ParseTime([]byte(c.local), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(z.AppendRFC3339(nil, z.UnixAfter(local/microsPerSecond)*microsPerSecond)); got != c.want {
			t.Errorf("%s is %s, want %s", c.local, got, c.want)
		}
	}
}
