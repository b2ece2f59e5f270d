package plugintest

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/engine/plugin"
)

// ProbeCase is a plugin.Prober to test.
type ProbeCase struct {
	Good plugin.Prober
	// Refused are configurations whose probe must fail, with the class of the failure.
	Refused map[string]Refused
	// Look describes the other side, such as its files and the requests it got;
	// a good probe must not change it. nil looks at nothing.
	Look func(t *testing.T) any
}

// Refused is a configuration of which a probe fails.
type Refused struct {
	Prober plugin.Prober
	Class  plugin.Class
}

// Probe tests what plugin.Prober promises.
func Probe(t *testing.T, c ProbeCase) {
	t.Run("good", func(t *testing.T) {
		look := c.Look
		if look == nil {
			look = func(*testing.T) any { return nil }
		}
		before := look(t)
		for range 2 {
			if err := c.Good.Probe(t.Context(), NewHost(t, nil)); err != nil {
				t.Fatal(err)
			}
		}
		if d := cmp.Diff(before, look(t)); d != "" {
			t.Errorf("the probe left something behind: %s", d)
		}
	})
	for name, r := range c.Refused {
		t.Run(name, func(t *testing.T) {
			err := r.Prober.Probe(t.Context(), NewHost(t, nil))
			var f *plugin.Failure
			if !errors.As(err, &f) || f.Class != r.Class || f.Code == "" {
				t.Errorf("%v (%+v), want a failure of class %d with a code", err, f, r.Class)
			}
		})
	}
	t.Run("canceled", func(t *testing.T) {
		if len(c.Refused) == 0 {
			t.Skip("nothing is reached")
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := c.Good.Probe(ctx, NewHost(t, nil)); err == nil {
			t.Error("a probe that was canceled succeeded")
		}
	})
}
