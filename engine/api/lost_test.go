package api

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/engine/state"
)

// A run that a process before did not end is interrupted, for who asks the server and for
// who reads its copy of the store, also when its pipeline is gone or has not run since.
func TestCrashedRunIsInterrupted(t *testing.T) {
	r := newRig(t, nil)
	r.ran(1)
	r.stop()
	dir := filepath.Join(r.dir, "state")
	store, err := state.Open(dir, state.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"a", "gone"} {
		ses, err := store.Pipeline(t.Context(), p, 1, "rev")
		if err == nil {
			err = ses.StartRun(state.Run{ID: "crashed-" + p, Started: time.Now()})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Close(); err != nil { // as a crash leaves it
		t.Fatal(err)
	}
	r.serve()
	crashed := 0
	for _, x := range get[RunList](r, 200, "GET", "/api/v1/runs", "").Runs {
		if strings.HasPrefix(x.ID, "crashed-") {
			crashed++
			if x.Outcome != state.Interrupted || x.Ended != nil {
				t.Errorf("%+v", x)
			}
		}
	}
	if crashed != 2 {
		t.Errorf("%d runs of the process before are listed", crashed)
	}
	copied, remove, err := r.server.Store().NewCheckpoint()
	if err != nil {
		t.Fatal(err)
	}
	defer remove()
	if store, err = state.Open(copied, state.Options{ReadOnly: true}); err != nil {
		t.Fatal(err)
	}
	runs, err := store.Runs("gone", 1)
	if err != nil || len(runs) != 1 || runs[0].Outcome != state.Interrupted {
		t.Errorf("in a copy: %+v, %v", runs, err)
	}
	if err := store.Close(); err != nil {
		t.Error(err)
	}
}

// A server that lost its state folder says that it is not ready, and why.
func TestNotReadyAfterTakeOver(t *testing.T) {
	r := newRig(t, nil)
	r.ran(1)
	if x := get[Readiness](r, 200, "GET", "/readyz", ""); !x.Ready {
		t.Errorf("%+v", x)
	}
	other, err := state.Open(filepath.Join(r.dir, "state"), state.Options{TakeOver: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.server.RunNow("a"); err != nil { // which meets it
		t.Error(err)
	}
	select {
	case <-r.server.Lost():
	case <-time.After(20 * time.Second):
		t.Fatal("it was not noticed")
	}
	if x := get[Readiness](r, 503, "GET", "/readyz", ""); x.Ready || !strings.Contains(x.Reason, "took") {
		t.Errorf("%+v", x)
	}
	if err := other.Close(); err != nil {
		t.Error(err)
	}
}
