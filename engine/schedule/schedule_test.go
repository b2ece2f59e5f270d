package schedule_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"weir/engine/schedule"
)

func parse(t *testing.T, s, zone string) schedule.Schedule {
	t.Helper()
	out, err := schedule.Parse(s, zone)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func at(t *testing.T, s string) time.Time {
	t.Helper()
	out, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestParseErrors(t *testing.T) {
	for _, tc := range []struct{ schedule, zone, want string }{
		{"", "", "must be \"every DURATION\""},
		{"daily", "", "not \"daily\""},
		{"every", "", "needs a duration"},
		{"every 10ms", "", "needs a duration of a second or more"},
		{"every -5m", "", "needs a duration"},
		{"cron", "", "must have five fields"},
		{"cron 0 6 * *", "", "must have five fields"},
		{"cron 99 * * * *", "", "has \"99\" as its minute"},
		{"cron 0 6 * * mon-frday", "", "as its weekday"},
		{"cron 0 25 32 * *", "", "must have five fields"},
		{"0 6 * * 1", "", "did you mean \"cron 0 6 * * 1\"?"},
		{"cron 0 0 30 2 *", "", "never comes"},
		{"cron TZ=Europe/Amsterdam 0 6 * * *", "", "write timezone ="},
		{"cron @every 5m", "", "write \"every 10m\""},
		{"cron 0 6 * * *", "Europe/Amsterdm", "must be a time zone such as"},
		{"cron 0 6 * * *", "Local", "must be a time zone such as"},
		{"on stop", "", "must be \"every DURATION\""},
	} {
		if _, err := schedule.Parse(tc.schedule, tc.zone); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%q %q: %v, want %q", tc.schedule, tc.zone, err, tc.want)
		}
	}
}

// TestCron walks schedules over changes of the clock.
func TestCron(t *testing.T) {
	const amsterdam, saoPaulo, lordHowe = "Europe/Amsterdam", "America/Sao_Paulo", "Australia/Lord_Howe"
	for _, tc := range []struct {
		name, fields, zone, from string
		want                     []string
	}{
		{"UTC by default", "0 6 * * *", "", "2026-07-01T06:00:00Z", []string{"2026-07-02T06:00:00Z"}},
		{"either day", "0 0 13 * 5", "", "2026-11-01T00:00:00Z", []string{"2026-11-06T00:00:00Z", "2026-11-13T00:00:00Z", "2026-11-20T00:00:00Z"}},
		{"leap day", "0 0 29 2 *", "", "2026-01-01T00:00:00Z", []string{"2028-02-29T00:00:00Z"}},
		// Forward, 29 March 2026: 02:00 +01:00 becomes 03:00 +02:00.
		{"jumped over", "30 2 * * *", amsterdam, "2026-03-28T12:00:00+01:00", []string{"2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"}},
		{"several jumped over", "10,30,50 2 * * *", amsterdam, "2026-03-29T00:00:00+01:00", []string{"2026-03-29T03:00:00+02:00", "2026-03-30T02:10:00+02:00"}},
		{"jumped over, and at the jump", "0,30 2,3 * * *", amsterdam, "2026-03-29T01:00:00+01:00", []string{"2026-03-29T03:00:00+02:00", "2026-03-29T03:30:00+02:00", "2026-03-30T02:00:00+02:00"}},
		{"every hour forward", "30 * * * *", amsterdam, "2026-03-29T00:45:00+01:00", []string{"2026-03-29T01:30:00+01:00", "2026-03-29T03:30:00+02:00"}},
		{"quarters forward", "*/15 * * * *", amsterdam, "2026-03-29T01:40:00+01:00", []string{"2026-03-29T01:45:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-29T03:15:00+02:00"}},
		// Back, 25 October 2026: 03:00 +02:00 becomes 02:00 +01:00.
		{"comes twice", "30 2 * * *", amsterdam, "2026-10-24T12:00:00+02:00", []string{"2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"}},
		{"in its second coming", "30 2 * * *", amsterdam, "2026-10-25T02:10:00+01:00", []string{"2026-10-26T02:30:00+01:00"}},
		{"every other hour back", "0 */2 * * *", amsterdam, "2026-10-25T00:30:00+02:00", []string{"2026-10-25T02:00:00+02:00", "2026-10-25T04:00:00+01:00"}},
		{"every hour back", "30 * * * *", amsterdam, "2026-10-25T01:45:00+02:00", []string{"2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00", "2026-10-25T03:30:00+01:00"}},
		{"on the hour back", "@hourly", amsterdam, "2026-10-25T02:00:00+02:00", []string{"2026-10-25T02:00:00+01:00", "2026-10-25T03:00:00+01:00"}},
		// At midnight, 4 November 2018: 00:00 -03:00 becomes 01:00 -02:00; 17 February 2019 back.
		{"no midnight", "0 0 * * *", saoPaulo, "2018-11-03T12:00:00-03:00", []string{"2018-11-04T01:00:00-02:00", "2018-11-05T00:00:00-02:00"}},
		{"two times 23:30", "30 23 * * *", saoPaulo, "2019-02-16T12:00:00-02:00", []string{"2019-02-16T23:30:00-02:00", "2019-02-17T23:30:00-03:00"}},
		{"without changes since", "0 0 * * *", saoPaulo, "2026-11-03T12:00:00-03:00", []string{"2026-11-04T00:00:00-03:00", "2026-11-05T00:00:00-03:00"}},
		// Half an hour: 4 October 2026 02:00 +10:30 becomes 02:30 +11:00; 5 April 2026 02:00 +11:00 becomes 01:30 +10:30.
		{"half an hour forward", "15 2 * * *", lordHowe, "2026-10-03T12:00:00+10:30", []string{"2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00"}},
		{"quarters over half an hour", "*/15 * * * *", lordHowe, "2026-10-04T01:40:00+10:30", []string{"2026-10-04T01:45:00+10:30", "2026-10-04T02:30:00+11:00"}},
		{"half an hour back", "45 1 * * *", lordHowe, "2026-04-04T12:00:00+11:00", []string{"2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"}},
		{"quarters back", "*/15 * * * *", lordHowe, "2026-04-05T01:40:00+11:00", []string{"2026-04-05T01:45:00+11:00", "2026-04-05T01:30:00+10:30", "2026-04-05T01:45:00+10:30", "2026-04-05T02:00:00+10:30"}},
		// A day that was left out: 30 December 2011.
		{"no such day", "0 12 * * *", "Pacific/Apia", "2011-12-29T13:00:00-10:00", []string{"2011-12-31T00:00:00+14:00", "2011-12-31T12:00:00+14:00"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, now := parse(t, "cron "+tc.fields, tc.zone), at(t, tc.from)
			for _, w := range tc.want {
				got, ok := s.Next(now, time.Time{})
				if !ok || !got.Equal(at(t, w)) {
					t.Fatalf("after %s: %s, want %s", now.Format(time.RFC3339), got.Format(time.RFC3339), w)
				}
				now = got
			}
		})
	}
}

// TestCronProperties holds what is true of any cron schedule: time moves on, a wall time that comes runs once or, by
// the hour, whenever it comes; and asking from any instant in between gives the same answer.
func TestCronProperties(t *testing.T) {
	fields := []string{"30 2 * * *", "*/10 * * * *", "0,59 1-3 * * *", "0 0 * * 1", "15 * 25-31 3,10 *", "5 0 * * *", "*/7 */5 * * *"}
	zones := []string{"Europe/Amsterdam", "America/Sao_Paulo", "Australia/Lord_Howe", "Africa/Casablanca", "UTC"}
	rapid.Check(t, func(rt *rapid.T) {
		f, zone := rapid.SampledFrom(fields).Draw(rt, "fields"), rapid.SampledFrom(zones).Draw(rt, "zone")
		s, err := schedule.Parse("cron "+f, zone)
		if err != nil {
			rt.Fatal(err)
		}
		now := time.Unix(rapid.Int64Range(1_400_000_000, 1_900_000_000).Draw(rt, "from"), 0)
		next, ok := s.Next(now, time.Time{})
		if !ok || !next.After(now) {
			rt.Fatalf("after %v: %v", now, next)
		}
		between := now.Add(time.Duration(rapid.Int64Range(0, int64(next.Sub(now))-1).Draw(rt, "between")))
		if again, _ := s.Next(between, time.Time{}); !again.Equal(next) {
			rt.Fatalf("%s in %s: after %v it is %v, after %v it is %v", f, zone, now, next, between, again)
		}
	})
}

func TestEvery(t *testing.T) {
	s, start := parse(t, "every 10m", ""), at(t, "2026-07-01T06:00:00Z")
	for _, tc := range []struct {
		after, last time.Duration // from start; last < 0 is none
		want        time.Duration
	}{
		{0, -1, 0},
		{0, 0, 10 * time.Minute},
		{9 * time.Minute, 0, 10 * time.Minute},
		{10 * time.Minute, 0, 20 * time.Minute}, // the tick at 10 is now
		{25 * time.Minute, 0, 30 * time.Minute}, // a long run: the ticks at 10 and 20 are left out
		{-time.Hour, 0, 10 * time.Minute},       // a clock that was put back
	} {
		last := time.Time{}
		if tc.last >= 0 {
			last = start.Add(tc.last)
		}
		if got, ok := s.Next(start.Add(tc.after), last); !ok || !got.Equal(start.Add(tc.want)) {
			t.Errorf("after %s, last %s: %s, want %s", tc.after, tc.last, got.Sub(start), tc.want)
		}
	}
}

// TestFirst checks what runs when a process begins.
func TestFirst(t *testing.T) {
	now := time.Date(2024, 7, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		schedule string
		last     time.Time
		want     time.Time
	}{
		{"every 10m", time.Time{}, now},
		{"every 10m", now.Add(-time.Hour), now},
		{"every 10m", now.Add(-4 * time.Minute), now.Add(6 * time.Minute)},
		{"on start", now.Add(-time.Minute), now},
		{"cron 0 6 * * *", now.Add(-48 * time.Hour), time.Date(2024, 7, 2, 6, 0, 0, 0, time.UTC)},
	} {
		s, err := schedule.Parse(c.schedule, "")
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := s.First(now, c.last); !ok || !got.Equal(c.want) {
			t.Errorf("%s, last run %s: first at %s, want %s", c.schedule, c.last, got, c.want)
		}
	}
}

func TestOnStart(t *testing.T) {
	s, now := parse(t, "on start", ""), at(t, "2026-07-01T06:00:00Z")
	if got, ok := s.First(now, now.Add(-time.Hour)); !ok || !got.Equal(now) {
		t.Error(got, ok)
	}
	if _, ok := s.Next(now, now); ok {
		t.Error("it runs twice")
	}
	if _, ok := (schedule.Schedule{}).First(now, time.Time{}); ok {
		t.Error("no schedule runs")
	}
}
