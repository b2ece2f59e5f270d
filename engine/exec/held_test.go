package exec_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/engine/exec"
	"weir/engine/state"
)

// grouped is a pipeline of groups of ten adjacent rows, of which commits cut some.
const grouped = source + `
  group "g" {
    by     = ["int(id / 10)"]
    within = "adjacent"
    fields = { id = "first(rows).id", rows = "len(rows)", sum = "sum(rows, .n)" }
  }
  sink "probe" "out" {
    rows = 3
  }
  commit {
    rows = 60
  }`

// groups are the rows that grouped delivers of the rows from to to-1.
func groups(from, to int) (out string) {
	for i := from; i < to; i += 10 {
		out += fmt.Sprintf(`{"id":%d,"rows":10,"sum":20}`+"\n", i)
	}
	return out
}

// killAt ends the next run at the n-th time that it comes to a point.
func (r *rig) killAt(point string, n int) {
	r.t.Helper()
	r.point = func(p string) {
		if p == point {
			if n--; n == 0 {
				panic(crash{p})
			}
		}
	}
	r.fails("killed at " + point)
	r.point = func(string) {}
}

func (r *rig) rename(from, to string) {
	r.t.Helper()
	if err := os.Rename(from, to); err != nil {
		r.t.Fatal(err)
	}
}

// forget makes the next run read a file from its beginning.
func (r *rig) forget(name string) {
	r.t.Helper()
	store, err := state.New(r.kv, state.Options{})
	if err != nil {
		r.t.Fatal(err)
	}
	defer r.kv.Reopen()
	ok, err := store.ForgetFile("p", "source.in", filepath.Join(r.dir, "in", name))
	if err = errors.Join(err, store.Close()); err != nil || !ok {
		r.t.Fatal(ok, err)
	}
}

// kept lists what the store keeps of objects that are read in part.
func (r *rig) kept() (out []state.Held) {
	r.t.Helper()
	store, err := state.New(r.kv, state.Options{})
	if err != nil {
		r.t.Fatal(err)
	}
	defer r.kv.Reopen()
	ses, err := store.Pipeline(r.t.(*testing.T).Context(), "p", 1, "")
	if err != nil {
		r.t.Fatal(err)
	}
	out = ses.HeldObjects()
	if err := store.Close(); err != nil {
		r.t.Fatal(err)
	}
	return out
}

// A group that a commit cuts goes on in the next run: the ledger counts its rows
// as held between the two, and nothing before the commit is read again (I3, I5).
func TestOpenGroupIsCommitted(t *testing.T) {
	for n := 1; n <= 4; n++ {
		r := newRig(t, t.TempDir(), grouped)
		r.put("a.csv", csvRows(0, 300))
		r.killAt("committed", n)
		tot := r.totals()
		if tot.Held <= 0 || tot.Held > 10 || tot.Read < int64(60*n) || tot.Read != tot.Delivered+tot.Grouped+tot.Held {
			t.Errorf("commit %d: totals %v", n, tot)
		}
		kept := r.kept()
		if len(kept) != 1 || kept[0].Row != tot.Read || kept[0].Rows() != tot.Held || kept[0].Size() == 0 {
			t.Errorf("commit %d: the store keeps %+v", n, kept)
		}
		rep := r.done()
		equal(t, "rows of the second run", rep.Counts.Read, 300-tot.Read)
		equal(t, "held by the second run", rep.Counts.Held, -tot.Held)
		equal(t, "totals", r.totals(), "read 300, delivered 30, grouped 270")
		equal(t, "groups", r.probe.effects(t, "out"), groups(0, 300))
		equal(t, "kept in the end", len(r.kept()), 0)
	}
}

