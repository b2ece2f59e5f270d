package rest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"

	"github.com/cespare/xxhash/v2"
	"github.com/klauspost/compress/gzip"
	"go.uber.org/zap"

	"weir/engine/plugin"
	"weir/engine/record"
)

// maxRequests bounds the requests that one delivery may cost when its refused rows are searched for.
const maxRequests = 1000

// writer is the running sink. Encode and Settle of its shipments take turns with
// what it holds; several may Send at the same time.
type writer struct {
	sink    *Sink
	client  *client
	release func()
	clock   plugin.Clock
	log     *zap.Logger
	mask    *masker
	pattern *regexp.Regexp // nil for none
	header  http.Header    // of every request
	inside  bool           // replies that are ok are searched for failures

	// used by Encode and Settle alone
	rows   *record.Encoder
	value  *record.ValueEncoder // of body, nil for the default
	body   plugin.Eval
	path   plugin.Eval
	zip    *gzip.Writer
	hash   xxhash.Digest
	view   record.Batch // the rows of one request
	sel    []int32
	packed bytes.Buffer
	alone  *shipment // of Deliver
	most   int       // see MostRows; Settle alone writes it
}

// shipment makes one delivery after another, each in one or more requests.
type shipment struct {
	*writer
	judge  *judge
	header http.Header
	buf    []byte // body of the present request

	// of the present delivery
	d        *plugin.Delivery
	live     int
	sent     int
	all      []int
	rejected []rejection
	first    request
	tooMany  int // rows of the largest request that was too large
	fits     int // and of the largest that was taken after it
	busy     busy
}

// request is one request of a delivery and what became of it.
type request struct {
	u      *url.URL
	digest string // of method, address and body
	places []int  // of its rows in the delivery; none when there is nothing to send
	reply  *reply
	ok     bool
	items  []any // what the reply refuses
	large  bool  // it was too large, and is to be sent in halves
}

// rejection is a refused row by its place in the delivery: its place in the batch may change.
type rejection struct {
	place        int
	code, reason string
}

var (
	_ plugin.Writer   = (*writer)(nil)
	_ plugin.Sender   = (*writer)(nil)
	_ plugin.Shipment = (*shipment)(nil)
)

// NewShipment implements plugin.Sender.
func (w *writer) NewShipment() plugin.Shipment { return w.newShipment() }

func (w *writer) newShipment() *shipment {
	return &shipment{writer: w, judge: newJudge(w.sink), header: w.header.Clone()}
}

// Deliver implements plugin.Writer.
func (w *writer) Deliver(ctx context.Context, d *plugin.Delivery) ([]plugin.Rejected, error) {
	if w.alone == nil {
		w.alone = w.newShipment()
	}
	if err := w.alone.Encode(ctx, d); err != nil {
		return nil, err
	}
	if done, err := w.alone.Send(ctx); done || err != nil {
		return nil, err
	}
	return w.alone.Settle(ctx, d)
}

// Close implements plugin.Writer.
func (w *writer) Close(context.Context) error {
	w.release()
	return nil
}

// Encode implements plugin.Shipment.
func (x *shipment) Encode(_ context.Context, d *plugin.Delivery) (err error) {
	x.begin(d)
	x.first, err = x.encode(x.all)
	return err
}

func (x *shipment) begin(d *plugin.Delivery) {
	x.d, x.live, x.sent, x.rejected, x.first = d, d.Rows.Live(), 0, nil, request{}
	x.tooMany, x.fits, x.busy = 0, 0, busy{}
	for k := len(x.all); k < x.live; k++ {
		x.all = append(x.all, k)
	}
	x.all = x.all[:x.live]
}

// Send implements plugin.Shipment. Most deliveries end here; when rows are
// refused, what follows needs them and is left to Settle.
func (x *shipment) Send(ctx context.Context) (done bool, err error) {
	if len(x.first.places) > 0 {
		if err := x.make(ctx, &x.first); err != nil {
			return false, err
		}
	}
	return len(x.first.items) == 0 && len(x.rejected) == 0 && !x.first.large, nil
}

