package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// effects are the lines of what the receiver has, whatever their order.
func (f final) effects() []string {
	lines := strings.Split(f.api, "\n")
	slices.Sort(lines)
	return slices.Compact(lines)
}

// TestStateRepaired: whichever file of the store is damaged, a look says so and changes nothing, a
// repair keeps the files that were found, and the runs that follow bring the receiver to the same
// end, with the same keys for what they repeat (I7).
func TestStateRepaired(t *testing.T) {
	c := crashCase{after: "keep", sink: "rest, keys honoured"}
	want := c.undisturbed(t).effects()
	first := c.rig(t)
	first.run(t.Context(), "committed:3")
	entries, err := os.ReadDir(filepath.Join(first.dir, "state", "db"))
	if err != nil {
		t.Fatal(err)
	}
	repaired := 0
	for _, e := range entries {
		for _, gone := range []bool{true, false} {
			r := c.rig(t)
			r.run(t.Context(), "committed:3")
			name := filepath.Join(r.dir, "state", "db", e.Name())
			info, err := os.Stat(name)
			if err != nil {
				continue // its name differs from run to run
			}
			switch {
			case gone:
				if err := os.Remove(name); err != nil {
					t.Fatal(err)
				}
			case info.Size() < 64:
				continue
			default:
				damage(t, name, info.Size()/4)
			}
			before := backup(t, filepath.Join(r.dir, "state", "db"))
			done, code, out := r.start(t.Context(), "", "state", "repair")
			if code == exitOK {
				continue // it was nothing that counts
			}
			if !done || code != exitFailed || !strings.Contains(out, "is damaged:") || !strings.Contains(out, "add --yes") {
				t.Errorf("%s, gone %v: a look ended with %d: %s", e.Name(), gone, code, out)
			}
			after := backup(t, filepath.Join(r.dir, "state", "db"))
			for n, b := range before {
				if string(after[n]) != string(b) {
					t.Errorf("%s, gone %v: a look changed %s", e.Name(), gone, n)
				}
			}
			if _, code, out = r.start(t.Context(), "", "state", "repair", "--yes"); code != exitOK || !strings.Contains(out, "damaged-1") {
				t.Errorf("%s, gone %v: the repair ended with %d: %s", e.Name(), gone, code, out)
			}
			repaired++
			if _, code, out = r.start(t.Context(), "", "state", "repair"); code != exitOK || !strings.Contains(out, "Nothing is wrong") {
				t.Errorf("%s, gone %v: after the repair a look ended with %d: %s", e.Name(), gone, code, out)
			}
			if done, out := r.run(t.Context(), ""); !done {
				t.Fatal(out)
			}
			got := r.final().effects()
			for _, l := range got {
				if !slices.Contains(want, l) {
					t.Errorf("%s, gone %v: the receiver should not have %s", e.Name(), gone, l)
				}
			}
			for _, l := range want {
				if !slices.Contains(got, l) {
					t.Errorf("%s, gone %v: the receiver does not have %s", e.Name(), gone, l)
				}
			}
		}
	}
	if repaired < 4 {
		t.Errorf("only %d stores were repaired", repaired)
	}
}
