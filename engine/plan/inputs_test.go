package plan

import (
	"testing"
	"time"

	"weir/engine/record"
)

func TestUnlike(t *testing.T) {
	f := func(name string, typ record.Type) record.Field { return record.Field{Name: name, Type: typ} }
	str, num := record.Of(record.String), record.Of(record.Int)
	at := func(zone *time.Location) record.Type { return record.Type{Kind: record.Time, Zone: zone} }
	for _, tt := range []struct {
		a, b []record.Field
		want string
	}{
		{[]record.Field{f("id", str), f("n", num)}, []record.Field{f("id", str), f("n", record.Of(record.Decimal))}, "n is int in map.a and decimal in map.b"},
		{[]record.Field{f("id", str), f("x", num)}, []record.Field{f("id", str), f("y", str)}, "only map.a has x (int); only map.b has y (string)"},
		{[]record.Field{f("id", str)}, []record.Field{f("id", record.NullableOf(record.String))}, "id is string in map.a and string or nil in map.b"},
		{[]record.Field{f("id", str), f("n", num)}, []record.Field{f("n", num), f("id", str)}, "map.a has its fields in the order id, n; map.b has them in the order n, id"},
		{[]record.Field{f("o", record.ListOf(record.ObjectOf([]record.Field{f("x", str)})))}, []record.Field{f("o", record.ListOf(record.ObjectOf([]record.Field{f("x", num)})))},
			"o[].x is string in map.a and int in map.b"},
		{[]record.Field{f("at", at(nil))}, []record.Field{f("at", at(time.FixedZone("CET", 3600)))}, "at is a datetime in the zone UTC in map.a and CET in map.b"},
		{[]record.Field{f("a", str), f("b", str), f("c", str), f("d", str), f("e", str), f("f", str)}, nil,
			"only map.a has a (string); only map.a has b (string); only map.a has c (string); only map.a has d (string); and 2 more"},
	} {
		if got := unlike(record.NewSchema(tt.a), record.NewSchema(tt.b), "map.a", "map.b"); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}
