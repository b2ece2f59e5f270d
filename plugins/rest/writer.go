package rest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"

	"github.com/klauspost/compress/gzip"
	"go.uber.org/zap"

	"weir/engine/plugin"
	"weir/engine/record"
)

// maxRequests bounds the requests that one delivery may cost when its refused rows are searched for.
const maxRequests = 1000

// writer is the running sink.
type writer struct {
	sink    *Sink
	client  *client
	release func()
	clock   plugin.Clock
	log     *zap.Logger
	mask    *masker
	judge   *judge
	pattern *regexp.Regexp // nil for none
	header  http.Header
	rows    *record.Encoder
	value   *record.ValueEncoder // of body, nil for the default
	body    plugin.Eval
	path    plugin.Eval
	zip     *gzip.Writer

	// of the present delivery
	d        *plugin.Delivery
	live     int
	sent     int
	rejected []plugin.Rejected
	view     record.Batch // the rows of one request
	sel      []int32
	buf      []byte
	packed   bytes.Buffer
}

var _ plugin.Writer = (*writer)(nil)

// Deliver implements plugin.Writer.
func (w *writer) Deliver(ctx context.Context, d *plugin.Delivery) ([]plugin.Rejected, error) {
	w.d, w.live, w.sent, w.rejected = d, d.Rows.Live(), 0, nil
	places := make([]int, w.live)
	for k := range places {
		places[k] = k
	}
	if err := w.deliver(ctx, places); err != nil {
		return nil, err
	}
	return w.rejected, nil
}

// Close implements plugin.Writer.
func (w *writer) Close(context.Context) error {
	w.release()
	return nil
}

// deliver sends the rows at the given places of the delivery, and what is left of
// them when the reply refuses some. It ends: every further request has fewer rows.
func (w *writer) deliver(ctx context.Context, places []int) error {
	u, places, err := w.encode(places)
	if err != nil || len(places) == 0 {
		return err
	}
	if w.sent++; w.sent > maxRequests {
		return plugin.Fail(plugin.Data, "run.request_refused", fmt.Errorf("%d requests did not find all refused rows of one delivery", maxRequests),
			"Use smaller batches, or reply.unassigned = \"all\" or \"stop\"")
	}
	r, ok, err := w.send(ctx, u, w.key(places), len(places))
	if err != nil {
		return err
	}
	items, err := w.judge.refusals()
	if err != nil {
		return w.notUnderstood("reject", r, u, err)
	}
	if len(items) == 0 {
		if ok {
			return nil
		}
		return w.statusError(r, w.place(u))
	}
	return w.refuse(ctx, r, u, ok, items, places)
}

