package identity

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

type memState map[string]string

func (m memState) Get(k []byte) ([]byte, bool, error) {
	v, ok := m[string(k)]
	return []byte(v), ok, nil
}
func (m memState) Put(k, v []byte) { m[string(k)] = string(v) }
func (m memState) Delete(k []byte) { delete(m, string(k)) }

// resolve resolves "srs email phone", where - is absent.
func resolve(r *Resolver, row string) (Result, error) {
	var values [][]byte
	for f := range strings.FieldsSeq(row) {
		if f == "-" {
			f = ""
		}
		values = append(values, []byte(f))
	}
	return r.Resolve(values, Origin{Object: "file", Row: 7})
}

var names = []string{"srs", "email", "phone"}

func newTest(st State, maxMerge int) *Resolver {
	return NewResolver("profile", names, st, Options{Attach: true, MaxMerge: maxMerge})
}

func mustResolve(t *testing.T, r *Resolver, rows ...string) Result {
	t.Helper()
	var res Result
	for _, row := range rows {
		var err error
		if res, err = resolve(r, row); err != nil {
			t.Fatalf("%s: %v", row, err)
		}
	}
	return res
}

func TestNewIDIsStable(t *testing.T) {
	id := NewID("profile", "srs", []byte("00123"))
	if got, err := ParseID(id.String()); err != nil || got != id {
		t.Errorf("read back as %s, %v", got, err)
	}
	for _, other := range []ID{NewID("profile", "srs", []byte("123")), NewID("profile", "email", []byte("00123")), NewID("order", "srs", []byte("00123"))} {
		if other == id {
			t.Error("different keys have one identity")
		}
	}
	for _, bad := range []string{"", "xy", id.String() + "00", strings.Repeat("g", 32)} {
		if _, err := ParseID(bad); err == nil {
			t.Errorf("%q was taken for an identity", bad)
		}
	}
}

func TestMergeMovesEveryKey(t *testing.T) {
	st := memState{}
	r := newTest(st, 2)
	won := mustResolve(t, r, "1 - -").ID
	lost := mustResolve(t, r, "- a p", "- b p").ID
	res := mustResolve(t, r, "1 b -")
	if res.ID != won || !slices.Equal(res.Merged, []ID{lost}) {
		t.Fatalf("resolved to %+v, want %s with %s merged", res, won, lost)
	}
	for _, row := range []string{"- a -", "- b -", "- - p", "1 - -"} {
		if res := mustResolve(t, r, row); res.ID != won {
			t.Errorf("%s belongs to %s, want %s", row, res.ID, won)
		}
	}
	d, err := Explain(st, won)
	if err != nil || len(d.Merges) != 1 {
		t.Fatalf("explained as %+v, %v", d, err)
	}
	wanted := Merge{Lost: lost, Into: won, By: "email", Winner: "srs", At: Origin{"file", 7},
		Links: []Link{{"email", "a", false}, {"phone", "p", true}, {"email", "b", true}}}
	if diff := cmp.Diff(wanted, d.Merges[0]); diff != "" {
		t.Error(diff)
	}
}

func TestUndo(t *testing.T) {
	st := memState{}
	r := newTest(st, 2)
	won := mustResolve(t, r, "1 x -").ID
	lost := mustResolve(t, r, "2 - p", "2 - q").ID
	before := maps.Clone(st)
	mustResolve(t, r, "1 - q")
	if err := Undo(st, "profile", lost); err != nil {
		t.Fatal(err)
	}
	apart := 0
	for k := range st {
		if k[0] == 'x' {
			apart++
			delete(before, k)
		}
	}
	after := maps.Clone(st)
	maps.DeleteFunc(after, func(k, _ string) bool { return k[0] == 'x' })
	if diff := cmp.Diff(before, after); diff != "" || apart != 1 {
		t.Errorf("the state differs from before the merge (%d kept apart):\n%s", apart, diff)
	}
	_, err := resolve(r, "1 - q")
	var c *Conflict
	if !errors.As(err, &c) || c.Code != CodeKeptApart {
		t.Errorf("the row that joined them gives %v, want them kept apart", err)
	}
	if res := mustResolve(t, r, "2 - -"); res.ID != lost {
		t.Errorf("its own key leads to %s", res.ID)
	}
	if err := Undo(st, "profile", won); err == nil {
		t.Error("a merge that never was could be undone")
	}
}

