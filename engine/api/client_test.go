package api

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"weir/engine/plugin"
	"weir/engine/serve"
	"weir/engine/spec"
)

// TestClient does with a client what verbs do.
func TestClient(t *testing.T) {
	r := newRig(t, nil, withToken)
	r.ran(1)
	c, ctx := r.client, t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	st, err := c.Status(ctx)
	must(err)
	list, err := c.Pipelines(ctx)
	must(err)
	p, err := c.Pipeline(ctx, "a")
	must(err)
	if len(list) != 1 || st.Version != "v1.2.3" || p.Pipeline != "a" {
		t.Errorf("%+v", st)
	}
	must(c.RunNow(ctx, "a"))
	r.ran(2)
	runs, err := c.Runs(ctx, RunsQuery{Pipeline: "a", Limit: 1})
	must(err)
	if len(runs) != 1 || runs[0].Number != 2 {
		t.Errorf("runs: %+v", runs)
	}
	total, err := c.Ledger(ctx, "a")
	must(err)
	files, err := c.Files(ctx, "a", true)
	must(err)
	if total.Ledger.Read != 3 || len(files) != 1 {
		t.Errorf("ledger %+v, files %+v", total, files)
	}
	files, err = c.Retry(ctx, "a", RetryRequest{Path: "a.csv", Again: true})
	must(err)
	f, err := c.Skip(ctx, "a", SkipRequest{Path: "a.csv"})
	must(err)
	if len(files) != 1 || f.State != "skipped" {
		t.Errorf("retried %+v, skipped %+v", files, f)
	}
	l, err := c.Rejects(ctx, "a", 1, 10)
	must(err)
	rep, err := c.Replay(ctx, "a", RejectChoice{IDs: []uint64{l.Rejects[0].ID}})
	must(err)
	n, err := c.Discard(ctx, "a", RejectChoice{IDs: []uint64{1, 2, 3}})
	must(err)
	if rep.Outcome != "succeeded" || n != 1 {
		t.Errorf("replayed %+v, discarded %d", rep, n)
	}
	must(c.Reset(ctx, "a"))
}

// TestClientReloads: verdicts are answers, also those that are not what was asked for.
func TestClientReloads(t *testing.T) {
	r := newRig(t, nil)
	c, ctx := r.client, t.Context()
	r.write("config/a.hcl", "pipeline {")
	v, err := c.Reload(ctx, ReloadRequest{})
	if err != nil || v.Outcome != serve.Rejected || len(Problems(v)) == 0 {
		t.Fatalf("%+v, %v", v, err)
	}
	r.write("config/a.hcl", strings.ReplaceAll(pipelineA, "13", "14"))
	p, err := c.Plan(ctx, "")
	if err != nil || p.Verdict.Outcome != serve.Applied {
		t.Fatalf("%+v, %v", p, err)
	}
	if v, err = c.Reload(ctx, ReloadRequest{Plan: p.Plan}); err != nil || v.Outcome != serve.Applied {
		t.Fatalf("%+v, %v", v, err)
	}
	if v, err = c.Reload(ctx, ReloadRequest{Plan: p.Plan}); err != nil || v.Outcome != serve.Rejected {
		t.Fatalf("the same plan once more: %+v, %v", v, err)
	}
	if err := c.ReloadLater(ctx, ReloadRequest{}); err != nil {
		t.Fatal(err)
	}
	last, err := c.LastReload(ctx)
	if err != nil || last.ID < v.ID {
		t.Errorf("%+v, %v", last, err)
	}
	if all, err := c.Reloads(ctx, 3); err != nil || len(all) != 3 {
		t.Errorf("%d verdicts, %v", len(all), err)
	}
	if rev, err := c.Revision(ctx); err != nil || rev.Generation != 2 {
		t.Errorf("%+v, %v", rev, err)
	}
	dir, err := c.Checkpoint(ctx)
	if err == nil {
		err = c.RemoveCheckpoint(ctx, dir)
	}
	if err != nil {
		t.Error(err)
	}
}

// TestClientErrors: refusals are *Error; what is no server is a Failure of the environment.
func TestClientErrors(t *testing.T) {
	r := newRig(t, nil, withToken)
	ctx := t.Context()
	var e *Error
	if err := r.client.RunNow(ctx, "aa"); !errors.As(err, &e) || e.Status != 404 || e.Code != "unknown_pipeline" || e.DidYouMean != "a" {
		t.Errorf("unknown pipeline: %v", err)
	}
	wrong := &Client{URL: r.url, Token: spec.NewSecret("open sesame")}
	if _, err := wrong.Status(ctx); !errors.As(err, &e) || e.Status != 401 || strings.Contains(err.Error(), "sesame") {
		t.Errorf("wrong token: %v", err)
	}
	if err := wrong.Events(ctx, func(Event) error { return nil }); !errors.As(err, &e) || e.Status != 401 {
		t.Errorf("events with a wrong token: %v", err)
	}
	stranger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/api/v1/revision" {
			http.Redirect(w, q, "/elsewhere", http.StatusFound)
			return
		}
		_, _ = w.Write([]byte("<html>"))
	}))
	defer stranger.Close()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for _, url := range []string{gone.URL, stranger.URL} {
		c := &Client{URL: url, Token: spec.NewSecret("open sesame")}
		_, err := c.Status(ctx)
		if plugin.ClassOf(err) != plugin.Environment || !strings.Contains(err.Error(), url) || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%s: %v", url, err)
		}
	}
	if _, err := (&Client{URL: stranger.URL}).Revision(ctx); !errors.As(err, &e) || e.Status != 302 {
		t.Errorf("a redirect: %v", err)
	}
	over, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := r.client.Status(over); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestEvents listens while pipelines run and the folder is reloaded, until the server stops.
func TestEvents(t *testing.T) {
	r := newRig(t, nil)
	r.ran(1)
	var kinds []string
	seen, ended := make(chan string, 100), make(chan error, 1)
	go func() {
		ended <- r.client.Events(t.Context(), func(e Event) error {
			seen <- string(e.Kind) + " " + e.Pipeline
			return nil
		})
	}()
	next := func() string {
		for {
			select {
			case k := <-seen:
				kinds = append(kinds, k)
				return k
			case err := <-ended:
				t.Fatalf("the events ended: %v", err)
			}
		}
	}
	// Whether the listener is there yet is not known: ask until the first event comes.
	r.until("an event", func() bool {
		r.ask(200, "POST", "/api/v1/reload", "")
		return len(seen) > 0
	})
	if k := next(); k != "reloaded " {
		t.Errorf("first came %s", k)
	}
	r.ask(202, "POST", "/api/v1/pipelines/a/run", "")
	for k := next(); k != "run_ended a"; k = next() {
		continue
	}
	if !strings.Contains(strings.Join(kinds, ","), "run_started a,run_ended a") {
		t.Errorf("events: %v", kinds)
	}
	r.stop()
	if err := <-ended; err != nil {
		t.Errorf("the events ended with %v", err)
	}
}

// TestEventStream holds what is sent against the description.
func TestEventStream(t *testing.T) {
	r := newRig(t, nil)
	c := make(chan serve.Event, 100)
	defer r.server.Listen(c)()
	r.ask(200, "POST", "/api/v1/reload", "")
	r.ask(202, "POST", "/api/v1/pipelines/a/run", "")
	resp := r.send("GET", "/api/v1/events", "", nil)
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" || resp.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
	for kinds := map[serve.EventKind]bool{}; len(kinds) < 3; {
		e := <-c
		kinds[e.Kind] = true
		r.validate("the event "+string(e.Kind), Event{}, marshal(t, eventOf(&e)))
	}
}
