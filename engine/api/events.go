package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"weir/engine/diag"
	"weir/engine/serve"
)

// eventRoom is how many events may wait for a slow reader, who misses those beyond.
const eventRoom = 1024

// pulse is the time between signs of life, which tell both sides, and proxies, that the other is there.
const pulse = 15 * time.Second

// events sends what happens until the other side goes, or the server stops.
func (a *API) events(w http.ResponseWriter, r *http.Request) {
	rc := http.NewResponseController(w)
	c := make(chan serve.Event, eventRoom)
	defer a.o.Server.Listen(c)()
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	send := func(format string, args ...any) bool {
		// Who does not read for so long is gone.
		_ = rc.SetWriteDeadline(a.clock.Now().Add(2 * pulse)) // a writer that knows no deadlines has none
		_, err := fmt.Fprintf(w, format, args...)
		return err == nil && rc.Flush() == nil
	}
	if !send(": from now on\n\n") {
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	beat := a.beats(ctx)
	for {
		more := true
		select {
		case e := <-c:
			b, err := json.Marshal(eventOf(&e))
			more = err == nil && send("event: %s\ndata: %s\n\n", e.Kind, b)
		case <-beat:
			more = send(": still here\n\n")
		case <-a.o.Server.Stopping():
			more = false
		case <-ctx.Done():
			more = false
		}
		if !more {
			return
		}
	}
}

// beats sends now and then, until ctx is done.
func (a *API) beats(ctx context.Context) <-chan struct{} {
	c := make(chan struct{})
	go func() {
		for a.clock.Sleep(ctx, pulse) == nil {
			select {
			case c <- struct{}{}:
			case <-ctx.Done():
			}
		}
	}()
	return c
}

func eventOf(e *serve.Event) Event {
	out := Event{Kind: e.Kind, At: e.At.UTC(), Pipeline: e.Pipeline, Run: e.Run, Generation: e.Generation, Summary: summaryOf(e.Summary), Verdict: e.Verdict}
	if len(e.Diagnostics) > 0 {
		out.Diagnostics = diag.ToJSON(e.Diagnostics)
	}
	return out
}