func TestUndoOfAChain(t *testing.T) {
	st := memState{}
	r := newTest(st, 2)
	phone := mustResolve(t, r, "- - p").ID
	email := mustResolve(t, r, "- a -").ID
	mustResolve(t, r, "- a p", "1 - -", "1 a -")
	if err := Undo(st, "profile", phone); err == nil || !strings.Contains(err.Error(), "undo that merge first") {
		t.Errorf("the earlier merge gives %v", err)
	}
	for _, id := range []ID{email, phone} {
		if err := Undo(st, "profile", id); err != nil {
			t.Fatal(err)
		}
	}
	if res := mustResolve(t, r, "- - p"); res.ID != phone {
		t.Errorf("the phone belongs to %s, want %s", res.ID, phone)
	}
}

func TestMergeLimitChangesNothing(t *testing.T) {
	st := memState{}
	r := newTest(st, 2)
	mustResolve(t, r, "1 - -", "- a -", "- - p")
	before := maps.Clone(st)
	_, err := resolve(r, "1 a p")
	var c *Conflict
	if !errors.As(err, &c) || c.Code != CodeMergeLimit || !strings.Contains(c.Reason, "srs, email, phone belong to 3") {
		t.Fatalf("got %v", err)
	}
	if diff := cmp.Diff(before, st); diff != "" {
		t.Error(diff)
	}
}

func TestDamagedStateIsAnError(t *testing.T) {
	st := memState{}
	r := newTest(st, 2)
	id := mustResolve(t, r, "1 a -").ID
	for _, damage := range []string{"", "\x09", "\x01\xff\xff\xff\xff\x0f", "\x01\x00\x02\x03srs"} {
		st[string(appendIDKey(nil, 'e', id))] = damage
		if _, err := resolve(r, "1 b -"); !errors.Is(err, errDamaged) {
			t.Errorf("%q gives %v", damage, err)
		}
	}
	st[string(appendEntryKey(nil, "profile", "srs", []byte("1")))] = "\x02short"
	if _, err := resolve(r, "1 - -"); !errors.Is(err, errDamaged) {
		t.Errorf("a short entry gives %v", err)
	}
}

func TestSingle(t *testing.T) {
	st := memState{}
	s := NewSingle("o", "order", st)
	if known, err := s.Visit([]byte("1")); known || err != nil {
		t.Errorf("new: %v %v", known, err)
	}
	if known, err := s.Visit([]byte("1")); !known || err != nil {
		t.Errorf("known: %v %v", known, err)
	}
	for i, tt := range []struct {
		hash        uint64
		known, same bool
	}{{5, true, false}, {5, true, true}, {6, true, false}} {
		if known, same, err := s.VisitHash([]byte("1"), tt.hash); known != tt.known || same != tt.same || err != nil {
			t.Errorf("%d: %v %v %v", i, known, same, err)
		}
	}
	if id, ok, err := Find(st, "o", "order", "1"); !ok || err != nil || id != s.ID([]byte("1")) {
		t.Errorf("found %s %v %v", id, ok, err)
	}
}

// What a space knew while it had several keys holds when it has one again.
func TestSingleAfterResolver(t *testing.T) {
	st := memState{}
	id := mustResolve(t, newTest(st, 1), "- a -", "1 a -").ID
	s := NewSingle("profile", "srs", st)
	for i := range 3 {
		known, same, err := s.VisitHash([]byte("1"), 5)
		if !known || same != (i > 0) || err != nil || s.ID([]byte("1")) != id {
			t.Errorf("visit %d: %v %v %v, entity %s, want %s", i, known, same, err, s.ID([]byte("1")), id)
		}
	}
	if known, err := s.Visit([]byte("2")); known || err != nil || s.ID([]byte("2")) != NewID("profile", "srs", []byte("2")) {
		t.Errorf("a new value: %v %v %s", known, err, s.ID([]byte("2")))
	}
	if res := mustResolve(t, newTest(st, 1), "1 - -"); res.ID != id {
		t.Errorf("the resolver finds %s, want %s", res.ID, id)
	}
}

// clusters describes which key values belong together.
func clusters(st memState) string {
	by := map[ID][]string{}
	for k, v := range st {
		if k[0] == 'k' {
			e, _ := parseEntry([]byte(v), "profile", "", nil)
			by[e.id] = append(by[e.id], k[1:])
		}
	}
	var out []string
	for _, keys := range by {
		slices.Sort(keys)
		out = append(out, fmt.Sprintf("%q", keys))
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

// The order in which consistent rows arrive does not change who is who in the end.
func TestOrderOfArrival(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var rows []string
		for p := range rapid.IntRange(1, 4).Draw(rt, "people") {
			// Everything a row says of a person is true, though seldom complete.
			for range rapid.IntRange(1, 5).Draw(rt, "rows") {
				row := make([]string, len(names))
				for k := range row {
					row[k] = "-"
					if n := rapid.IntRange(0, 3).Draw(rt, "value"); n > 0 {
						row[k] = fmt.Sprintf("%d.%d", p, n)
					}
				}
				if r := strings.Join(row, " "); r != "- - -" {
					rows = append(rows, r)
				}
			}
		}
		run := func(rows []string) memState {
			st := memState{}
			r := newTest(st, len(names))
			for _, row := range rows {
				if _, err := resolve(r, row); err != nil {
					rt.Fatal(err)
				}
			}
			return st
		}
		first, second := run(rows), run(rapid.Permutation(rows).Draw(rt, "order"))
		if a, b := clusters(first), clusters(second); a != b {
			rt.Errorf("one order:\n%s\nanother:\n%s", a, b)
		}
		checkRecords(rt, first)
	})
}

