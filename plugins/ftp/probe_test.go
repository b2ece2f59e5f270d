package ftp

import (
	"testing"
	"time"

	"weir/engine/plugin"
	"weir/engine/plugin/plugintest"
	"weir/engine/spec"
	"weir/engine/testkit/ftpserver"
)

func TestProbe(t *testing.T) {
	s := startServer(t, ftpserver.Options{TLS: "explicit", RequireTLS: true})
	s.Put("/in/a.csv", []byte("x"), time.Now())
	source := func(path string, change func(*Connection)) *Source {
		c := connTo(t, s, "explicit")
		change(c)
		return &Source{FileOptions: plugin.FileOptions{Path: path}, Ref: &spec.Ref{Kind: "connection", Name: "ftp.erp", Value: c}}
	}
	same := func(*Connection) {}
	plugintest.Probe(t, plugintest.ProbeCase{
		Good: source("/in/*.csv", same),
		Look: func(t *testing.T) any {
			t.Helper()
			l, err := s.List("/in")
			if err != nil {
				t.Fatal(err)
			}
			return len(l)
		},
		Refused: map[string]plugintest.Refused{
			"wrong password":  {Prober: source("/in/*.csv", func(c *Connection) { c.Password = spec.NewSecret("other") }), Class: plugin.Environment},
			"nobody listens":  {Prober: source("/in/*.csv", func(c *Connection) { c.Port = 1 }), Class: plugin.Transient},
			"unknown issuer":  {Prober: source("/in/*.csv", func(c *Connection) { c.CA = "" }), Class: plugin.Environment},
			"without its TLS": {Prober: source("/in/*.csv", func(c *Connection) { c.TLS = "none" }), Class: plugin.Environment},
		},
	})
	missing := source("/none/*.csv", same)
	wantFailure(t, missing.Probe(t.Context(), plugintest.NewHost(t, nil)), plugin.Environment, "env.missing_folder", "the folder /none does not exist", "In / there are in/")
	missing.Missing = "empty"
	if err := missing.Probe(t.Context(), plugintest.NewHost(t, nil)); err != nil {
		t.Errorf("missing = empty: %v", err)
	}
}
