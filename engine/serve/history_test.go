package serve

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"go.uber.org/zap"

	"weir/engine/diag"
	"weir/engine/plan"
	"weir/engine/plugin"
	"weir/engine/state"
	"weir/engine/state/memkv"
)

// manyProblems are n errors of two kinds, each at its place.
func manyProblems(n int) (out diag.List) {
	for i := range n {
		code := diag.Code("expr.unknown_name")
		if i%3 == 0 {
			code = "config.invalid_value"
		}
		out = append(out, diag.Errorf(code, &hcl.Range{Filename: "a.hcl", Start: hcl.Pos{Line: i + 1, Column: 1}}, fmt.Sprint("Problem ", i), "Text that explains what happened."))
	}
	return out
}

// historyServer is as much of a server as keeps a history.
func historyServer(t *testing.T, kv *memkv.Store) *Server {
	t.Helper()
	store, err := state.New(kv, state.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = store.Close()
		kv.Reopen()
	})
	return &Server{store: store, log: zap.NewNop(), clock: plugin.SystemClock{}, pipes: map[string]*pipeline{}}
}

// stored returns how many verdicts the store has, and their size.
func stored(t *testing.T, s *Server) (n, size int) {
	t.Helper()
	err := s.store.EachNote(historyName, func(_ string, v []byte) bool {
		n, size = n+1, size+len(v)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return n, size
}

// TestHistoryIsBounded: however many problems reloads have, what is kept of them in memory
// and in the store is bounded in bytes, and tells how many there were.
func TestHistoryIsBounded(t *testing.T) {
	s := historyServer(t, memkv.New())
	problems := manyProblems(15_000)
	for i := range 60 {
		v := s.newVerdict(Request{Trigger: "notify"})
		v.diags, v.Revision = problems, fmt.Sprint(i)
		for k := range 1500 * (i % 2) {
			v.Actions = append(v.Actions, Done{Action: plan.Action{Pipeline: fmt.Sprint("p", k), Kind: plan.Add, Reasons: []plan.Reason{{Text: strings.Repeat("why ", 10)}}}, Outcome: ActionRefused, diags: problems[:20]})
		}
		v.end(time.Time{})
		s.keep(v)
	}
	n, size := stored(t, s)
	memory := 0
	for _, v := range s.Verdicts(keptVerdicts) {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		memory += len(b)
	}
	if size > keptBytes || memory > keptBytes || n != len(s.verdicts) || n < 16 || n > 59 {
		t.Errorf("%d verdicts of %d bytes are kept in the store, and %d of %d bytes in memory", n, size, len(s.verdicts), memory)
	}
	last := s.Verdicts(1)[0]
	more := last.Diagnostics[len(last.Diagnostics)-1]
	if last.ID != 60 || last.Revision != "59" || last.Omitted == 0 || len(last.Diagnostics) != toldProblems+1 || more.Code != diag.CodeMore ||
		more.Summary != "and 14900 more errors" || !strings.Contains(more.Detail, "9934 expr.unknown_name, 4966 config.invalid_value") {
		t.Errorf("the last one is number %d with %d problems, %d actions left out: %+v", last.ID, len(last.Diagnostics), last.Omitted, more)
	}
}

// TestHistoryOfBefore: a store in which an earlier version kept everything is made small
// when it is opened.
func TestHistoryOfBefore(t *testing.T) {
	kv := memkv.New()
	s := historyServer(t, kv)
	long := diag.ToJSON(manyProblems(4000))
	for i := range uint64(40) {
		v := Verdict{ID: i + 1, Trigger: "notify", Outcome: Rejected, Actions: []Done{}, Diagnostics: long}
		b, err := json.Marshal(&v)
		if err == nil {
			err = s.store.PutNotes(state.Note{Name: verdictName(v.ID), Value: b})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, size := stored(t, s); size < 16<<20 {
		t.Fatalf("only %d bytes are there", size)
	}
	if err := s.rememberVerdicts(); err != nil {
		t.Fatal(err)
	}
	n, size := stored(t, s)
	v := s.Verdicts(1)[0]
	if n != len(s.verdicts) || n < 10 || size > keptBytes/4 || v.ID != 40 || len(v.Diagnostics) != toldProblems+1 {
		t.Errorf("%d verdicts of %d bytes are left in the store and %d in memory; the last is number %d with %d problems", n, size, len(s.verdicts), v.ID, len(v.Diagnostics))
	}
	list, err := History(s.store, 3)
	if err != nil || len(list) != 3 || list[0].ID != 40 || list[2].ID != 38 {
		t.Errorf("%d verdicts, %v", len(list), err)
	}
}
