package rest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/testkit/restserver"
)

// sendAll sends one delivery of n rows with each of the shipments at the same
// time, and settles them in order.
func sendAll(t *testing.T, w plugin.Writer, ships []plugin.Shipment, n int) (rejected [][]plugin.Rejected, errs []error) {
	t.Helper()
	var wg sync.WaitGroup
	done := make([]bool, len(ships))
	rejected, errs = make([][]plugin.Rejected, len(ships)), make([]error, len(ships))
	delivery := func(i int) *plugin.Delivery { return &plugin.Delivery{Key: fmt.Sprint("k", i), Rows: people(n)} }
	for i, x := range ships {
		d := delivery(i)
		if err := x.Encode(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		d.Rows.Reset(d.Rows.Schema, 0) // the rows are others after Encode
		wg.Go(func() { done[i], errs[i] = x.Send(t.Context()) })
	}
	wg.Wait()
	for i, x := range ships {
		if !done[i] && errs[i] == nil {
			rejected[i], errs[i] = x.Settle(t.Context(), delivery(i))
		}
	}
	return rejected, errs
}

func shipments(w plugin.Writer, n int) (out []plugin.Shipment) {
	for range n {
		out = append(out, w.(plugin.Sender).NewShipment())
	}
	return out
}

// Several requests are under way at once, each under its own key; refusals and
// faults of one do not touch the others.
func TestShipmentsAreIndependent(t *testing.T) {
	srv, h := server(t, restserver.Options{}), newHost()
	srv.Otherwise(func(r *restserver.Request) restserver.Reply {
		if rowsKey(r.Header) == "k1" {
			return restserver.Reply{Status: 400, JSON: map[string]any{"errors": []any{map[string]any{"index": 2, "message": "no"}}}}
		}
		return restserver.Reply{}
	})
	srv.Fail(restserver.Fault{Status: 503, Times: 2})
	w := open(t, srv, h, "", "batch {\n parallel = 4\n ordering_key = \"id\"\n}\nreply {\n reject = \"body?.errors ?? []\"\n}", people(1).Schema)
	ships := shipments(w, 4)
	for range 3 { // shipments are used again
		rejected, errs := sendAll(t, w, ships, 5)
		for i, err := range errs {
			want := 0
			if i == 1 {
				want = 1
			}
			if err != nil || len(rejected[i]) != want {
				t.Errorf("delivery %d: rejected %v, error %v", i, rejected[i], err)
			}
		}
		if r := rejected[1]; len(r) == 1 && (r[0].Row != 2 || !strings.Contains(r[0].Reason, "no")) {
			t.Errorf("rejected %v", r)
		}
	}
	seen, byRows := map[string][]string{}, map[string][]string{}
	for _, r := range srv.Requests() {
		key := r.Header.Get("Idempotency-Key")
		if before := seen[key]; before != nil && !slices.Equal(before, ids(&r)) {
			t.Errorf("key %s came with rows %v, and before with %v", key, ids(&r), before)
		}
		seen[key] = ids(&r)
		byRows[rowsKey(r.Header)] = ids(&r)
	}
	if !slices.Equal(byRows["k1/0-1,3-4"], []string{"r0", "r1", "r3", "r4"}) || len(seen) != 5 {
		t.Errorf("requests %v", seen)
	}
}

// A Retry-After that one request got holds back those beside it, and the limit
// counts for all together.
func TestShipmentsShareLimits(t *testing.T) {
	srv, h := server(t, restserver.Options{}), newHost()
	srv.Otherwise(func(*restserver.Request) restserver.Reply { return restserver.Reply{} })
	w := open(t, srv, h, `rate_limit = "4/s"`, "batch {\n parallel = 4\n ordering_key = \"nil\"\n}", people(1).Schema)
	began := h.clock.Now()
	for range 3 {
		if _, errs := sendAll(t, w, shipments(w, 4), 1); errors.Join(errs...) != nil {
			t.Fatal(errs)
		}
	}
	if d := h.clock.Now().Sub(began); d < 11*250*time.Millisecond {
		t.Errorf("12 requests took %v, at 4 a second", d)
	}
	srv.Fail(restserver.Fault{Status: 429, RetryAfter: "60"})
	began = h.clock.Now()
	if _, errs := sendAll(t, w, shipments(w, 1), 1); errors.Join(errs...) != nil {
		t.Fatal(errs)
	}
	if d := h.clock.Now().Sub(began); d < time.Minute {
		t.Errorf("a Retry-After of 60 s was waited for %v", d)
	}
}

func TestSendEndsWithItsContext(t *testing.T) {
	srv := server(t, restserver.Options{})
	srv.Fail(restserver.Fault{Hang: true, Times: -1})
	x := shipments(open(t, srv, newHost(), "", "", people(1).Schema), 1)[0]
	if err := x.Encode(t.Context(), &plugin.Delivery{Key: "k", Rows: people(1)}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if done, err := x.Send(ctx); done || !errors.Is(err, context.Canceled) {
		t.Errorf("%v, error %v", done, err)
	}
}

// What keeps its order comes from ordering_key, else from the dedupe step before the sink.
func TestOrderOfParallelRequests(t *testing.T) {
	plain := people(0).Schema
	text := record.NullableOf(record.String)
	deduped := record.NewSchema(append(slices.Clone(plain.Fields()), record.Field{Name: "dedupe", Hidden: true, Type: record.ObjectOf([]record.Field{
		{Name: "id", Type: record.Of(record.String)}, {Name: "keys", Type: record.ObjectOf([]record.Field{{Name: "srs no", Type: text}, {Name: "email", Type: text}})},
	})}))
	for _, tc := range []struct {
		name, batch string
		in          *record.Schema
		keys        int
		problem     string
	}{
		{"one at a time", "rows = 7", plain, -1, ""},
		{"a key of its own", "parallel = 3\n ordering_key = \"id\"", plain, 1, ""},
		{"no order", "parallel = 3\n ordering_key = \"nil\"", plain, 0, ""},
		{"after a dedupe step", "parallel = 3", deduped, 3, ""},
		{"nothing tells", "parallel = 3", plain, 0, "parallel needs an ordering_key"},
		{"without parallel", "ordering_key = \"id\"", plain, 0, "ordering_key is without effect"},
		{"too many", "parallel = 65\n ordering_key = \"id\"", plain, 0, "must be between 1 and 64"},
	} {
		conn, ds := connection(t, `url = "http://localhost"`)
		if ds.HasErrors() {
			t.Fatal(ds.Err())
		}
		s, ds := sink(t, "batch {\n"+tc.batch+"\n}", conn, tc.in)
		if tc.problem != "" {
			if !ds.HasErrors() || !strings.Contains(ds.Err().Error(), tc.problem) || ds[0].Subject == nil {
				t.Errorf("%s: %v", tc.name, ds.Err())
			}
			continue
		}
		p := s.Batching().Parallel
		switch {
		case ds.HasErrors():
			t.Errorf("%s: %v", tc.name, ds.Err())
		case tc.keys < 0 && p != nil, tc.keys >= 0 && (p == nil || p.Most != 3 || len(p.Order) != tc.keys):
			t.Errorf("%s: %+v", tc.name, p)
		case p != nil && !strings.Contains(s.Guarantee(), "up to 3 at once"):
			t.Errorf("%s: %s", tc.name, s.Guarantee())
		}
	}
}
