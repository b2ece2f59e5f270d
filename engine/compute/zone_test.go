package compute

import (
	"strings"
	"testing"
	"time"

	"weir/engine/function"
	"weir/engine/record"
)

func zoneSchema(t *testing.T) *record.Schema {
	return record.NewSchema([]record.Field{
		field("s", tString), field("b", tBool), field("day", tDate),
		field("at", record.Type{Kind: record.Time, Zone: amsterdam(t)}), field("utc", tTime),
	})
}

// A datetime is shown in the zone of its type, in kernels as in the VM.
func TestZones(t *testing.T) {
	s := zoneSchema(t)
	at := fixed()
	b := batchOf(s, [][]any{{"2024-07-01 23:30", true, day(2024, 7, 1), at, at}, {"2024-01-01 23:30", false, day(2024, 7, 1), at, at}})
	c := New(s, Options{Now: fixed, Functions: function.All()})
	for _, tt := range []struct{ src, zone, first, second string }{
		{"strftime(datetime(s, '%Y-%m-%d %H:%M', 'Europe/Amsterdam'), '%H %z')", "", "23 +0200", "23 +0100"},
		{"datetime(s, '%Y-%m-%d %H:%M', 'Europe/Amsterdam')", "Europe/Amsterdam", "2024-07-01T21:30:00Z", "2024-01-01T22:30:00Z"},
		{"strftime(in_zone(utc, 'Asia/Tokyo'), '%H')", "", "19", "19"},
		{"in_zone(utc, 'Asia/Tokyo')", "Asia/Tokyo", "2024-07-01T10:00:00Z", "2024-07-01T10:00:00Z"},
		{"strftime(add_days(at, 1), '%d %H')", "", "02 12", "02 12"},
		{"strftime(add_days(in_zone(at, 'Asia/Tokyo'), -182), '%Y-%m-%d %H')", "", "2024-01-01 19", "2024-01-01 19"},
		{"strftime(b ? at : in_zone(utc, 'Asia/Tokyo'), '%H')", "", "12", "12"},
		{"strftime(b ? in_zone(utc, 'Asia/Tokyo') : at, '%H')", "", "19", "19"},
		{"strftime(max(utc, at), '%H')", "", "10", "10"},
		{"strftime(max(at, utc), '%H')", "", "12", "12"},
		{"strftime((b ? nil : in_zone(at, 'Asia/Tokyo')) ?? at, '%H')", "", "19", "19"},
		{"string(in_zone(at, 'UTC').Hour())", "", "10", "10"},
	} {
		e := compileRow(t, c, tt.src)
		if e.typ.Kind == record.Time && e.typ.Location().String() != tt.zone {
			t.Errorf("%s is in %s, want %s", tt.src, e.typ.Location(), tt.zone)
		}
		for _, kernels := range []bool{true, false} {
			for i, want := range []string{tt.first, tt.second} {
				if got := plainText(outcomes(e, b, kernels && e.slow == "")[i]); got != want {
					t.Errorf("%s, kernels %v, row %d: %q, want %q", tt.src, kernels, i, got, want)
				}
			}
		}
	}
}

// What a function says about its constants is reported where they are written.
func TestConstantArguments(t *testing.T) {
	c := New(zoneSchema(t), Options{Vars: map[string]any{"zone": "s3cret/Zone", "format": "%Q"}, Functions: function.All()})
	for _, tt := range []struct{ src, at, says string }{
		{"date(s, '%Q')", "'%Q'", "%Q"},
		{"date_or_nil(s, '%Q') == nil", "'%Q'", "%Q"},
		{"in_zone(at, 'Europe/Nowhere')", "'Europe/Nowhere'", `"Europe/Nowhere" is not a time zone`},
		{"datetime(s, '%Y-%m-%d', 'Europe/Nowhere')", "'Europe/Nowhere'", `"Europe/Nowhere" is not a time zone`},
		{"datetime(s, '%Q', 'Europe/Nowhere')", "'%Q'", "%Q"},
		{"datetime('', '%Q')", "'%Q'", "%Q"},
		{"round(1.5, 99)", "99", "not 99"},
		{"in_zone(at, s)", "s", "has one zone"},
		{"in_zone(at, b ? 'UTC' : 'Europe/Amsterdam')", "b ? 'UTC' : 'Europe/Amsterdam'", "has one zone"},
		{"datetime(s, '%Y', s + '')", "s + ''", "has one zone"},
		{"in_zone(at, var.zone)", "var.zone", "The value is not a time zone"},
	} {
		_, ds := c.Row(txt(tt.src), record.Invalid)
		if len(ds) != 1 || ds[0].Code != "expr.argument" {
			t.Errorf("%s: %s", tt.src, show(ds))
			continue
		}
		if got := tt.src[ds[0].Subject.Start.Byte:ds[0].Subject.End.Byte]; got != tt.at {
			t.Errorf("%s: points to %q, want %q", tt.src, got, tt.at)
		}
		if !strings.Contains(ds[0].Detail, tt.says) || strings.Contains(ds[0].Detail, "s3cret") {
			t.Errorf("%s: %s", tt.src, show(ds))
		}
	}
}

// plainText shows a result of the tests above.
func plainText(o outcome) string {
	switch v := o.v.(type) {
	case string:
		return v
	case time.Time:
		return v.UTC().Format(time.RFC3339)
	}
	return "error " + o.err
}
