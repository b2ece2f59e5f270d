package rest

import (
	"context"
	"fmt"
	"time"

	"weir/engine/plugin"
)

// busy tells how often, and since when, the receiver has put off rows of a delivery while it
// took the request.
type busy struct {
	times int
	since time.Time
}

// deliverLater sends the rows that the reply to r puts off, such as with status 429 for their
// items, in a request of their own, which has a key of its own: the others were taken. It
// waits before that as between requests, and gives up as then; nothing of the delivery is
// counted in that case.
func (x *shipment) deliverLater(ctx context.Context, r *request, places []int) error {
	if x.busy.times++; x.busy.times == 1 {
		x.busy.since = x.clock.Now()
	}
	cause := plugin.Fail(plugin.Transient, "env.server_busy", fmt.Errorf("%s answered %s and put off %d of %d rows: %s",
		x.place(r.u), statusText(r.reply.status), len(places), len(r.places), x.mask.excerpt(errorText(r.reply))), "")
	pause, err := x.pauseAfter(r.reply, x.busy.times, x.busy.since, cause)
	if err != nil {
		return err
	}
	if err := x.clock.Sleep(ctx, pause); err != nil {
		return err
	}
	return x.deliver(ctx, places)
}