// checkRecords checks that key entries and entity records say the same.
func checkRecords(rt *rapid.T, st memState) {
	linked := 0
	for k, v := range st {
		if k[0] != 'e' {
			continue
		}
		var id ID
		copy(id[:], k[1:])
		var rec entityRecord
		if err := rec.parse([]byte(v)); err != nil {
			rt.Fatal(err)
		}
		for _, l := range rec.links {
			linked++
			e, err := parseEntry([]byte(st[string(appendEntryKey(nil, "profile", string(l.name), l.value))]), "profile", string(l.name), l.value)
			if err != nil || e.id != id || e.last != (string(rec.present(string(l.name))) == string(l.value)) {
				rt.Errorf("%s = %s of %s is stored as %+v, %v", l.name, l.value, id, e, err)
			}
		}
	}
	for k := range st {
		if k[0] == 'k' {
			linked--
		}
	}
	if linked != 0 {
		rt.Errorf("%d more links than keys", linked)
	}
}

// TestLongValues: a long value has a short key, whoever keeps it, and is found where an
// earlier store has it under itself.
func TestLongValues(t *testing.T) {
	long := []byte(strings.Repeat("v", 5000))
	st := memState{}
	s := NewSingle("profile", "srs", st)
	for n, want := range []bool{false, true} {
		if known, err := s.Visit(long); known != want || err != nil {
			t.Errorf("visit %d: %v %v", n, known, err)
		}
	}
	if known, err := s.Visit(append([]byte("w"), long[1:]...)); known || err != nil {
		t.Errorf("another value: %v %v", known, err)
	}
	for k := range st {
		if len(k) > 64 {
			t.Errorf("a key of %d bytes is kept", len(k))
		}
	}
	if c, err := Count("profile", st, scanOf(st)); err != nil || c.Entities != 2 || c.Keys != 2 {
		t.Errorf("counts %+v, %v", c, err)
	}
	r := NewResolver("profile", []string{"srs", "email"}, st, Options{Attach: true, MaxMerge: 2})
	res, err := r.Resolve([][]byte{long, []byte("a")}, Origin{})
	if err != nil || !res.Known || res.ID != NewID("profile", "srs", long) {
		t.Errorf("with another key: %+v, %v", res, err)
	}
	if id, ok, err := Find(st, "profile", "srs", string(long)); id != res.ID || !ok || err != nil {
		t.Errorf("found %v %v %v", id, ok, err)
	}
	if c, err := Count("profile", st, scanOf(st)); err != nil || c.Entities != 2 {
		t.Errorf("counts %+v, %v", c, err)
	}

	old := memState{}
	old.Put(appendPlainKey(nil, "srs", long), []byte{flagLast})
	for name, ask := range map[string]func() (bool, error){
		"Visit": func() (bool, error) { return NewSingle("profile", "srs", old).Visit(long) },
		"VisitHash": func() (bool, error) {
			known, _, err := NewSingle("profile", "srs", old).VisitHash(long, 7)
			return known, err
		},
		"See": func() (bool, error) { return NewSingle("profile", "srs", old).See(long) },
		"Resolve": func() (bool, error) {
			res, err := NewResolver("profile", []string{"srs"}, old, Options{}).Resolve([][]byte{long}, Origin{})
			return res.Known, err
		},
		"Find": func() (bool, error) { _, ok, err := Find(old, "profile", "srs", string(long)); return ok, err },
	} {
		if known, err := ask(); !known || err != nil {
			t.Errorf("%s does not find what was kept before: %v", name, err)
		}
	}
}

func scanOf(st memState) func(f func(k, v []byte) bool) error {
	return func(f func(k, v []byte) bool) error {
		for _, k := range slices.Sorted(maps.Keys(st)) {
			if !f([]byte(k), []byte(st[k])) {
				break
			}
		}
		return nil
	}
}
