package exec

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"weir/engine/record"
)

// TestKeep: of what a lane encoded, the rows that went on are left, in order.
func TestKeep(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, out, want := &lane{}, &record.Batch{N: 40, Sel: []int32{}}, ""
		whole := rapid.Bool().Draw(t, "no selection")
		for i := range int32(out.N) {
			if !whole && rapid.IntRange(0, 2).Draw(t, "dropped before") == 0 {
				continue
			}
			text := fmt.Sprintf("row %d\n", i*i*i)
			l.encoded = append(l.encoded, text...)
			l.ends, l.sel = append(l.ends, len(l.encoded)), append(l.sel, i)
			if rapid.IntRange(0, 4).Draw(t, "goes on") > 0 {
				out.Sel, want = append(out.Sel, i), want+text
			}
		}
		if whole {
			l.sel = nil
		}
		if len(out.Sel) == out.N {
			out.Sel = nil
		}
		if l.keep(out); string(l.encoded) != want {
			t.Fatalf("left is\n%s, want\n%s", l.encoded, want)
		}
	})
}
