package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"weir/engine/state"
)

// TestStoreInUse: a verb that looks at a store reads a copy when the process that has
// the store open gives one, and tells who has it open when it does not.
func TestStoreInUse(t *testing.T) {
	dir := t.TempDir()
	s, err := state.Open(dir, state.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	ses, err := s.Pipeline(t.Context(), "customers", 1, "rev")
	if err != nil {
		t.Fatal(err)
	}
	if err := ses.StartRun(state.Run{ID: "the-run", Started: time.Now()}); err != nil {
		t.Fatal(err)
	}
	removed := 0
	for name, c := range map[string]struct {
		hook checkpointer
		code int
		want string
	}{
		"nobody to ask": {nil, exitEnvironment, "is in use by another weir process (pid "},
		"a copy": {func(_ context.Context, stateDir string, _ *state.Locked) (string, func(), error) {
			copied, remove, err := s.NewCheckpoint()
			return copied, func() { removed++; remove() }, err
		}, exitOK, "customers"},
		"refused": {func(context.Context, string, *state.Locked) (string, func(), error) {
			return "", nil, errors.New("it does not answer")
		}, exitFailed, "it does not answer"},
		"no answer": {func(_ context.Context, _ string, l *state.Locked) (string, func(), error) { return "", nil, l },
			exitEnvironment, "is in use by another weir process (pid "},
	} {
		var out, errs bytes.Buffer
		a := newApp(strings.NewReader(""), &out, &errs)
		a.checkpointOf = c.hook
		code := a.main(t.Context(), []string{"runs", "--state", dir})
		if got := out.String() + errs.String(); code != c.code || !strings.Contains(got, c.want) {
			t.Errorf("%s: exit %d, %s", name, code, got)
		}
	}
	if removed != 1 {
		t.Errorf("copies were removed %d times", removed)
	}
}
