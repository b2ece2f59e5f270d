package rest

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"

	"weir/engine/plugin"
	"weir/engine/plugin/remote"
	"weir/engine/spec"
)

var _ plugin.Shower = (*Sink)(nil)

// OpenShow implements plugin.Shower.
func (s *Sink) OpenShow(h plugin.Host, show func(plugin.Message)) (plugin.Writer, error) {
	plain := *s
	plain.gzip = false // a compressed body shows nothing
	w, err := plain.newWriter(h)
	if err != nil {
		return nil, err
	}
	header := maps.Clone(w.client.headers)
	maps.Copy(header, w.header)
	if s.gzip {
		header.Set("Content-Encoding", "gzip")
	}
	return &showing{shipment: w.newShipment(), header: s.masked(header), show: show}, nil
}

// showing shows the requests that a shipment would make first; what replies would
// make it send after them is not known.
type showing struct {
	*shipment
	header http.Header // without secrets
	show   func(plugin.Message)
}

// Deliver implements plugin.Writer.
func (x *showing) Deliver(_ context.Context, d *plugin.Delivery) ([]plugin.Rejected, error) {
	x.begin(d)
	r, err := x.encode(x.all)
	if err != nil {
		return nil, err
	}
	if len(r.places) > 0 {
		m := plugin.Message{Method: x.sink.method, URL: r.u.String(), Body: slices.Clone(x.buf), Rows: len(r.places)}
		header := maps.Clone(x.header)
		if x.sink.keyHeader != "" {
			header.Set(x.sink.keyHeader, x.key(&r))
		}
		for _, name := range slices.Sorted(maps.Keys(header)) {
			m.Headers = append(m.Headers, plugin.Header{Name: name, Value: strings.Join(header[name], ", ")})
		}
		x.show(m)
	}
	var out []plugin.Rejected
	for _, bad := range x.rejected {
		out = append(out, plugin.Rejected{Row: d.Rows.Row(bad.place), Code: bad.code, Reason: bad.reason})
	}
	return out, nil
}

// masked returns headers without secrets (I9): the values of all that the
// configuration gives, but for those that never carry any.
func (s *Sink) masked(h http.Header) http.Header {
	conn, _ := s.connection.Value.(*Connection) // as newWriter found
	out := maps.Clone(h)
	for _, given := range []map[string]spec.Secret{conn.headers, s.headers} {
		for name := range given {
			if !plainHeader(name) {
				out.Set(name, remote.Masked)
			}
		}
	}
	scheme := conn.auth.scheme
	switch {
	case conn.auth.token.IsSet():
		if scheme == "" && strings.EqualFold(conn.auth.header, "Authorization") {
			scheme = "Bearer"
		}
		out.Set(conn.auth.header, strings.TrimSpace(scheme+" "+remote.Masked))
	case conn.auth.user != "":
		out.Set("Authorization", "Basic "+remote.Masked)
	}
	return out
}
