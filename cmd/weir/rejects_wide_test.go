package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"weir/engine/state"
)

// heapWriter notes how large the heap is at most while it is written to.
type heapWriter struct {
	bytes int
	most  uint64
	head  []byte
}

func (w *heapWriter) Write(p []byte) (int, error) {
	if w.bytes += len(p); len(w.head) < 100 {
		w.head = append(w.head, p[:min(len(p), 100)]...)
	}
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	w.most = max(w.most, m.HeapAlloc)
	return len(p), nil
}

// TestListsOfWideRejects: a list of refused rows takes the memory of one of them, not of all.
func TestListsOfWideRejects(t *testing.T) {
	const rows, wide = 40, 1 << 20
	dir := filepath.Join(t.TempDir(), "state")
	s, err := state.Open(dir, state.Options{})
	if err != nil {
		t.Fatal(err)
	}
	se, err := s.Pipeline(t.Context(), "p", 1, "r")
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		se.AddReject(state.Reject{Object: "a.csv", Row: int64(i + 1), Raw: bytes.Repeat([]byte("x"), wide), Step: "map.line", Code: "row.bad_value", Reason: "bad"})
		se.Count(state.Counts{Read: 1, Rejected: 1})
		if err := se.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, err = state.Open(dir, state.Options{ReadOnly: true, Memory: 8 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // only read
	for _, tc := range []struct {
		list func(a *app) error
		size int
	}{
		{func(a *app) error { return a.listRejects(s, []string{"p"}, &rejectFilter{}, true) }, rows * wide},
		{func(a *app) error { return a.listRejects(s, []string{"p"}, &rejectFilter{}, false) }, rows * 20},
		{func(a *app) error { return a.rejectSummary(s, []string{"p"}, &rejectFilter{}, false) }, 40},
	} {
		w := &heapWriter{}
		if _, err := w.Write(nil); err != nil {
			t.Fatal(err)
		}
		before := w.most
		if err := tc.list(&app{stdout: w, stderr: w}); err != nil {
			t.Fatal(err)
		}
		if grown := int64(w.most) - int64(before); w.bytes < tc.size || grown > 12*wide { //nolint:gosec // sizes
			t.Errorf("%.60q: %d bytes were printed, and the heap grew by %d KiB", w.head, w.bytes, grown>>10)
		}
	}
}

// TestRejectListIsJSON: what is printed piece by piece is one object.
func TestRejectListIsJSON(t *testing.T) {
	for n := range 3 {
		var out bytes.Buffer
		l := newRejectList(&out)
		for i := range n {
			if err := l.add(letter{"p", state.Reject{ID: uint64(i + 1), Reason: "a < \"b\""}}); err != nil { //nolint:gosec // small
				t.Fatal(err)
			}
		}
		if err := l.end(n); err != nil {
			t.Fatal(err)
		}
		var v struct {
			Rejects []jsonReject `json:"rejects"`
			Total   int          `json:"total"`
		}
		if err := json.Unmarshal(out.Bytes(), &v); err != nil || len(v.Rejects) != n || v.Total != n || v.Rejects == nil || strings.Count(out.String(), "\n") != 1 {
			t.Errorf("%d: %v, %s", n, err, out.String())
		}
	}
}

// TestArgumentsThatAreNoText: values that are no text are refused, not changed.
func TestArgumentsThatAreNoText(t *testing.T) {
	if _, err := cells([]string{"n=\xff"}); err == nil || !strings.Contains(err.Error(), "column n is not valid UTF-8") {
		t.Error(err)
	}
	if _, err := (&app{vars: []string{"host=a\xffb"}}).inputs(); err == nil || !strings.Contains(fmt.Sprint(err), "--var host is not valid UTF-8") {
		t.Error(err)
	}
}
