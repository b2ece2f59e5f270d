package identity

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// shelf is a State that is a map.
type shelf map[string]string

func (s shelf) Get(key []byte) ([]byte, bool, error) {
	v, ok := s[string(key)]
	return []byte(v), ok, nil
}
func (s shelf) Put(key, value []byte) { s[string(key)] = string(value) }
func (s shelf) Delete(key []byte)     { delete(s, string(key)) }

// visitor resolves rows with two keys in a space that a journal looks on.
type visitor struct {
	st  shelf
	j   *Journal
	res *Resolver
}

func newVisitor() *visitor {
	v := &visitor{st: shelf{}, j: NewJournal()}
	v.res = NewResolver("s", []string{"a", "b"}, v.j.State(v.st), Options{Attach: true, MaxMerge: 3})
	return v
}

func (v *visitor) visit(t rapid.TB, row int64, a, b string) {
	t.Helper()
	v.j.Begin(1, row)
	res, err := v.res.Resolve([][]byte{[]byte(a), []byte(b)}, Origin{Object: "o", Row: row})
	if err != nil {
		t.Fatal(err)
	}
	v.j.Passed(res.ID[:], res.Merged)
}

// TestJournalTakesBack: what the last rows did is taken back exactly when they are refused,
// merges included, whatever the order in which that is told; and what a row that goes on
// built on stays.
func TestJournalTakesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := newVisitor()
		key := rapid.SampledFrom([]string{"", "1", "2", "3"})
		row := int64(0)
		visit := func() {
			a, b := key.Draw(t, "a"), key.Draw(t, "b")
			if a == "" && b == "" {
				a = "1"
			}
			row++
			v.visit(t, row, a, b)
		}
		for range rapid.IntRange(0, 6).Draw(t, "before") {
			visit()
		}
		before, kept := maps.Clone(v.st), row
		if rapid.Bool().Draw(t, "committed") {
			if err := v.j.Settle(0, nil); err != nil {
				t.Fatal(err)
			}
		}
		for range rapid.IntRange(1, 6).Draw(t, "refused") {
			visit()
		}
		if rapid.Bool().Draw(t, "saved") {
			if err := v.j.Settle(kept+1, nil); err != nil {
				t.Fatal(err)
			}
			saved := v.j.Save(nil)
			v.j = NewJournal()
			v.res = NewResolver("s", []string{"a", "b"}, v.j.State(v.st), Options{Attach: true, MaxMerge: 3})
			if err := v.j.Restore(saved); err != nil {
				t.Fatal(err)
			}
		}
		var rows []int64
		for r := kept + 1; r <= row; r++ {
			rows = append(rows, r)
		}
		for _, r := range rapid.Permutation(rows).Draw(t, "order") {
			v.j.Refuse(1, r, Letter{})
		}
		if !maps.Equal(before, v.st) {
			t.Fatalf("after the refusals\n%q\nbefore\n%q", v.st, before)
		}
	})
}

// TestJournalKeepsBuiltOn: what a later row built on stays until that one is refused, too.
func TestJournalKeepsBuiltOn(t *testing.T) {
	v := newVisitor()
	v.visit(t, 1, "1", "")
	v.visit(t, 2, "1", "x")
	v.j.Refuse(1, 1, Letter{})
	if _, ok := v.st["ka\x001"]; !ok {
		t.Error("the key of a row that went on is forgotten")
	}
	v.j.Refuse(1, 2, Letter{})
	if len(v.st) > 0 {
		t.Errorf("left: %q", v.st)
	}
}

// TestJournalAgain: rows that were dropped because of refused ones are given back once, in order.
func TestJournalAgain(t *testing.T) {
	st, j := shelf{}, NewJournal()
	s := NewSingle("s", "k", j.State(st))
	for row := range int64(5) {
		j.Begin(7, row+1)
		known, err := s.See([]byte("v"))
		if err != nil {
			t.Fatal(err)
		}
		if !known {
			j.Passed([]byte("v"), nil)
		} else if !j.Dropped([]byte("v"), nil, int(row)*10) {
			t.Error("a row is not kept although the outcome of the one before it is not known")
		}
	}
	if again := j.Again(7, nil); len(again) > 0 {
		t.Error(again)
	}
	j.Refuse(7, 1, Letter{})
	if again := j.Again(7, nil); !slices.Equal(again, []int32{10, 20, 30, 40}) {
		t.Error(again)
	}
	if again := j.Again(7, nil); len(again) > 0 || len(st) > 0 {
		t.Error(again, st)
	}
}

// TestJournalAllocations: remembering rows allocates nothing once there is memory.
func TestJournalAllocations(t *testing.T) {
	j := NewJournal()
	s := NewSingle("s", "k", j.State(nothing{}))
	keys := make([][]byte, 2000)
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "key %d", i)
	}
	n := testing.AllocsPerRun(5, func() {
		for i, k := range keys {
			j.Begin(1, int64(i))
			if _, _, err := s.VisitHash(k, uint64(i)); err != nil {
				t.Fatal(err)
			}
			j.Passed(k, nil)
		}
		if err := j.Settle(0, nil); err != nil {
			t.Fatal(err)
		}
	})
	if n > 0 {
		t.Errorf("%v allocations for %d rows", n, len(keys))
	}
}

// nothing is a State in which nothing is found.
type nothing struct{}

func (nothing) Get([]byte) ([]byte, bool, error) { return nil, false, nil }
func (nothing) Put(_, _ []byte)                  {}
func (nothing) Delete([]byte)                    {}

// TestJournalDamaged: a part that was not written by Save is refused.
func TestJournalDamaged(t *testing.T) {
	v := newVisitor()
	v.visit(t, 1, "1", "2")
	if err := v.j.Settle(1, nil); err != nil {
		t.Fatal(err)
	}
	saved := v.j.Save(nil)
	for n := range saved {
		w := newVisitor()
		if err := w.j.Restore(saved[:n]); err == nil {
			t.Errorf("%d bytes of %d are taken", n, len(saved))
		}
	}
	w := newVisitor()
	if err := w.j.Restore(saved); err != nil || !bytes.Equal(w.j.Save(nil), saved) {
		t.Error(err)
	}
}
