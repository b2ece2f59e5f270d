package rest

import (
	"context"
	"fmt"
	"net/http"

	"go.uber.org/zap"

	"weir/engine/plugin"
)

var _ plugin.Limiter = (*writer)(nil)

// MostRows implements plugin.Limiter: the largest request that was taken of a
// delivery of which larger ones were too large; 0 while none was. A single large
// row says nothing of the others, so the smallest does not count.
func (w *writer) MostRows() int { return w.most }

// tooLarge tells whether the reply to r says that the request has too many bytes, or
// that its row makes too long a path, and no expression says otherwise. Such a request
// was not taken, and smaller ones may be.
func (x *shipment) tooLarge(r *request) bool {
	if r.ok || len(r.items) > 0 {
		return false
	}
	return r.reply.status == http.StatusRequestEntityTooLarge || x.path != nil && r.reply.status == http.StatusRequestURITooLong
}

// halve sends the rows of a request that was too large in two. The halves are told
// by their places in the delivery, so that they are the same, with the same keys, when it is
// repeated after a crash (I7). A row that is too large alone is rejected.
func (x *shipment) halve(ctx context.Context, r *request) error {
	if len(r.places) == 1 {
		x.rejected = append(x.rejected, rejection{place: r.places[0], code: "sink.too_large",
			reason: fmt.Sprintf("the receiver takes no request that is as large as this row alone makes it: %s answered %s: %s",
				x.place(r.u), statusText(r.reply.status), x.mask.excerpt(errorText(r.reply)))})
		return nil
	}
	if x.tooMany == 0 {
		x.log.Warn("the request is too large for the receiver; its rows are sent in halves", zap.Int("rows", len(r.places)), zap.Int("bytes", len(x.buf)))
	}
	x.tooMany = max(x.tooMany, len(r.places))
	half := (len(r.places) + 1) / 2
	if err := x.deliver(ctx, r.places[:half]); err != nil {
		return err
	}
	return x.deliver(ctx, r.places[half:])
}

// learn notes the size that was found in the present delivery.
func (x *shipment) learn() {
	if x.tooMany == 0 || x.fits == 0 || x.most > 0 && x.fits >= x.most {
		return
	}
	x.most = x.fits
	x.log.Warn("from here on requests have fewer rows, because the receiver refused larger ones; batch.rows or batch.bytes would say so from the start",
		zap.Int("rows", x.most))
}
