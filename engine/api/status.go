package api

import (
	"errors"
	"net/http"
	"path/filepath"
	"time"

	"weir/engine/diag"
	"weir/engine/serve"
	"weir/engine/state"
)

func (a *API) health(http.ResponseWriter, *http.Request) (int, any, error) {
	return http.StatusOK, Health{Status: "ok", Version: a.o.Version}, nil
}

// readiness says whether the server takes part. A server that exists has its first plan in effect.
func readiness(s *serve.Server) Readiness {
	select {
	case <-s.Stopping():
		return Readiness{Reason: "the server is stopping"}
	case <-s.Lost():
		if gone := (*state.Gone)(nil); errors.As(s.Err(), &gone) {
			return Readiness{Reason: "the state folder is gone; this process ends"}
		}
		return Readiness{Reason: "another process took the state folder over; this one ends"}
	default:
	}
	if s.Store().Health() != nil { // what it says names folders, and anybody may ask
		return Readiness{Reason: "the state folder is damaged or cannot be written, and nothing is committed any more; the log says why"}
	}
	if s.Status().Generation == 0 {
		return Readiness{Reason: "no pipeline of the folder could be put in effect yet; the verdict of the last reload says why"}
	}
	return Readiness{Ready: true}
}

func (a *API) ready(http.ResponseWriter, *http.Request) (int, any, error) {
	r := readiness(a.o.Server)
	if !r.Ready {
		return http.StatusServiceUnavailable, r, nil
	}
	return http.StatusOK, r, nil
}

func (a *API) status(http.ResponseWriter, *http.Request) (int, any, error) {
	st := a.o.Server.Status()
	return http.StatusOK, Status{
		Version: a.o.Version, Folder: absolute(st.Folder), StateDir: absolute(st.StateDir), Started: st.Started.UTC(), Ready: readiness(a.o.Server).Ready, Stopping: st.Stopping,
		Revision: st.Revision, Seen: st.Seen, Generation: st.Generation, Base: st.Base, Running: st.Running, Pipelines: pipelinesOf(st), Reload: st.Reload,
	}, nil
}

func (a *API) revision(http.ResponseWriter, *http.Request) (int, any, error) {
	st := a.o.Server.Status()
	return http.StatusOK, Revision{Revision: st.Revision, Seen: st.Seen, Generation: st.Generation, Base: st.Base}, nil
}

func (a *API) pipelines(http.ResponseWriter, *http.Request) (int, any, error) {
	return http.StatusOK, PipelineList{Pipelines: pipelinesOf(a.o.Server.Status())}, nil
}

func (a *API) pipeline(_ http.ResponseWriter, r *http.Request) (int, any, error) {
	st, found := a.o.Server.Pipeline(address(r))
	if !found {
		return 0, nil, a.unknown(address(r))
	}
	return http.StatusOK, pipelineOf(st), nil
}

func (a *API) run(_ http.ResponseWriter, r *http.Request) (int, any, error) {
	return http.StatusAccepted, Accepted{Accepted: true}, a.o.Server.RunNow(address(r))
}

// unknown says that no such pipeline is served.
func (a *API) unknown(address string) error {
	st := a.o.Server.Status()
	names := make([]string, len(st.Pipelines))
	for i := range st.Pipelines {
		names[i] = st.Pipelines[i].Pipeline
	}
	return &serve.UnknownError{Pipeline: address, Did: diag.Suggest(address, names)}
}

func pipelinesOf(st serve.Status) []Pipeline {
	out := make([]Pipeline, len(st.Pipelines))
	for i := range st.Pipelines {
		out[i] = pipelineOf(st.Pipelines[i])
	}
	return out
}

func pipelineOf(p serve.PipelineStatus) Pipeline {
	return Pipeline{
		Pipeline: p.Pipeline, Description: p.Description, State: p.State, Schedule: p.Schedule, Revision: p.Revision, Generation: p.Generation,
		Next: timeOf(p.Next), Last: summaryOf(p.Last), Run: p.Run, Left: p.Left, Failures: p.Failures, Since: timeOf(p.Since), Runs: p.Runs, Failed: p.Failed,
		Ledger: ledgerOf(p.Totals), Problems: diag.ToJSON(p.Problems), Config: diag.ToJSON(p.Config),
	}
}

func summaryOf(r *serve.RunSummary) *RunSummary {
	if r == nil {
		return nil
	}
	return &RunSummary{ID: r.ID, Started: r.Started.UTC(), Ended: r.Ended.UTC(), Generation: r.Generation, Outcome: r.Outcome, Ledger: ledgerOf(r.Counts), Objects: r.Objects, Error: r.Error}
}

func ledgerOf(c state.Counts) Ledger {
	filtered := c.Filtered
	if filtered == nil {
		filtered = map[string]int64{}
	}
	return Ledger{
		Read: c.Read, Delivered: c.Delivered, Filtered: filtered, Deduplicated: c.Deduplicated,
		Grouped: c.Grouped, Expanded: c.Expanded, Rejected: c.Rejected, Held: c.Held,
	}
}

// absolute returns a path that means the same to whoever asks from another folder.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// timeOf is nil for the zero time.
func timeOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