// Steps that hold rows of a whole object, or remember them, do not keep a slow
// branch beside them from committing.
func TestWholeObjectHeld(t *testing.T) {
	body := source + `
  sink "probe" "slow" {
    from = decode.csv
    to   = "slow"
    rows = 1
  }
  check "c" {
    from   = decode.csv
    unique = ["id"]
  }
  dedupe "d" {
    keys = { n = "string(n)" }
    keep = "last"
  }
  group "g" {
    from   = check.c
    by     = ["key"]
    within = "object"
    fields = { id = "first(rows).id", rows = "len(rows)" }
  }
  sink "probe" "last" {
    from = dedupe.d
    to   = "last"
  }
  sink "probe" "groups" {
    from = group.g
    to   = "groups"
  }
  commit {
    rows = 60
  }`
	twice := csvRows(0, 250) + "7,again,0\n" + strings.TrimPrefix(csvRows(250, 280), "id,key,n\n")
	calm := newRig(t, t.TempDir(), body)
	calm.put("a.csv", twice)
	equal(t, "counts", calm.done().Counts, "read 281, expanded 561, delivered 297, deduplicated 275, grouped 269, rejected 1")
	for n := 1; n <= 4; n++ {
		r := newRig(t, t.TempDir(), body)
		r.put("a.csv", twice)
		r.killAt("committed", n)
		first := r.totals()
		if first.Read < int64(60*n) || first.Held != 2*(first.Read-first.Rejected) {
			t.Errorf("commit %d: totals %v", n, first)
		}
		equal(t, "rows of both runs", first.Read+r.done().Counts.Read, 281)
		equal(t, "totals", r.totals(), calm.totals())
		for _, to := range []string{"slow", "last", "groups"} {
			equal(t, to, r.probe.effects(t, to), calm.probe.effects(t, to))
		}
		equal(t, "reason", r.rejects()[0].Reason, calm.rejects()[0].Reason)
		equal(t, "deliveries that were repeated", r.probe.repeats("slow"), 0)
	}
}

// A configuration that was changed while a group was open: a step whose keys and
// fields are held alike goes on; else the held rows are refused, and can be replayed.
func TestHeldUnderAnotherConfiguration(t *testing.T) {
	for name, tt := range map[string]struct {
		old, new string
		refused  bool
	}{
		"another field of the same":  {`sum = "sum(rows, .n)"`, `sum = "sum(rows, .n) * 2"`, false},
		"another key":                {`["int(id / 10)"]`, `["int(id / 20)"]`, true},
		"another field to be held":   {`sum = "sum(rows, .n)"`, `sum = "len(first(rows).key)"`, true},
		"another name":               {`group "g"`, `group "h"`, true},
		"a filter beside, of no use": {"group \"g\"", "filter \"f\" {\n drop = \"id < 0\"\n }\n group \"g\"", false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, t.TempDir(), grouped)
			r.put("a.csv", csvRows(0, 300))
			r.killAt("committed", 2)
			held := r.totals().Held
			r.load(strings.Replace(grouped, tt.old, tt.new, 1))
			rep := r.done()
			tot := r.totals()
			equal(t, "held", tot.Held, 0)
			equal(t, "read", tot.Read, 300)
			if !tt.refused {
				equal(t, "rejected", tot.Rejected, 0)
				return
			}
			equal(t, "rejected", tot.Rejected, held)
			if len(rep.Notices) == 0 || !strings.Contains(fmt.Sprint(rep.Notices), "was changed in the middle") {
				t.Errorf("notices %v", rep.Notices)
			}
			for i, x := range r.rejects() {
				if want := fmt.Sprintf("%d,k%d,%d", x.Row-1, (x.Row-1)*7%11, (x.Row-1)%5); x.Code != "row.configuration_changed" ||
					strings.TrimSpace(string(x.Raw)) != want || x.Line != x.Row+1 || x.Step != "group.g" || int64(i) >= held {
					t.Errorf("dead letter %+v with text %q, want %q", x, x.Raw, want)
				}
			}
			equal(t, "kept in the end", len(r.kept()), 0)
		})
	}
}

