package identity

import (
	"maps"
	"slices"
	"testing"
)

func TestCount(t *testing.T) {
	count := func(st memState) Counts {
		t.Helper()
		c, err := Count("profile", st, func(f func(k, v []byte) bool) error {
			for _, k := range slices.Sorted(maps.Keys(st)) {
				if !f([]byte(k), []byte(st[k])) {
					break
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	st := memState{}
	single := NewSingle("profile", "srs", st)
	for _, v := range []string{"1", "2", "1"} {
		if _, err := single.Visit([]byte(v)); err != nil {
			t.Fatal(err)
		}
	}
	if c := count(st); c != (Counts{Entities: 2, Keys: 2}) {
		t.Errorf("one key each: %+v", c)
	}
	// What a step with one key wrote is read by one with more, which adds to it.
	mustResolve(t, newTest(st, 2), "1 jan@a -", "3 eva@a 06", "3 eva@b 06")
	if c := count(st); c != (Counts{Entities: 3, Keys: 7}) {
		t.Errorf("more keys: %+v", c)
	}
	st["h0123456789012345"], st["t0123456789012345678901234567890123"] = "12345678", "\x01o\x00n"
	if c := count(st); c.Marked != 1 || c.Keys != 7 {
		t.Errorf("with marks and a trail: %+v", c)
	}
	if _, err := Count("profile", st, func(f func(k, v []byte) bool) error { f([]byte("ksrs\x009"), nil); return nil }); err == nil {
		t.Error("a damaged entry was counted")
	}
}
