package state

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"weir/engine/state/kv"
	"weir/engine/state/memkv"
)

// failing refuses writes while fail is set.
type failing struct {
	kv.Store
	fail bool
	gets int
}

var errFail = errors.New("no")

func (f *failing) Apply(w *kv.Writes) error {
	if f.fail {
		return errFail
	}
	return f.Store.Apply(w)
}

func (f *failing) Get(k, dst []byte) ([]byte, bool, error) {
	f.gets++
	return f.Store.Get(k, dst)
}

// TestHas: what a space has is told without reads, and stays right after keys were
// deleted and after a commit that failed.
func TestHas(t *testing.T) {
	db := &failing{Store: memkv.New()}
	st, err := New(db, Options{})
	if err != nil {
		t.Fatal(err)
	}
	se, err := st.Pipeline(t.Context(), "p", 1, "r")
	if err != nil {
		t.Fatal(err)
	}
	sp := se.Space("keys")
	has := func(k string, want bool) {
		t.Helper()
		if got, err := sp.Has([]byte(k)); err != nil || got != want {
			t.Errorf("Has(%q) is %v, %v, want %v", k, got, err, want)
		}
	}
	commit := func(want error) {
		t.Helper()
		if err := se.Commit(context.Background()); !errors.Is(err, want) {
			t.Fatalf("commit: %v, want %v", err, want)
		}
	}
	has("a", false)
	for i := range 400_000 { // more than is kept after a commit
		sp.Put(fmt.Appendf(nil, "a key long enough, number %d", i), []byte{1})
	}
	commit(nil)
	before := db.gets
	has("a key long enough, number 7", true)
	has("a key long enough, number 400000", false)
	if db.gets != before {
		t.Errorf("%d reads for keys that fingerprints tell", db.gets-before)
	}
	sp.Put([]byte("lost"), []byte{1})
	db.fail = true
	commit(errFail)
	db.fail = false
	se.Discard()
	has("lost", false)
	has("a key long enough, number 7", true)
	sp.Delete([]byte("a key long enough, number 7"))
	has("a key long enough, number 7", false)
	commit(nil)
	has("a key long enough, number 7", false)
}
