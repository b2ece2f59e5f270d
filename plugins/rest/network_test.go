package rest

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"

	"weir/engine/plugin"
	"weir/engine/spec"
	"weir/engine/testkit/restserver"
)

// Every way in which the network fails names the request and what to do, keeps to
// its class, and shows no credential, not even those in the address of a proxy (I9).
func TestNetworkErrors(t *testing.T) {
	srv := server(t, restserver.Options{})
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := ln.Addr().String()
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, url, proxy string
		class            plugin.Class
		code, want       string
	}{
		{"nobody listens", "http://" + closed, "", plugin.Transient, "env.unreachable", "connection refused; gave up after 2 requests"},
		{"unknown host", "http://no-such-host.invalid", "", plugin.Transient, "", "http://no-such-host.invalid/v1: "},
		{"not TLS", strings.Replace(srv.URL(), "http://", "https://", 1), "", plugin.Environment, "", "https://127.0.0.1"},
		{"proxy that is not there", "http://example.com", "http://weir:" + "k%2Fs3cr3t%2Bvalue%3D%3D@" + closed, plugin.Transient, "env.unreachable", "connection refused"},
		{"proxy that refuses", "https://example.com", strings.Replace(srv.URL(), "://", "://weir:k%2Fs3cr3t%2Bvalue%3D%3D@", 1), plugin.Transient, "env.unreachable", "Not Found"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			conn, ds := connection(t, fmt.Sprintf("url = %q\nheaders = { X-K = key }\ntimeout = \"5s\"", tc.url))
			if ds.HasErrors() {
				t.Fatal(ds.Err())
			}
			if tc.proxy != "" {
				conn.proxy = spec.NewSecret(tc.proxy)
			}
			s, ds := sink(t, "path = \"/v1\"\nretry {\n attempts = 2\n}", conn, people(1).Schema)
			if ds.HasErrors() {
				t.Fatal(ds.Err())
			}
			h := newHost()
			w, err := s.Open(t.Context(), h, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, err = deliver(t, w, people(1))
			f := failure(t, err)
			if f.Class != tc.class || tc.code != "" && string(f.Code) != tc.code || !strings.Contains(err.Error(), tc.want) || !strings.HasPrefix(err.Error(), "POST http") {
				t.Errorf("class %d, code %s: %v", f.Class, f.Code, err)
			}
			noSecret(t, "the log", fmt.Sprintf("%+v", h.logged.All()))
			if err := w.Close(context.Background()); err != nil || h.closed != 1 {
				t.Errorf("closed %d clients, %v", h.closed, err)
			}
		})
	}
}

// A secret is not shown by the ways of printing a configuration either (I9).
func TestConfigurationsPrintNoSecret(t *testing.T) {
	conn, _ := connection(t, "url = \"https://example.com\"\nheaders = { X-K = key }\nauth {\n user = \"weir\"\n password = password\n}\nproxy = key")
	s, _ := sink(t, "headers = { Y = \"v\" }", conn, people(1).Schema)
	for _, v := range []any{conn, *conn, s, conn.fingerprint(), s.Guarantee()} {
		for _, format := range []string{"%v", "%+v"} {
			noSecret(t, "printing "+format, fmt.Sprintf(format, v))
		}
	}
}