// refuse rejects the rows that items name and sees to the others.
func (w *writer) refuse(ctx context.Context, r *reply, u *url.URL, ok bool, items []any, places []int) error {
	reasons := make([]string, len(places))
	unnamed := ""
	for _, item := range items {
		f := w.refusalOf(item, len(places))
		switch {
		case f.place >= 0:
			reasons[f.place] = join(reasons[f.place], f.reason)
		case len(places) == 1: // there is no other row it could mean
			reasons[0] = join(reasons[0], f.reason)
		default:
			unnamed = join(unnamed, f.reason)
		}
	}
	if unnamed != "" && w.sink.reply.unassigned == "stop" {
		return plugin.Fail(plugin.Data, "run.request_refused", fmt.Errorf("%s refused rows without naming them: %s", w.place(u), unnamed),
			"Set reply.index or reply.index_pattern to where the reply names the row, or reply.unassigned to \"split\" or \"all\"")
	}
	var rest []int
	for k, p := range places {
		if reasons[k] == "" && unnamed != "" && w.sink.reply.unassigned == "all" {
			reasons[k] = unnamed
		}
		if reasons[k] == "" {
			rest = append(rest, p)
			continue
		}
		w.reject(p, "sink.refused", reasons[k])
	}
	if unnamed != "" {
		half := len(rest) / 2
		if err := w.deliver(ctx, rest[:half]); err != nil {
			return err
		}
		return w.deliver(ctx, rest[half:])
	}
	if ok || len(rest) == 0 {
		return nil
	}
	taken, err := w.judge.othersTaken(len(rest))
	if err != nil {
		return w.notUnderstood("accepted", r, u, err)
	}
	if taken {
		return nil
	}
	return w.deliver(ctx, rest)
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

func (w *writer) reject(place int, code, reason string) {
	w.rejected = append(w.rejected, plugin.Rejected{Row: w.d.Rows.Row(place), Code: code, Reason: reason})
}

// key identifies a request by its rows: equal keys always mean equal rows.
func (w *writer) key(places []int) string {
	if len(places) == w.live {
		return w.d.Key
	}
	var b []byte
	for i := 0; i < len(places); {
		j := i
		for j+1 < len(places) && places[j+1] == places[j]+1 {
			j++
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(places[i]), 10)
		if j > i {
			b = strconv.AppendInt(append(b, '-'), int64(places[j]), 10)
		}
		i = j + 1
	}
	if len(b) > 40 {
		sum := sha256.Sum256(b)
		b = []byte(hex.EncodeToString(sum[:12]))
	}
	return w.d.Key + "/" + string(b)
}

// encode puts the body of a request into w.buf and returns its address and the
// places of the rows in it. Rows that cannot be written are rejected and left out.
func (w *writer) encode(places []int) (*url.URL, []int, error) {
	for len(places) > 0 {
		err := w.encodeBody(places)
		if err == nil {
			u, err := w.address(places)
			if err == nil {
				return u, places, w.compress()
			}
			w.reject(places[0], "row.bad_path", w.mask.excerpt(err.Error()))
			return nil, nil, nil
		}
		var good []int
		for _, p := range places {
			if e := w.encodeBody([]int{p}); e != nil {
				w.reject(p, "row.bad_value", w.mask.excerpt(e.Error()))
				continue
			}
			good = append(good, p)
		}
		if len(good) == len(places) { // every row alone is fine: the expression fails over them together
			return nil, nil, plugin.Fail(plugin.Data, "run.bad_body", fmt.Errorf("body: %w", err), "The expression must hold for any set of rows")
		}
		places = good
	}
	return nil, nil, nil
}

// encodeBody writes the body for the rows at the given places to w.buf.
func (w *writer) encodeBody(places []int) (err error) {
	w.sel = w.sel[:0]
	for _, p := range places {
		w.sel = append(w.sel, int32(w.d.Rows.Row(p)))
	}
	w.view = *w.d.Rows
	w.view.Sel, w.view.Rejects = w.sel, nil
	switch {
	case w.body != nil:
		var c *record.Column
		if c, err = w.body.Set(&w.view, nil); err == nil {
			w.buf, err = w.value.AppendValue(w.buf[:0], c, 0)
		}
	case w.path != nil:
		w.buf, err = w.rows.AppendRow(w.buf[:0], &w.view, w.view.Row(0))
	default:
		w.buf, err = w.rows.AppendRows(w.buf[:0], &w.view)
	}
	return err
}

// address returns where the request goes; w.view holds its rows.
func (w *writer) address(places []int) (*url.URL, error) {
	if w.path == nil {
		return w.client.address(w.sink.path)
	}
	row := w.d.Rows.Row(places[0])
	c := w.path.Rows(&w.view, "sink", "path_expression")
	if len(w.view.Rejects) > 0 {
		return nil, errors.New(w.view.Rejects[0].Reason)
	}
	if c.IsNull(row) {
		return nil, errors.New("path_expression is nil")
	}
	return w.client.address(string(c.Bytes(row)))
}

func (w *writer) compress() error {
	if !w.sink.gzip {
		return nil
	}
	w.packed.Reset()
	if w.zip == nil {
		w.zip = gzip.NewWriter(&w.packed)
	} else {
		w.zip.Reset(&w.packed)
	}
	_, err := w.zip.Write(w.buf)
	err = errors.Join(err, w.zip.Close())
	w.buf = append(w.buf[:0], w.packed.Bytes()...)
	return err
}

// place names the receiver in errors, without the query.
func (w *writer) place(u *url.URL) string {
	return w.sink.method + " " + w.mask.excerpt(u.Scheme+"://"+u.Host+u.Path)
}
