package watch

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestCheckout changes, adds and removes many files and folders, as git does
// when it switches branches: one change has them all.
func TestCheckout(t *testing.T) {
	files := map[string]string{}
	var p Paths
	for d := range 20 {
		p.Folders = append(p.Folders, fmt.Sprintf("all/m%d", d))
		for f := range 10 {
			files[fmt.Sprintf("all/m%d/f%d.hcl", d, f)] = "1"
		}
	}
	r := newRig(t, Options{Quiet: 2 * time.Second, MaxQuiet: time.Minute}, files)
	r.deadline = time.Minute
	r.w.Set(Paths{Roots: r.paths("all"), Folders: r.paths(p.Folders...)})
	var want []string
	for d := range 20 {
		for f := range 10 {
			n := fmt.Sprintf("all/m%d/f%d.hcl", d, f)
			switch {
			case f < 5:
				r.remove(n)
				r.write(n, "2")
			case f == 5:
				r.remove(n)
			default:
				continue
			}
			want = append(want, n)
		}
		n := fmt.Sprintf("all/new%d/a.hcl", d)
		r.write(n, "1")
		want = append(want, n)
	}
	seen, changes := r.wait(want...)
	slices.Sort(want)
	if d := cmp.Diff(want, seen); d != "" {
		t.Error(d)
	}
	if len(changes) != 1 || changes[0].Trigger != Notify {
		t.Errorf("%d changes, the first by %s", len(changes), changes[0].Trigger)
	}
}
