package main

import (
	"fmt"
	"strings"

	"weir/engine/api"
	"weir/engine/diag"
	"weir/engine/serve"
)

// eventRoom is how many events may wait to be printed; a terminal that is held
// up for longer misses some, and no pipeline waits for it.
const eventRoom = 4096

// printEvents prints a line for each thing that happens, until stop is called.
func (a *app) printEvents(s *serve.Server) (stop func()) {
	c := make(chan serve.Event, eventRoom)
	quiet := s.Listen(c)
	st := s.Status()
	_, _ = fmt.Fprintf(a.stdout, "serving %s from %s, generation %d, revision %s\n", count(int64(len(st.Pipelines)), "pipeline"), st.Folder, st.Generation, st.Revision)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for e := range c {
			a.printEvent(e)
		}
	}()
	return func() {
		quiet()
		close(c)
		<-done
	}
}

func (a *app) printEvent(e serve.Event) {
	at := e.At.Local().Format("15:04:05")
	switch e.Kind {
	case serve.RunEnded:
		if c := e.Summary.Counts; c.Read == 0 && c.Delivered == 0 {
			return // a poll that found nothing
		}
		_, _ = fmt.Fprintf(a.stdout, "%s  %s  %s in %s\n", at, e.Pipeline, printable(e.Summary.Counts.String()), e.Summary.Ended.Sub(e.Summary.Started).Round(1e6))
	case serve.RunFailed:
		if e.Again {
			return // weir status shows for how long
		}
		_, _ = fmt.Fprintf(a.stdout, "%s  %s  failed: %s\n", at, e.Pipeline, printable(oneLine(e.Diagnostics)))
	case serve.Reloaded:
		a.printReload(at, e.Verdict)
	}
}

// printReload prints what a reload did, a line for each action.
func (a *app) printReload(at string, v *serve.Verdict) {
	if v.Outcome == serve.Unchanged && v.Trigger != "api" && v.Trigger != "signal" {
		return
	}
	_, _ = fmt.Fprintf(a.stdout, "%s  %s\n", at, verdictLine(v))
	for i := range v.Actions {
		_, _ = fmt.Fprintln(a.stdout, "          "+actionLine(&v.Actions[i]))
	}
	_ = a.printFound(a.stdout, api.Problems(v)) // a terminal that is gone ends the process in another way
}

// oneLine returns the first of ds in a line.
func oneLine(ds diag.List) string {
	if len(ds) == 0 {
		return "for an unknown reason"
	}
	text := ds[0].Summary
	if ds[0].Detail != "" {
		text += ": " + ds[0].Detail
	}
	return strings.ReplaceAll(text, "\n", " ")
}
