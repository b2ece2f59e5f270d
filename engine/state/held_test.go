package state_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/engine/state"
)

// partsOf joins what a step keeps of an object.
func partsOf(t *testing.T, se *state.Session, object, step string) (out []string) {
	t.Helper()
	must(t, se.HeldParts(object, step, func(p []byte) error {
		out = append(out, string(p))
		return nil
	}))
	return out
}

// What is held of an object is written, replaced and removed with commits alone.
func TestHeld(t *testing.T) {
	s, db := newStore(t)
	se := session(t, s, "p")
	one := state.Held{Object: "o", Source: "source.in", Path: "/a.csv", Row: 7, Steps: []state.HeldStep{{Step: "group.g", Parts: 2, Rows: 3, Size: 4}, {Step: "check.c", Parts: 1, Size: 1}}}
	se.PutHeld(one, []state.HeldPart{{"group.g", 0, []byte("ab")}, {"group.g", 1, []byte("cd")}, {"check.c", 0, []byte("x")}})
	se.Discard()
	if _, ok := se.Held("o"); ok {
		t.Error("discarded rows are held")
	}
	se.PutHeld(one, []state.HeldPart{{"group.g", 0, []byte("ab")}, {"group.g", 1, []byte("cd")}, {"check.c", 0, []byte("x")}})
	boom := errors.New("boom")
	db.FailNext(boom)
	if err := se.Commit(t.Context()); !errors.Is(err, boom) {
		t.Fatal(err)
	}
	must(t, se.Commit(t.Context()))

	se = session(t, s, "p")
	if diff := cmp.Diff([]state.Held{one}, se.HeldObjects()); diff != "" {
		t.Error(diff)
	}
	if got := partsOf(t, se, "o", "group.g"); !cmp.Equal(got, []string{"ab", "cd"}) || one.Rows() != 3 || one.Size() != 5 {
		t.Errorf("parts %q", got)
	}
	if len(session(t, s, "q").HeldObjects()) != 0 {
		t.Error("another pipeline holds the rows")
	}
	se = session(t, s, "p")
	two := state.Held{Object: "o", Source: "source.in", Path: "/a.csv", Row: 9, Steps: []state.HeldStep{{Step: "group.g", Parts: 1, Rows: 1, Size: 2}}}
	se.PutHeld(two, []state.HeldPart{{"group.g", 0, []byte("ef")}})
	must(t, se.Commit(t.Context()))
	se = session(t, s, "p")
	if got, ok := se.Held("o"); !ok || !cmp.Equal(got, two) || len(partsOf(t, se, "o", "check.c")) != 0 || partsOf(t, se, "o", "group.g")[0] != "ef" {
		t.Errorf("held %+v", got)
	}
	se.PutHeld(state.Held{Object: "o"}, nil)
	must(t, se.Commit(t.Context()))
	must(t, db.Scan([]byte{0x1e}, []byte{0x20}, func(k, _ []byte) bool {
		t.Errorf("key %x is left", k)
		return true
	}))
	if len(session(t, s, "p").HeldObjects()) != 0 {
		t.Error("rows are held in the end")
	}
}

// A pipeline that is forgotten forgets what it holds.
func TestHeldIsForgotten(t *testing.T) {
	s, db := newStore(t)
	se := session(t, s, "p")
	se.PutHeld(state.Held{Object: "o", Steps: []state.HeldStep{{Step: "g", Parts: 1, Rows: 1, Size: 1}}}, []state.HeldPart{{"g", 0, []byte("a")}})
	must(t, se.Commit(t.Context()))
	must(t, s.Drop(t.Context(), "p"))
	must(t, db.Scan([]byte{0x1e}, []byte{0x20}, func(k, _ []byte) bool {
		t.Errorf("key %x is left", k)
		return true
	}))
}

// A rebuild drops what is held, at whatever write a crash cuts it. How many rows it was
// stays until a run has counted them as what became of them (I3).
func TestRebuildDropsHeldRows(t *testing.T) {
	for writes := 0; ; writes++ {
		s, db := newStore(t)
		se := session(t, s, "p")
		for _, object := range []string{"o", "unique only"} {
			h := state.Held{Object: object, Source: "source.in", Path: "/" + object, Row: 7, Steps: []state.HeldStep{{Step: "check.c", Parts: 1, Size: 1}}}
			if object == "o" {
				h.Steps = append(h.Steps, state.HeldStep{Step: "group.g", Parts: 1, Rows: 3, Size: 2})
				se.PutHeld(h, []state.HeldPart{{"check.c", 0, []byte("x")}, {"group.g", 0, []byte("ab")}})
			} else {
				se.PutHeld(h, []state.HeldPart{{"check.c", 0, []byte("y")}})
			}
		}
		must(t, se.Commit(t.Context()))
		broken, err := state.New(&failing{Store: db, left: writes}, state.Options{Clock: fixedClock{start}})
		must(t, err)
		err = broken.Rebuild("p", nil)
		if err != nil && !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
		se = session(t, reopen(t, db), "p")
		n, _ := se.Incarnation("o")
		h, some := se.Held("o")
		switch {
		case n == 0 && (h.Dropped() || len(se.HeldObjects()) != 2 || len(partsOf(t, se, "o", "group.g")) != 1):
			t.Errorf("after %d writes nothing was rebuilt, and held is %+v", writes, se.HeldObjects())
		case n == 1 && (!some || !h.Dropped() || h.Rows() != 3 || len(se.HeldObjects()) != 1 || len(partsOf(t, se, "o", "group.g")) != 0):
			t.Errorf("after %d writes: held %+v", writes, se.HeldObjects())
		}
		if n == 1 {
			se.PutHeld(state.Held{Object: "o"}, nil)
			must(t, se.Commit(t.Context()))
			must(t, db.Scan([]byte{0x1e}, []byte{0x20}, func(k, _ []byte) bool {
				t.Errorf("%x is left", k)
				return true
			}))
		}
		if err == nil {
			return
		}
	}
}