// Settle implements plugin.Shipment.
func (x *shipment) Settle(ctx context.Context, d *plugin.Delivery) ([]plugin.Rejected, error) {
	x.d = d
	if err := x.follow(ctx, &x.first); err != nil {
		return nil, err
	}
	x.learn()
	var out []plugin.Rejected
	for _, r := range x.rejected {
		out = append(out, plugin.Rejected{Row: d.Rows.Row(r.place), Code: r.code, Reason: r.reason})
	}
	return out, nil
}

// deliver sends the rows at the given places of the delivery, and what is left of
// them when the reply refuses some. It ends: every further request has fewer rows.
func (x *shipment) deliver(ctx context.Context, places []int) error {
	r, err := x.encode(places)
	if err != nil || len(r.places) == 0 {
		return err
	}
	if err := x.make(ctx, &r); err != nil {
		return err
	}
	return x.follow(ctx, &r)
}

// follow sees to what a request leaves open.
func (x *shipment) follow(ctx context.Context, r *request) error {
	if r.large {
		return x.halve(ctx, r)
	}
	if x.tooMany > 0 {
		x.fits = max(x.fits, len(r.places))
	}
	if len(r.items) == 0 {
		return nil
	}
	return x.refuse(ctx, r)
}

// make makes a request whose body is in x.buf, until a reply settles it. The rows
// are taken, but for those that r.items refuse. It looks at no rows.
func (x *shipment) make(ctx context.Context, r *request) (err error) {
	if x.sent++; x.sent > maxRequests {
		return plugin.Fail(plugin.Data, "run.request_refused", fmt.Errorf("%d requests did not find all refused rows of one delivery", maxRequests),
			"Use smaller batches, or reply.unassigned = \"all\" or \"stop\"")
	}
	if r.reply, r.ok, err = x.send(ctx, r.u, x.key(r), len(r.places)); err != nil {
		return err
	}
	if r.items, err = x.judge.refusals(); err != nil {
		return x.notUnderstood("reject", r.reply, r.u, err)
	}
	if r.ok && len(r.items) == 0 && x.inside {
		if r.items, err = x.carried(r); err != nil {
			return err
		}
	}
	if r.large = x.tooLarge(r); r.large || r.ok || len(r.items) > 0 {
		return nil
	}
	return x.statusError(r.reply, x.place(r.u))
}

// refuse rejects the rows that the reply to r names and sees to the others.
func (x *shipment) refuse(ctx context.Context, r *request) error {
	places := r.places
	reasons := make([]string, len(places))
	unnamed := ""
	var later []int
	for _, item := range r.items {
		if at, ok := item.(placed); ok && at.busy {
			later = append(later, places[at.place])
			continue
		}
		f := x.refusalOf(item, len(places))
		switch {
		case f.place >= 0:
			reasons[f.place] = join(reasons[f.place], f.reason)
		case len(places) == 1: // there is no other row it could mean
			reasons[0] = join(reasons[0], f.reason)
		default:
			unnamed = join(unnamed, f.reason)
		}
	}
	if unnamed != "" && x.sink.reply.unassigned == "stop" {
		return plugin.Fail(plugin.Data, "run.request_refused", fmt.Errorf("%s refused rows without naming them: %s", x.place(r.u), unnamed),
			"Set reply.index or reply.index_pattern to where the reply names the row, or reply.unassigned to \"split\" or \"all\"")
	}
	var rest []int
	for k, p := range places {
		if reasons[k] == "" && unnamed != "" && x.sink.reply.unassigned == "all" {
			reasons[k] = unnamed
		}
		if reasons[k] == "" {
			rest = append(rest, p)
			continue
		}
		x.reject(p, "sink.refused", reasons[k])
	}
	if len(later) > 0 {
		return x.deliverLater(ctx, r, later)
	}
	if unnamed != "" {
		half := len(rest) / 2
		if err := x.deliver(ctx, rest[:half]); err != nil {
			return err
		}
		return x.deliver(ctx, rest[half:])
	}
	if r.ok || len(rest) == 0 {
		return nil
	}
	taken, err := x.judge.othersTaken(len(rest))
	if err != nil {
		return x.notUnderstood("accepted", r.reply, r.u, err)
	}
	if taken {
		return nil
	}
	return x.deliver(ctx, rest)
}

