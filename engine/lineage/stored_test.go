package lineage_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"

	"weir/engine/lineage"
	"weir/engine/plan"
	"weir/engine/state"
	"weir/engine/state/kv"
	"weir/engine/state/memkv"
)

// counted counts what is written.
type counted struct {
	kv.Store
	writes, records int
}

func (c *counted) Apply(w *kv.Writes) error {
	c.writes++
	c.records += len(w.List)
	return c.Store.Apply(w)
}

// TestTogether checks that the records of thousands of pipelines take few writes, and
// that those which say nothing new take none, whatever the generation.
func TestTogether(t *testing.T) {
	c := &counted{Store: memkv.New()}
	s, err := state.New(c, state.Options{})
	if err != nil {
		t.Fatal(err)
	}
	const n = 3000
	all := func(generation uint64, key string) (writes, records int) {
		t.Helper()
		b := lineage.Open(s, zap.NewNop())
		if _, err := b.Generation(); err != nil {
			t.Fatal(err)
		}
		c.writes, c.records = 0, 0
		err := b.Together(func() {
			for i := range n {
				r := &lineage.Record{Description: described(fmt.Sprintf("p%d", i), "ftp://one", key), Meaning: 1, Generation: generation}
				if err := b.Write(r, generation); err != nil {
					t.Fatal(err)
				}
			}
		}, func() uint64 { return generation })
		if err != nil {
			t.Fatal(err)
		}
		if g, err := b.Generation(); err != nil || g != generation {
			t.Errorf("generation %d, %v", g, err)
		}
		return c.writes, c.records
	}
	if writes, records := all(1, "id"); writes > 5 || records < n {
		t.Errorf("%d records in %d writes", records, writes)
	}
	if writes, records := all(2, "id"); writes != 1 || records != 1 {
		t.Errorf("nothing new: %d records in %d writes", records, writes)
	}
	if writes, records := all(2, "id"); writes != 0 {
		t.Errorf("nothing at all: %d records in %d writes", records, writes)
	}
	if writes, records := all(3, "x"); writes > 5 || records < n {
		t.Errorf("all changed: %d records in %d writes", records, writes)
	}
}

// TestRecords checks that a record is read as it was written, also by a version that
// wrote all of it as JSON, and that what cannot be read is nothing known.
func TestRecords(t *testing.T) {
	s, err := state.New(memkv.New(), state.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b := lineage.Open(s, zap.NewNop())
	want := &lineage.Record{Description: described("p", "ftp://one", "id"), Meaning: 1, Generation: 7, Revision: "abc"}
	if err := b.Write(want, 7); err != nil {
		t.Fatal(err)
	}
	read := func() *lineage.Record {
		t.Helper()
		r, err := b.Record("p")
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	same := cmp.AllowUnexported(plan.SourceShape{}, plan.StepShape{}, plan.Key{})
	if d := cmp.Diff(want, read(), same); d != "" {
		t.Error(d)
	}
	former, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.PutNotes(state.Note{Name: "pipeline/p", Value: former}); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, read(), same); d != "" {
		t.Error(d)
	}
	if err := b.Write(want, 8); err != nil {
		t.Fatal(err)
	}
	if v, _ := s.Note("pipeline/p"); string(v) != string(former) {
		t.Errorf("what says nothing new was written: %s", v)
	}
	for _, bad := range []string{"", "x", "{}\nx", "{\"meaning\":1}\n"} {
		if err := s.PutNotes(state.Note{Name: "pipeline/p", Value: []byte(bad)}); err != nil {
			t.Fatal(err)
		}
		if r := read(); r != nil && bad != "" {
			t.Errorf("%q is %+v", bad, r)
		}
	}
}
