package rest

import (
	"fmt"
	"strings"
	"testing"

	"weir/engine/plugin"
	"weir/engine/testkit/restserver"
)

// What a sink shows is what it then sends, but for secrets (I9); showing sends nothing.
func TestShownIsSent(t *testing.T) {
	srv, h := server(t, restserver.Options{}), newHost()
	srv.Otherwise(func(*restserver.Request) restserver.Reply { return restserver.Reply{} })
	conn, ds := connection(t, fmt.Sprintf("url = %q\nheaders = { X-Key = \"s3cret-key\", Accept = \"text/plain\" }\nauth {\nuser = \"jan\"\npassword = \"s3cret-pw\"\n}", srv.URL()))
	if ds.HasErrors() {
		t.Fatal(ds.Err())
	}
	s, ds := sink(t, "path = \"/v1\"\nheaders = { X-More = \"s3cret-more\" }", conn, people(3).Schema)
	if ds.HasErrors() {
		t.Fatal(ds.Err())
	}
	var shown []plugin.Message
	w, err := s.OpenShow(h, func(m plugin.Message) { shown = append(shown, m) })
	if err != nil {
		t.Fatal(err)
	}
	d := &plugin.Delivery{Key: "k", Rows: people(3)}
	if _, err := w.Deliver(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if n := len(srv.Requests()); n != 0 || len(shown) != 1 {
		t.Fatalf("%d requests were made, %d shown", n, len(shown))
	}
	w, err = s.Open(t.Context(), h, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Deliver(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	q, m := srv.Requests()[0], shown[0]
	if m.Method != q.Method || m.URL != srv.URL()+"/v1" || string(m.Body) != string(q.Raw) || m.Rows != 3 {
		t.Errorf("shown %s %s %s, sent %s %s", m.Method, m.URL, m.Body, q.Method, q.Raw)
	}
	secret := map[string]string{"Authorization": "Basic (secret)", "X-Key": "(secret)", "X-More": "(secret)"}
	for _, x := range m.Headers {
		want, masked := secret[x.Name]
		if !masked {
			want = q.Header.Get(x.Name)
		}
		if x.Value != want || strings.Contains(x.Value, "s3cret") {
			t.Errorf("%s is shown as %q, want %q", x.Name, x.Value, want)
		}
		delete(secret, x.Name)
	}
	if len(secret) != 0 {
		t.Errorf("not shown: %v", secret)
	}
}
