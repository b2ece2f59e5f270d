package datetime

import (
	"testing"
	"time"
)

// layouts pairs formats with those of package time that mean the same.
var layouts = []struct{ format, layout string }{
	{"%Y-%m-%d", "2006-01-02"},
	{"%d-%m-%Y %H:%M:%S", "02-01-2006 15:04:05"},
	{"%Y%m%d%H%M%S", "20060102150405"},
	{"%FT%T%:z", "2006-01-02T15:04:05-07:00"},
	{"%F %T.%3f", "2006-01-02 15:04:05.000"},
	{"%F %T.%6f %z", "2006-01-02 15:04:05.000000 -0700"},
	{"%d %b %y %I:%M %p", "02 Jan 06 03:04 PM"},
	{"%e %B %Y", "_2 January 2006"},
	{"%-d/%-m/%Y", "2/1/2006"},
	{"%Y-%j", "2006-002"},
}

// FuzzParse: what is read is what package time reads, where both accept; and
// what package time refuses is refused, but for looser rules of our own.
func FuzzParse(f *testing.F) {
	at := time.Date(2024, 2, 29, 23, 59, 58, 7_000_000, time.UTC)
	for i, l := range layouts {
		f.Add(uint8(i), at.Format(l.layout))
		f.Add(uint8(i), "31-02-2024")
	}
	ams := location(f, "Europe/Amsterdam")
	compiled := make([]*Format, len(layouts))
	for i, l := range layouts {
		compiled[i] = mustCompile(f, l.format)
	}
	f.Fuzz(func(t *testing.T, i uint8, text string) {
		k := int(i) % len(layouts)
		got, err := compiled[k].ParseTime([]byte(text), ams)
		if err != nil {
			if err.Error() == "" {
				t.Fatal("an error without words")
			}
			return
		}
		want, stdErr := time.ParseInLocation(layouts[k].layout, text, ams)
		if stdErr != nil {
			return // package time takes offsets in one notation only
		}
		if want.UnixMicro() != got {
			t.Fatalf("%s of %q: %d, want %d", layouts[k].format, text, got, want.UnixMicro())
		}
	})
}

// FuzzAppend: what is written is what package time writes, and reads back.
func FuzzAppend(f *testing.F) {
	f.Add(uint8(0), int64(0))
	f.Add(uint8(4), int64(-1))
	f.Add(uint8(5), int64(1735603200_000000))
	ams := location(f, "Europe/Amsterdam")
	f.Fuzz(func(t *testing.T, i uint8, micros int64) {
		l := layouts[int(i)%len(layouts)]
		micros %= 250_000_000_000 * 1_000_000 / 2 // years 0 to 9999 within
		at := time.UnixMicro(micros).In(ams)
		if y := at.Year(); y < 1 || y > 9998 {
			return
		}
		form := mustCompile(t, l.format)
		got := string(form.AppendTime(nil, micros, ams))
		if _, off := at.Zone(); off%60 == 0 && got != at.Format(l.layout) {
			t.Fatalf("%s of %d: %q, want %q", l.format, micros, got, at.Format(l.layout))
		}
		if rfc := string(AppendRFC3339(nil, micros, ams)); at.Second()%60 == at.Second() {
			back, err := mustCompile(t, "%FT%T%z").ParseTime([]byte(rfc), nil)
			if micros%1_000_000 != 0 {
				back, err = mustCompile(t, "%FT%T.%f%z").ParseTime([]byte(rfc), nil)
			}
			if err != nil || back != micros {
				t.Fatalf("%s: %d, %v, want %d", rfc, back, err, micros)
			}
		}
	})
}

// FuzzCompile: any format compiles or is refused in words; what it writes of a
// whole second it reads back when it can read at all.
func FuzzCompile(f *testing.F) {
	f.Add("%Y-%m-%d %H:%M:%S %z")
	f.Add("%s.%f")
	f.Add("%a %e %b %I%p%%")
	f.Fuzz(func(t *testing.T, format string) {
		form, err := Compile(format)
		if err != nil {
			return
		}
		const at = 1709251198_000000
		text := form.AppendTime(nil, at, time.UTC)
		if form.CanParseTime() != nil || form.has&partFraction != 0 {
			return
		}
		back, err := form.ParseTime(text, nil)
		if err != nil {
			return // %-d before a digit of its own cannot be told apart
		}
		if again := form.AppendTime(nil, back, time.UTC); string(again) != string(text) {
			t.Fatalf("%q: %q was read as %q", format, text, again)
		}
	})
}

func BenchmarkParserTime(b *testing.B) {
	f := mustCompile(b, "%d-%m-%Y %H:%M:%S")
	p := f.Parser(location(b, "Europe/Amsterdam"))
	s := []byte("01-07-2024 12:30:45")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Time(s); err != nil {
			b.Fatal(err)
		}
	}
}
