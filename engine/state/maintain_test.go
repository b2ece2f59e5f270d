package state_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"weir/engine/state"
)

func TestForgetFile(t *testing.T) {
	s, _ := newStore(t)
	se := session(t, s, "p")
	must(t, se.PutFile(state.FileEntry{Source: "files", Path: "/a.csv", ID: "f1", State: state.FileReading}))
	must(t, se.SetCursor("files", cursorAt(5)))
	must(t, se.SetCursor("other", cursorAt(5)))
	must(t, se.Commit(t.Context()))
	for i, want := range []bool{true, false} {
		if ok, err := s.ForgetFile("p", "files", "/a.csv"); ok != want || err != nil {
			t.Fatalf("call %d: %v, %v", i, ok, err)
		}
	}
	se = session(t, s, "p")
	must(t, se.SetCursor("files", cursorAt(1)))
	if err := se.SetCursor("other", cursorAt(1)); err == nil {
		t.Fatal("the cursor of another source was dropped too")
	}
	if _, ok, err := se.File("files", "/a.csv"); ok || err != nil {
		t.Fatal(ok, err)
	}
}

func TestPrune(t *testing.T) {
	s, db := newStore(t)
	se := session(t, s, "p")
	must(t, se.StartRun(state.Run{ID: "old", Started: start.Add(-time.Hour)}))
	se.AddReject(state.Reject{Reason: "old", At: start.Add(-time.Hour)})
	se.AddReject(state.Reject{Reason: "new", At: start})
	se.Count(state.Counts{Read: 2, Rejected: 2})
	must(t, se.PutFile(state.FileEntry{Source: "f", Path: "/gone", ID: "1", State: state.FileArchived}))
	must(t, se.PutFile(state.FileEntry{Source: "f", Path: "/here", ID: "2", State: state.FileCommitted}))
	must(t, se.Commit(t.Context()))
	_, err := se.FinishRun(start, state.Succeeded, "")
	must(t, err)
	must(t, s.Close())
	s = reopen(t, db)
	se = session(t, s, "p")
	must(t, se.StartRun(state.Run{ID: "new", Started: start}))
	p, err := s.Prune("p", start)
	if err != nil || p != (state.Pruned{Runs: 1, Rejects: 1}) {
		t.Fatal(p, err)
	}
	p, err = s.Prune("p", start.Add(time.Second))
	if err != nil || p != (state.Pruned{Rejects: 1, Files: 1}) {
		t.Fatal(p, err)
	}
	fs, err := s.Files("p", true)
	if err != nil || len(fs) != 1 || fs[0].Path != "/here" {
		t.Fatal(fs, err)
	}
	rs, err := s.Runs("p", 5)
	if err != nil || len(rs) != 1 || rs[0].ID != "new" {
		t.Fatal(rs, err)
	}
	tot, err := s.Totals("p")
	if err != nil || tot.Rejected != 2 {
		t.Fatal(tot, err)
	}
}

func TestDrop(t *testing.T) {
	s, _ := newStore(t)
	p, q := session(t, s, "p"), session(t, s, "q")
	fill(t, p, 1)
	for i := range 45_000 {
		p.Space("dedupe.order").Put(fmt.Appendf(nil, "%06d", i), []byte("v"))
	}
	must(t, p.Commit(t.Context()))
	q.Space("dedupe.order").Put([]byte("k"), []byte("q"))
	must(t, q.Commit(t.Context()))
	must(t, s.Drop(t.Context(), "p"))
	must(t, s.Drop(t.Context(), "p"))
	fill(t, p, 2)
	if err := p.Commit(t.Context()); !errors.Is(err, state.ErrFenced) {
		t.Fatal(err)
	}
	infos, err := s.Spaces()
	if err != nil || fmt.Sprint(infos) != "[entity.profile q/dedupe.order]" {
		t.Fatal(infos, err)
	}
	p = session(t, s, "p")
	if got := get(t, p.Space("dedupe.order"), "000001"); got != "-" {
		t.Fatal("a key is left:", got)
	}
	if _, ok, err := p.Cursor("files"); ok || err != nil {
		t.Fatal("a cursor is left", err)
	}
	if runs, err := s.Runs("p", 9); len(runs) > 0 || err != nil {
		t.Fatal(runs, err)
	}
}
