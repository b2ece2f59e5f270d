package rest

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"weir/engine/plugin"
	"weir/engine/plugin/plugintest"
	"weir/engine/testkit/restserver"
)

func TestProbe(t *testing.T) {
	srv, plain := server(t, restserver.Options{TLS: true}), server(t, restserver.Options{})
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := ln.Addr().String()
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	to := func(url, rest string) *Sink {
		conn, ds := connection(t, fmt.Sprintf("url = %q\nheaders = { X-K = key }\ntimeout = \"5s\"\n", url)+rest)
		if ds.HasErrors() {
			t.Fatal(ds.Err())
		}
		s, ds := sink(t, "path = \"/v1\"", conn, people(1).Schema)
		if ds.HasErrors() {
			t.Fatal(ds.Err())
		}
		return s
	}
	trusted := "tls {\n  ca = <<EOT\n" + string(srv.CA()) + "EOT\n}\n"
	plugintest.Probe(t, plugintest.ProbeCase{
		Good: to(srv.URL(), trusted),
		Look: func(*testing.T) any { return len(srv.Requests()) },
		Refused: map[string]plugintest.Refused{
			"nobody listens":   {Prober: to("http://"+closed, ""), Class: plugin.Transient},
			"unknown issuer":   {Prober: to(srv.URL(), ""), Class: plugin.Environment},
			"another name":     {Prober: to(srv.URL(), strings.Replace(trusted, "tls {", "tls {\n  server_name = \"other.example.com\"", 1)), Class: plugin.Environment},
			"not TLS":          {Prober: to(strings.Replace(plain.URL(), "http://", "https://", 1), ""), Class: plugin.Environment},
			"no proxy":         {Prober: to("https://example.com", fmt.Sprintf("proxy = \"http://weir:pw@%s\"\n", closed)), Class: plugin.Transient},
			"host of the name": {Prober: to("https://no-such-host.invalid", ""), Class: plugin.Transient},
		},
	})
	if err := to(plain.URL(), "").Probe(t.Context(), plugintest.NewHost(t, nil)); err != nil || len(plain.Requests()) != 0 {
		t.Errorf("%v, %d requests", err, len(plain.Requests()))
	}
}
