package record

import (
	"testing"
	"time"
)

// TestTypeEqual: two loads of one zone are one zone, and no zone is UTC.
func TestTypeEqual(t *testing.T) {
	load := func(name string) Type {
		loc, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		return Type{Kind: Time, Zone: loc}
	}
	for _, c := range []struct {
		a, b Type
		want bool
	}{
		{load("Europe/Amsterdam"), load("Europe/Amsterdam"), true},
		{load("Europe/Amsterdam"), load("Europe/Warsaw"), false},
		{load("UTC"), Of(Time), true},
		{load("Europe/Amsterdam"), Of(Time), false},
		{ListOf(load("Europe/Amsterdam")), ListOf(load("Europe/Amsterdam")), true},
		{ListOf(Of(Time)), ListOf(NullableOf(Time)), false},
		{ObjectOf([]Field{{Name: "a", Type: Of(Int)}}), ObjectOf([]Field{{Name: "b", Type: Of(Int)}}), false},
	} {
		if c.a.Equal(c.b) != c.want || c.b.Equal(c.a) != c.want {
			t.Errorf("%s and %s: equal is %v", c.a, c.b, !c.want)
		}
	}
}