// A file that is read from its beginning again, or that turns out to be damaged,
// gives up what was held of it, by name.
func TestHeldIsGivenUp(t *testing.T) {
	r := newRig(t, t.TempDir(), grouped)
	r.put("a.csv", csvRows(0, 300))
	r.killAt("committed", 2)
	first := r.totals()
	r.forget("a.csv")
	equal(t, "rows", r.done().Counts.Read, 300)
	tot := r.totals()
	equal(t, "held", tot.Held, 0)
	equal(t, "given up", tot.Filtered["given_up"], first.Held)
	equal(t, "kept in the end", len(r.kept()), 0)

	r = newRig(t, t.TempDir(), grouped)
	r.put("a.csv", csvRows(0, 300))
	r.killAt("committed", 2)
	first = r.totals()
	r.put("a.csv", csvRows(0, 310)) // another file of the same name
	equal(t, "rows", r.done().Counts.Read, 310)
	equal(t, "given up", r.totals().Filtered["given_up"], first.Held)
	equal(t, "kept in the end", len(r.kept()), 0)
}

func TestHeldOfADamagedFile(t *testing.T) {
	r := newRig(t, t.TempDir(), strings.Replace(grouped, "columns", "compression = \"gzip\"\n columns", 1))
	r.put("a.csv", string(packed(t, csvRows(1, 3000))[:4000]))
	r.put("b.csv", string(packed(t, csvRows(0, 100))))
	rep, err := r.run(t.Context())
	var q *exec.QuarantineError
	if !errors.As(err, &q) {
		t.Fatalf("error %v", err)
	}
	if rep.Counts.Read <= 160 || rep.Counts.Held != 0 || rep.Counts.Filtered["given_up"] == 0 || rep.Counts.Difference() != 0 {
		t.Errorf("counts %v", rep.Counts)
	}
	equal(t, "totals", r.totals(), rep.Counts)
	equal(t, "kept in the end", len(r.kept()), 0)
}

// Two files that are read in part: what is held of each waits for it.
func TestHeldOfTwoFiles(t *testing.T) {
	r := newRig(t, t.TempDir(), grouped)
	r.put("b.csv", csvRows(300, 600))
	r.killAt("committed", 2)
	held := r.totals().Held
	path := filepath.Join(r.dir, "in", "b.csv")
	r.rename(path, path+".away")
	r.put("a.csv", csvRows(0, 300))
	r.killAt("committed", 3)
	if got := r.totals().Held; len(r.kept()) != 2 || got <= held {
		t.Errorf("%d rows are held of %d files", got, len(r.kept()))
	}
	r.rename(path+".away", path)
	r.done()
	equal(t, "totals", r.totals(), "read 600, delivered 60, grouped 540")
	equal(t, "groups", len(ids(r.probe.effects(t, "out"))), 60)
	equal(t, "kept in the end", len(r.kept()), 0)
}

// More than commits keep: then the commit waits for the end of the file.
func TestTooMuchHeld(t *testing.T) {
	r := newRig(t, t.TempDir(), strings.NewReplacer(`"adjacent"`, `"object"`, "rows = 60", "rows = 200").Replace(grouped))
	r.chunk = 4 << 20
	wide := strings.Repeat("x", 64<<10)
	var sb strings.Builder
	sb.WriteString("id,key,n\n")
	for i := range 1300 {
		fmt.Fprintf(&sb, "%d,%s,2\n", i, wide)
	}
	r.put("a.csv", sb.String())
	r.killAt("delivering", 1) // at the end of the object
	kept := r.kept()
	if len(kept) != 1 || kept[0].Size() > 64<<20 || kept[0].Size() < 32<<20 || kept[0].Row >= 1100 {
		t.Fatalf("the store keeps %+v", kept)
	}
	rep := r.done()
	equal(t, "rows of the second run", rep.Counts.Read, 1300-kept[0].Row)
	equal(t, "totals", r.totals(), "read 1300, delivered 130, grouped 1170")
	equal(t, "kept in the end", len(r.kept()), 0)
}
