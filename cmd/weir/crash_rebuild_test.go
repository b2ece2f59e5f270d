package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/engine/state"
)

const heldPipeline = `
pipeline "big" {
  source "file" "in" {
    path  = "DIR/*.csv"
    ready = "now"
  }
  decode "csv" {
    columns = {
      id = "text"
      n  = "int required"
    }
  }
  dedupe "once" {
    keys = { row = "KEY" }
  }
  check "numbers" {
    unique = ["n"]
  }
  STEP
  sink "file" "out" {
    path   = "DIR/out.ndjson"
    exists = "replace"
  }
  commit {
    rows = 5000
  }
}
`

// heldSteps are steps that keep rows, or what they saw, from commit to commit.
var heldSteps = map[string]string{
	"group": `group "total" {
    by = ["id"]
    fields = {
      id    = "first(rows).id"
      rows  = "len(rows)"
      total = "sum(rows, .n)"
    }
  }`,
	"last":   "dedupe \"last\" {\n keys = { id = \"id\" }\n keep = \"last\"\n }",
	"unique": "",
}

// TestRebuildWithHeldRows kills a run while steps hold rows that commits kept, changes the
// keys of a step, has the state rebuilt, and compares with a run that had nothing before:
// nothing of what was held is delivered, and the ledger counts it as given up (I3).
func TestRebuildWithHeldRows(t *testing.T) {
	for name, step := range heldSteps {
		for _, gone := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, file gone %v", name, gone), func(t *testing.T) { rebuildHeld(t, step, gone) })
		}
	}
}

func rebuildHeld(t *testing.T, step string, gone bool) {
	r, fresh := newCrashRig(t, true), newCrashRig(t, true)
	input := func(x *crashRig, file string, from int) {
		var sb strings.Builder
		sb.WriteString("id,n\n")
		for i := range 30_000 {
			fmt.Fprintf(&sb, "%0100d,%d\n", i%997, from+i) // of more than one chunk
		}
		writeIn(t, x.dir, file, sb.String())
	}
	configure := func(x *crashRig, key string) {
		x.path = filepath.Join(x.dir, "big.hcl")
		writeIn(t, x.dir, "big.hcl", strings.NewReplacer("DIR", x.dir, "KEY", key, "STEP", step).Replace(heldPipeline))
	}
	input(r, "a.csv", 0)
	configure(r, "n")
	if done, out := r.run(t.Context(), "committed:2"); done {
		t.Fatalf("the run was not killed: %s", out)
	}
	before := totalsOf(t, r)
	if step != "" && before.Held == 0 {
		t.Fatalf("nothing is held: %+v", before)
	}
	for _, x := range []*crashRig{r, fresh} { // deliveries of the run before are not what is looked at
		if err := os.Remove(filepath.Join(x.dir, "out.ndjson")); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	if gone {
		if err := os.Remove(filepath.Join(r.dir, "a.csv")); err != nil {
			t.Fatal(err)
		}
		input(r, "b.csv", 7)
		input(fresh, "b.csv", 7)
	} else {
		input(fresh, "a.csv", 0)
	}
	configure(r, "n + 1")
	configure(fresh, "n + 1")
	if _, code, out := r.start(t.Context(), "", "run", r.path); code != exitConfig || !strings.Contains(out, "keys are stored") {
		t.Fatalf("exit %d: a change of keys was taken: %s", code, out)
	}
	for _, x := range []*crashRig{r, fresh} {
		if done, code, out := x.start(t.Context(), "", "run", x.path, "--stored-state", "rebuild"); !done || code != exitOK {
			t.Fatal(out)
		}
	}
	sameLines(t, filepath.Join(r.dir, "out.ndjson"), filepath.Join(fresh.dir, "out.ndjson"))
	r.stored() // runs add up to the totals, and nothing is left over
	got, want := totalsOf(t, r), totalsOf(t, fresh)
	want.Add(before)
	want.Held -= before.Held
	if before.Held > 0 {
		want.Add(state.Counts{Filtered: map[string]int64{"given_up": before.Held}})
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("totals %v, want %v", got, want)
	}
}

func writeIn(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
