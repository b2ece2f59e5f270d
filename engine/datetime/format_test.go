package datetime

import (
	"strings"
	"testing"
	"time"
)

func mustCompile(t testing.TB, format string) *Format {
	t.Helper()
	f, err := Compile(format)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func location(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func TestCompileErrors(t *testing.T) {
	for _, c := range []struct{ format, want string }{
		{"%d-%m-%Q", "unknown directive %Q at position 7; there are %Y"},
		{"é%Q", "unknown directive %Q at position 2"},
		{"%d-%", "ends inside a directive at position 4"},
		{"%-", "ends inside a directive at position 1"},
		{"%-Y", "unknown directive %-Y"},
		{"%0f", "unknown directive %0 "},
		{"%é", "unknown directive %é"},
		{"yyyy-MM-dd", "holds no directive"},
		{"", "holds no directive"},
	} {
		_, err := Compile(c.format)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Compile(%q): %v, want %q", c.format, err, c.want)
		}
	}
}

func TestCanParse(t *testing.T) {
	for _, c := range []struct {
		format     string
		date, time string
	}{
		{"%d-%m-%Y", "", ""},
		{"%Y%j", "", ""},
		{"%s", "which day it is depends", ""},
		{"%s.%f", "which day it is depends", ""},
		{"%m-%Y", "needs a year, a month and a day", "needs a year"},
		{"%H:%M", "needs a year", "needs a year"},
		{"%F %d", "twice, the second time with %d", "twice"},
		{"%F %I:%M", "%I needs %p", "%I needs %p"},
		{"%F %M", "without the larger part", "without the larger part"},
		{"%F %H:%S", "without the larger part", "without the larger part"},
		{"%F %j", "day of the year and a month", "day of the year"},
		{"%F %s", "no other directive", "no other directive"},
	} {
		f := mustCompile(t, c.format)
		for _, got := range []struct {
			err  error
			want string
		}{{f.CanParseDate(), c.date}, {f.CanParseTime(), c.time}} {
			if got.want == "" && got.err != nil || got.want != "" && (got.err == nil || !strings.Contains(got.err.Error(), got.want)) {
				t.Errorf("%s: %v, want %q", c.format, got.err, got.want)
			}
		}
	}
	if _, err := mustCompile(t, "%m-%Y").ParseDate([]byte("01-2024")); err == nil || !strings.Contains(err.Error(), "needs a year, a month and a day") {
		t.Errorf("reading with a format for writing: %v", err)
	}
}

func TestParseTime(t *testing.T) {
	for _, c := range []struct{ format, text, want string }{
		{"%d-%m-%Y %H:%M:%S", "01-07-2024 12:30:45", "2024-07-01T12:30:45Z"},
		{"%F %T", "2024-02-29 00:00:00", "2024-02-29T00:00:00Z"},
		{"%FT%T.%f%z", "2024-07-01T12:30:45.123456789+02:00", "2024-07-01T10:30:45.123456Z"},
		{"%FT%T.%f%z", "2024-07-01T12:30:45.5Z", "2024-07-01T12:30:45.5Z"},
		{"%FT%T.%3f%z", "2024-07-01T12:30:45.007-0330", "2024-07-01T16:00:45.007Z"},
		{"%FT%T%z", "1930-07-01T12:00:00+00:19:32", "1930-07-01T11:40:28Z"},
		{"%F %R%z", "2024-07-01 12:30+02", "2024-07-01T10:30:00Z"},
		{"%-d/%-m/%y", "1/7/24", "2024-07-01T00:00:00Z"},
		{"%-d/%-m/%y", "11/07/69", "1969-07-11T00:00:00Z"},
		{"%e %b %Y", " 1 JUL 2024", "2024-07-01T00:00:00Z"},
		{"%e %B %Y", "31 december 2024", "2024-12-31T00:00:00Z"},
		{"%a, %d %b %Y %T %z", "Mon, 01 Jul 2024 12:00:00 +0200", "2024-07-01T10:00:00Z"},
		{"%Y%j", "2024366", "2024-12-31T00:00:00Z"},
		{"%F %I:%M %p", "2024-07-01 12:05 am", "2024-07-01T00:05:00Z"},
		{"%F %I:%M %p", "2024-07-01 12:05 PM", "2024-07-01T12:05:00Z"},
		{"%F %-I:%M %p", "2024-07-01 1:05 PM", "2024-07-01T13:05:00Z"},
		{"%F %H %p", "2024-07-01 13 PM", "2024-07-01T13:00:00Z"},
		{"%s", "1719830445", "2024-07-01T10:40:45Z"},
		{"%s.%3f", "1719830445.250", "2024-07-01T10:40:45.25Z"},
		{"%s", "-86400", "1969-12-31T00:00:00Z"},
		{"100%% %F", "100% 2024-07-01", "2024-07-01T00:00:00Z"},
		{"%F", "0001-01-01", "0001-01-01T00:00:00Z"},
	} {
		got, err := mustCompile(t, c.format).ParseTime([]byte(c.text), nil)
		if text := string(AppendRFC3339(nil, got, nil)); err != nil || text != c.want {
			t.Errorf("%s of %q: %s, %v, want %s", c.format, c.text, text, err, c.want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for _, c := range []struct{ format, text, want string }{
		{"%d-%m-%Y", "31-02-2024", `"31-02-2024" is not a date in the form %d-%m-%Y: February 2024 has 29 days`},
		{"%d-%m-%Y", "00-02-2023", "February 2023 has 28 days"},
		{"%d-%m-%Y", "01-13-2024", "there is no month 13"},
		{"%F", "0000-00-00", "there is no month 0"},
		{"%d-%m-%Y", "1-02-2024", `at position 1 should be a day of two digits (%d; one digit: %-d), not "1-02-2024"`},
		{"%d-%m-%Y", "01/02/2024", `at position 3 should be "-", not "/02/2024"`},
		{"%d-%m-%Y", "01-02-24", `at position 7 should be a year of four digits (%Y), not "24"`},
		{"%d-%m-%Y", "01-02-", "the text ends where a year of four digits (%Y) should follow"},
		{"%d-%m-%Y", "01-02-2024 ", "nothing more should follow at position 11"},
		{"%d-%m-%Y", "", "the text is empty"},
		{"%F %T", "2024-01-01 24:00:00", "there is no hour 24"},
		{"%F %T", "2024-01-01 23:60:00", "there is no minute 60"},
		{"%F %T", "2024-01-01 23:59:60", "there is no second 60"},
		{"%F %I %p", "2024-01-01 00 AM", "there is no hour 0 before AM or PM"},
		{"%F %H %p", "2024-01-01 13 AM", "AM or PM does not agree with the hour 13"},
		{"%a %F", "Mon 2024-07-02", "that day is a Tuesday"},
		{"%Y%j", "2023366", "the year 2023 has no day 366"},
		{"%Y%j", "2023000", "the year 2023 has no day 0"},
		{"%F%z", "2024-01-01+24:00", "a zone such as +02:00 or Z (%z)"},
		{"%F%z", "2024-01-01+01:60", "a zone such as +02:00 or Z (%z)"},
		{"%F %T.%3f", "2024-01-01 00:00:00.12", "a fraction of 3 digits (%3f)"},
		{"%b %d %Y", "Jux 01 2024", "a short month name such as Jan (%b)"},
	} {
		_, err := mustCompile(t, c.format).ParseDate([]byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s of %q:\n got %v\nwant %s", c.format, c.text, err, c.want)
		}
	}
	long := strings.Repeat("é", 200)
	if _, err := mustCompile(t, "%F").ParseTime([]byte(long), nil); err == nil || len(err.Error()) > 400 || !strings.Contains(err.Error(), "...") {
		t.Errorf("a long text is cut off: %v", err)
	}
	if _, err := mustCompile(t, "%s").ParseTime([]byte("99999999999999999999"), nil); err == nil {
		t.Error("unix seconds beyond the range are accepted")
	}
	if _, err := mustCompile(t, "%s").ParseDate([]byte("1")); err == nil || !strings.Contains(err.Error(), "depends on the zone") {
		t.Errorf("unix seconds as a date: %v", err)
	}
}

func TestAppend(t *testing.T) {
	at := time.Date(2024, 7, 1, 5, 4, 3, 20_100_000, time.UTC)
	for _, c := range []struct{ format, want string }{
		{"%Y-%m-%d %H:%M:%S", "2024-07-01 07:04:03"},
		{"%-d/%-m/%y %-H:%-M:%-S", "1/7/24 7:4:3"},
		{"%e|%j|%b|%B|%a|%A", " 1|183|Jul|July|Mon|Monday"},
		{"%I %-I %p", "07 7 AM"},
		{"%f %1f %3f %9f", "020100 0 020 020100000"},
		{"%z %:z", "+0200 +02:00"},
		{"%s %%", "1719810243 %"},
	} {
		got := string(mustCompile(t, c.format).AppendTime(nil, at.UnixMicro(), location(t, "Europe/Amsterdam")))
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.format, got, c.want)
		}
	}
	for hour, want := range map[int]string{0: "12 AM", 1: "01 AM", 11: "11 AM", 12: "12 PM", 13: "01 PM", 23: "11 PM"} {
		if got := string(mustCompile(t, "%I %p").AppendTime(nil, int64(hour)*3600*microsPerSecond, nil)); got != want {
			t.Errorf("hour %d is %s, want %s", hour, got, want)
		}
	}
	days, err := mustCompile(t, "%F").ParseDate([]byte("2024-02-29"))
	if got := string(mustCompile(t, "%d.%m.%Y %H:%M").AppendDate(nil, days)); err != nil || got != "29.02.2024 00:00" {
		t.Errorf("AppendDate: %q, %v", got, err)
	}
}

func TestNoAllocation(t *testing.T) {
	f := mustCompile(t, "%d-%m-%Y %H:%M:%S")
	ams := location(t, "Europe/Amsterdam")
	p, pr, z := f.Parser(ams), f.Printer(ams), NewZone(ams)
	texts := [][]byte{[]byte("01-07-2024 12:30:45"), []byte("31-12-2024 12:30:45"), []byte("01-01-1999 00:00:00")}
	var buf [64]byte
	for name, run := range map[string]func() error{
		"Format.ParseTime": func() error { _, err := f.ParseTime(texts[0], ams); return err },
		"Format.ParseDate": func() error { _, err := f.ParseDate(texts[0]); return err },
		"Format.TryDate":   func() error { f.TryDate(texts[0][1:]); return nil },
		"Parser.Time": func() error {
			for _, s := range texts {
				if _, err := p.Time(s); err != nil {
					return err
				}
			}
			return nil
		},
		"Printer.Append": func() error { pr.Append(buf[:0], 1719810243_000000); return nil },
		"AppendRFC3339":  func() error { z.AppendRFC3339(buf[:0], 1719810243_000001); return nil },
	} {
		var err error
		if n := testing.AllocsPerRun(100, func() { err = run() }); n != 0 || err != nil {
			t.Errorf("%s: %v allocations, %v", name, n, err)
		}
	}
}

// TestDirectives: what is documented compiles, writes something, and an unknown
// directive is answered with the list.
func TestDirectives(t *testing.T) {
	_, unknown := Compile("%Q")
	for _, d := range Directives() {
		if d.Meaning == "" || !strings.Contains(unknown.Error(), " "+d.Name) {
			t.Errorf("%s is not documented, or not in %q", d.Name, unknown)
		}
		f, err := Compile(d.Name + " %Y")
		if err != nil || len(f.AppendTime(nil, 0, nil)) < len("x 1970") {
			t.Errorf("%s: %v", d.Name, err)
		}
	}
	for _, r := range "YymdejbBaAHIpMSfzsFTR" {
		if !strings.Contains(unknown.Error(), "%"+string(r)) {
			t.Errorf("%%%c is not documented", r)
		}
	}
}