func join(a, b string) string {
	switch {
	case a == "":
		return b
	case len(a) > maxExcerpt:
		return a
	}
	return a + "; " + b
}

func (x *shipment) reject(place int, code, reason string) {
	x.rejected = append(x.rejected, rejection{place, code, reason})
}

// encode puts the body of a request into x.buf. Rows that cannot be written are
// rejected and left out.
func (x *shipment) encode(places []int) (request, error) {
	for len(places) > 0 {
		err := x.encodeBody(places)
		if err == nil {
			u, err := x.address(places)
			if err == nil {
				r := request{u: u, places: places, digest: x.digest(u)}
				return r, x.compress()
			}
			x.reject(places[0], "row.bad_path", x.mask.excerpt(err.Error()))
			return request{}, nil
		}
		var good []int
		for _, p := range places {
			if e := x.encodeBody([]int{p}); e != nil {
				x.reject(p, "row.bad_value", x.mask.excerpt(e.Error()))
				continue
			}
			good = append(good, p)
		}
		if len(good) == len(places) { // every row alone is fine: the expression fails over them together
			return request{}, plugin.Fail(plugin.Data, "run.bad_body", fmt.Errorf("body: %w", err), "The expression must hold for any set of rows")
		}
		places = good
	}
	return request{}, nil
}

// encodeBody writes the body for the rows at the given places to x.buf.
func (x *shipment) encodeBody(places []int) (err error) {
	x.sel = x.sel[:0]
	for _, p := range places {
		x.sel = append(x.sel, int32(x.d.Rows.Row(p)))
	}
	x.view = *x.d.Rows
	x.view.Sel, x.view.Rejects = x.sel, nil
	switch {
	case x.body != nil:
		var c *record.Column
		if c, err = x.body.Set(&x.view, nil); err == nil {
			x.buf, err = x.value.AppendValue(x.buf[:0], c, 0)
		}
	case x.path != nil:
		x.buf, err = x.rows.AppendRow(x.buf[:0], &x.view, x.view.Row(0))
	default:
		x.buf, err = x.rows.AppendRows(x.buf[:0], &x.view)
	}
	return err
}

// address returns where the request goes; x.view holds its rows.
func (x *shipment) address(places []int) (*url.URL, error) {
	if x.path == nil {
		return x.client.address(x.sink.path)
	}
	row := x.d.Rows.Row(places[0])
	c := x.path.Rows(&x.view, "sink", "path_expression")
	if len(x.view.Rejects) > 0 {
		return nil, errors.New(x.view.Rejects[0].Reason)
	}
	if c.IsNull(row) {
		return nil, errors.New("path_expression is nil")
	}
	return x.client.address(string(c.Bytes(row)))
}

func (x *shipment) compress() error {
	if !x.sink.gzip {
		return nil
	}
	x.packed.Reset()
	if x.zip == nil {
		x.zip = gzip.NewWriter(&x.packed)
	} else {
		x.zip.Reset(&x.packed)
	}
	_, err := x.zip.Write(x.buf)
	err = errors.Join(err, x.zip.Close())
	x.buf = append(x.buf[:0], x.packed.Bytes()...)
	return err
}

// place names the receiver in errors, without the query.
func (w *writer) place(u *url.URL) string {
	return w.sink.method + " " + w.mask.excerpt(u.Scheme+"://"+u.Host+u.Path)
}
