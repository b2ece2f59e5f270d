package main

import (
	"context"
	"os"
	"strings"
	"testing"
)

// timedRig is a crash rig whose requests hold the time at which they are computed.
func timedRig(t *testing.T) *crashRig {
	r := crashCase{after: "keep", sink: "rest, keys ignored"}.rig(t)
	src, err := os.ReadFile(r.path)
	if err != nil {
		t.Fatal(err)
	}
	const before = `custom_age                 = "age"`
	timed := strings.Replace(string(src), before, before+"\n      custom_synced_at = \"string(now()) + string(meta.received)\"", 1)
	if timed == string(src) {
		t.Fatal("the configuration has no place for the time")
	}
	if err := os.WriteFile(r.path, []byte(timed), 0o600); err != nil {
		t.Fatal(err)
	}
	return r
}

// requestKeys are the different keys of the requests so far.
func (r *crashRig) requestKeys() map[string]bool {
	keys := map[string]bool{}
	for _, q := range r.api.Requests() {
		keys[q.Header.Get("Idempotency-Key")] = true
	}
	return keys
}

// I7: what the real program delivers again after SIGKILL is the same, byte for byte,
// and under the same key, although it holds the time: a key has one body, and no
// rows come under two keys.
func TestCrashKeepsNow(t *testing.T) {
	whole := timedRig(t)
	if done, out := whole.run(t.Context(), ""); !done {
		t.Fatal(out)
	}
	want := len(whole.requestKeys())
	for _, at := range []string{"delivering:2", "delivered:1", "delivered:4", "committing:1", "committing:3"} {
		t.Run(strings.ReplaceAll(at, ":", " "), func(t *testing.T) {
			t.Parallel()
			r := timedRig(t)
			kills := 0
			for done := false; !done; {
				point := ""
				if kills < 2 {
					point = at
				}
				if done, _ = r.run(context.Background(), point); !done {
					kills++
				}
			}
			if kills == 0 {
				t.Fatal("the program was never killed")
			}
			r.deliveries()
			if got := len(r.requestKeys()); got != want {
				t.Errorf("%d keys, want %d: rows were sent under two", got, want)
			}
			if r.repeats() == 0 && at != "delivering:2" {
				t.Error("nothing was repeated")
			}
		})
	}
}
