package exec

import (
	"context"
	"errors"
	"strings"
	"testing"

	"weir/engine/plugin"
	"weir/engine/record"
)

func TestPanickedShowsNoData(t *testing.T) {
	for name, tc := range map[string]struct {
		throw func()
		want  string
	}{
		"a text":          {func() { panic("the secret is hunter2") }, "a panic with a value of type string"},
		"a runtime error": {func() { var m []int; _ = m[len(m)+2] }, "index out of range [2] with length 0"},
	} {
		var e *PanicError
		func() {
			defer func() { e = panicked(recover()) }()
			tc.throw()
		}()
		if e.What != tc.want && !strings.HasSuffix(e.What, tc.want) || !strings.Contains(e.Where, "TestPanickedShowsNoData") || !strings.Contains(e.Where, "panic_test.go:") {
			t.Errorf("%s: %q at %q", name, e.What, e.Where)
		}
		if strings.Contains(e.Error()+strings.Join(e.Stack, ""), "hunter2") {
			t.Errorf("%s: the value is shown: %v", name, e)
		}
	}
}

type burstingSender struct{ plugin.Writer }

// NewShipment implements plugin.Sender.
func (burstingSender) NewShipment() plugin.Shipment { return burstingShipment{} }

type burstingShipment struct{ plugin.Shipment }

// Send implements plugin.Shipment.
func (burstingShipment) Send(context.Context) (bool, error) { panic("hunter2") }

// TestSendersMayPanic: a delivery is sent by a goroutine of its own, whose panic nobody
// else could catch.
func TestSendersMayPanic(t *testing.T) {
	x := newFleet(burstingSender{}, nil)
	b := new(record.Batch)
	b.Clear(record.NewSchema(nil))
	f := x.take(&plugin.Delivery{Rows: b}, nil)
	x.launch(t.Context(), f, plugin.SystemClock{})
	var e *PanicError
	if err := x.await(); !errors.As(err, &e) || strings.Contains(err.Error(), "hunter2") || !strings.Contains(e.Where, "burstingShipment") {
		t.Errorf("%v", err)
	}
	x.abandon()
}
