package exec

import (
	"context"
	"testing"
)

// TestWaitIsGivenUp: a wait with nothing pending ends when the run is asked to stop, also
// when it was asked before; one that ends by itself or is cancelled was not stopped.
func TestWaitIsGivenUp(t *testing.T) {
	c := new(Control)
	wait, over := c.waiting(t.Context())
	if wait.Err() != nil {
		t.Fatal(wait.Err())
	}
	c.Stop()
	<-wait.Done()
	if !over() {
		t.Error("Stop did not end the wait")
	}
	wait, over = c.waiting(t.Context())
	if <-wait.Done(); !over() {
		t.Error("a wait began after Stop")
	}
	_, over = new(Control).waiting(t.Context())
	if over() {
		t.Error("nobody asked")
	}
	ctx, cancel := context.WithCancel(t.Context())
	wait, over = new(Control).waiting(ctx)
	cancel()
	if <-wait.Done(); over() {
		t.Error("the run was cancelled, not stopped")
	}
}
