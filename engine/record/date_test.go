package record

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestDateAgainstTime: days, months and years are those of package time.
func TestDateAgainstTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := DateValue{rapid.OneOf(rapid.Int64Range(-1e8, 1e8), rapid.Int64Range(-1e6, 1e6)).Draw(t, "days")}
		want := time.Unix(0, 0).UTC().AddDate(0, 0, int(d.Days))
		y, m, day := d.Civil()
		if y != want.Year() || m != int(want.Month()) || day != want.Day() {
			t.Fatalf("%d is %d-%d-%d, want %s", d.Days, y, m, day, want)
		}
		if back, exists := DateOf(y, m, day); !exists || back != d {
			t.Fatalf("%d-%d-%d is %d, %v, want %d", y, m, day, back.Days, exists, d.Days)
		}
		if !d.Time().Equal(want) || d.Time().Location() != time.UTC {
			t.Fatalf("%d is midnight %s, want %s", d.Days, d.Time(), want)
		}
		if d.String() != want.Format("2006-01-02") {
			t.Fatalf("%d is written %s, want %s", d.Days, d, want.Format("2006-01-02"))
		}
	})
}

// TestDateOf: a day exists exactly when package time does not move it.
func TestDateOf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		y := rapid.IntRange(-300, 10300).Draw(t, "year")
		m := rapid.IntRange(-1, 14).Draw(t, "month")
		day := rapid.IntRange(-1, 33).Draw(t, "day")
		at := time.Date(y, time.Month(m), day, 0, 0, 0, 0, time.UTC)
		want := at.Year() == y && int(at.Month()) == m && at.Day() == day
		d, exists := DateOf(y, m, day)
		if exists != want || exists && d.Days*86400 != at.Unix() {
			t.Fatalf("%d-%d-%d: %d, %v, want %v", y, m, day, d.Days, exists, want)
		}
	})
}

func TestDateDoesNotAllocate(t *testing.T) {
	d, buf := DateValue{19_000}, make([]byte, 0, 32)
	if n := testing.AllocsPerRun(100, func() { _ = d.Append(buf) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
