package serve_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// deduping is trapped with a dedupe step on entity.person, by the cell.
func deduping(name string) string {
	return strings.Replace(trapped(name, "every 1s", ""), `  sink "trap"`, `  dedupe "once" {
    entity = entity.person
    keys   = { id = "a" }
    keep   = "first"
  }
  sink "trap"`, 1)
}

// An identity space that two pipelines share is reset while neither runs: as long as
// a run of one goes on nothing is dropped, and afterwards what is known there begins anew.
func TestResetOfASharedSpace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, map[string]string{
			"config/entity.hcl": "entity \"person\" {\n  keys = { id = \"value\" }\n}\n",
			"config/a.hcl":      deduping("a"), "config/b.hcl": deduping("b"),
			"in/a1.csv": "a\nx\n", "in/b1.csv": "a\nx\n",
		})
		s := r.start()
		keys := func() int {
			t.Helper()
			n, err := s.Store().CountSpace("entity.person")
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if !r.has("a", "x") || !r.has("b", "x") || keys() == 0 {
			t.Fatalf("%v, %v, %d keys", r.traps.get("a").seen(), r.traps.get("b").seen(), keys())
		}
		release := r.traps.get("b").hangs()
		r.write("in/b2.csv", "a\ny\n")
		time.Sleep(5 * time.Second)
		before := keys()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := s.Reset(ctx, "entity.person"); !errors.Is(err, context.DeadlineExceeded) || keys() != before {
			t.Errorf("during a run of b: %v, %d keys of %d", err, keys(), before)
		}
		release()
		if err := s.Reset(t.Context(), "entity.person"); err != nil || keys() != 0 {
			t.Errorf("%v, %d keys", err, keys())
		}
		for _, p := range []string{"a", "b"} { // nobody is known any more, whoever comes first
			r.write("in/"+p+"3.csv", "a\nx\n")
			time.Sleep(5 * time.Second)
			synctest.Wait()
		}
		if a, b := strings.Join(r.traps.get("a").seen(), " "), strings.Join(r.traps.get("b").seen(), " "); a != "x x" || b != "x y x" || keys() == 0 {
			t.Errorf("a delivered %s, b %s; %d keys", a, b, keys())
		}
		r.stop()
	})
}
