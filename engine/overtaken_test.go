package engine_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"weir/engine"
	"weir/engine/state"
)

// next runs the pipeline over another input.
func (r *replayTest) next(data string, refuse ...string) {
	r.t.Helper()
	r.box.refuse, r.box.rows = refuse, nil
	in := filepath.Join(r.dir, "in.csv")
	if err := os.WriteFile(in+".new", []byte(data), 0o600); err != nil {
		r.t.Fatal(err)
	}
	if err := os.Rename(in+".new", in); err != nil {
		r.t.Fatal(err)
	}
	rep, err := r.e.Run(r.t.Context(), r.l, engine.RunOptions{StateDir: r.state()})
	if err != nil || !rep.OK {
		r.t.Fatal(err, rep)
	}
}

// got checks what was delivered since the last look.
func (r *replayTest) got(what string, want ...string) {
	r.t.Helper()
	if !slices.Equal(r.box.rows, want) {
		r.t.Errorf("%s: delivered %q, want %q", what, r.box.rows, want)
	}
	r.box.rows = nil
}

// overtaken returns the rows that overtook dead letters, by their numbers.
func (r *replayTest) overtaken() map[uint64]int64 {
	r.t.Helper()
	out := map[uint64]int64{}
	s, err := state.Open(r.state(), state.Options{ReadOnly: true})
	if err != nil {
		r.t.Fatal(err)
	}
	err = s.Rejects("p", 1, func(x state.Reject) bool {
		if x.Overtaken.Row > 0 {
			out[x.ID] = x.Overtaken.Row
		}
		return true
	})
	if err = errors.Join(err, s.Close()); err != nil {
		r.t.Fatal(err)
	}
	return out
}

func (r *replayTest) replayStale(ids ...uint64) *engine.PipelineReport {
	r.t.Helper()
	p, err := r.e.Replay(r.t.Context(), r.l, engine.ReplayOptions{StateDir: r.state(), Pipeline: "p", IDs: ids, Stale: true})
	if err != nil || p.Err != nil {
		r.t.Fatal(err, p.Err)
	}
	return p
}

func changing(keep string) replayCase {
	return replayCase{
		steps: "dedupe \"d\" {\nkeys = { id = \"id\" }\nkeep = \"" + keep + "\"\n}\nsink \"box\" \"out\" {\nname = \"out\"\n}\n",
		data:  "id,n\na,1\nb,1\n", refuse: []string{`"a"`},
	}
}

// TestReplayOvertaken: a refused row of which a later one of the entity went through is not
// replayed unless that is asked for, and says what overtook it.
func TestReplayOvertaken(t *testing.T) {
	r := newReplay(t, changing("changed"))
	r.got("first", `out {"id":"b","n":1}`)
	r.next("id,n\nb,1\na,2\n")
	r.got("then", `out {"id":"a","n":2}`)
	if got := r.overtaken(); len(got) != 1 || got[1] != 2 {
		t.Fatalf("overtaken: %v", got)
	}
	p := r.replay([]uint64{1}, nil)
	if p.Err != nil || p.Ledger.Read != 0 || len(p.Notices) != 1 || p.Notices[0].Code != "run.overtaken" {
		t.Errorf("%+v", p)
	}
	r.got("replayed")
	if ids, _ := r.letters(); len(ids) != 1 {
		t.Errorf("letters %v", ids)
	}
	r.replayStale(1)
	r.got("replayed although it is stale", `out {"id":"a","n":1}`)
	if ids, _ := r.letters(); len(ids) != 0 {
		t.Errorf("letters %v", ids)
	}
	// The receiver has the stale row, so that what overtook it is a change again.
	r.next("id,n\na,2\nb,1\n")
	r.got("at last", `out {"id":"a","n":2}`)
}

// TestNotOvertaken: rows refused later, and rows of which each is an event of its own, overtake nothing.
func TestNotOvertaken(t *testing.T) {
	r := newReplay(t, changing("all"))
	r.next("id,n\na,2\n")
	if got := r.overtaken(); len(got) != 0 {
		t.Errorf("with keep = all: %v", got)
	}
	r = newReplay(t, changing("changed"))
	r.next("id,n\na,2\n", `"a"`)
	if got := r.overtaken(); len(got) != 0 {
		t.Errorf("by a refused one: %v", got)
	}
	r.box.refuse = nil
	r.replay([]uint64{1, 2}, nil)
	r.got("both", `out {"id":"a","n":1}`, `out {"id":"a","n":2}`)
	if ids, _ := r.letters(); len(ids) != 0 {
		t.Errorf("letters %v", ids)
	}
}

// TestOvertakenByReplay: a replayed row overtakes those refused before it, however often these were
// refused, and none refused after it.
func TestOvertakenByReplay(t *testing.T) {
	r := newReplay(t, changing("changed"))
	r.next("id,n\na,2\n", `"a"`)
	r.replay([]uint64{1}, nil) // it is refused again, as number 3
	r.box.refuse = nil
	r.replay([]uint64{2}, nil)
	r.got("the second", `out {"id":"a","n":2}`)
	if got := r.overtaken(); len(got) != 1 || got[3] == 0 {
		t.Errorf("overtaken: %v", got)
	}
	r = newReplay(t, changing("changed"))
	r.next("id,n\na,2\n", `"a"`)
	r.box.refuse = nil
	r.replay([]uint64{1}, nil)
	r.got("the first", `out {"id":"a","n":1}`)
	if got := r.overtaken(); len(got) != 0 {
		t.Errorf("overtaken: %v", got)
	}
	r.next("id,n\na,3\n")
	if got := r.overtaken(); len(got) != 1 || got[2] == 0 {
		t.Errorf("overtaken: %v", got)
	}
}

// TestOvertakenBySame: a row that changes nothing says that the refused one is no longer true.
func TestOvertakenBySame(t *testing.T) {
	c := changing("changed")
	c.refuse = nil
	r := newReplay(t, c)
	r.next("id,n\na,2\n", `"a"`)
	r.next("id,n\na,1\n")
	r.got("the same")
	if got := r.overtaken(); len(got) != 1 || got[1] == 0 {
		t.Errorf("overtaken: %v", got)
	}
}
