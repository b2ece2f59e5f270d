package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"weir/engine/diag"
	"weir/engine/serve"
)

func (a *API) reload(w http.ResponseWriter, r *http.Request) (int, any, error) {
	wait, err := flag(r, "wait", true)
	if err != nil {
		return 0, nil, err
	}
	var q ReloadRequest
	if err := a.read(w, r, &q); err != nil {
		return 0, nil, err
	}
	if err := checkState(q.State); err != nil {
		return 0, nil, err
	}
	ask := serve.Request{Trigger: "api", State: q.State, Plan: q.Plan}
	if !wait {
		ctx, cancel := context.WithCancel(r.Context())
		cancel() // nobody waits: the reload goes on by itself
		_, _ = a.o.Server.Reload(ctx, ask)
		return http.StatusAccepted, Accepted{Accepted: true}, nil
	}
	v, err := a.o.Server.Reload(r.Context(), ask)
	if err != nil {
		return 0, nil, err
	}
	switch {
	case v.OK():
		return http.StatusOK, v, nil
	case slices.ContainsFunc(v.Diagnostics, func(d diag.JSONDiagnostic) bool { return d.Code == "serve.plan_stale" }):
		return http.StatusConflict, v, nil
	}
	return http.StatusUnprocessableEntity, v, nil
}

func (a *API) lastReload(http.ResponseWriter, *http.Request) (int, any, error) {
	list := a.o.Server.Verdicts(1)
	if len(list) == 0 {
		return 0, nil, &Error{Status: http.StatusNotFound, Code: "no_reload", Message: "There was no reload yet"}
	}
	return http.StatusOK, list[0], nil
}

func (a *API) reloads(_ http.ResponseWriter, r *http.Request) (int, any, error) {
	n, err := limit(r, 20, 500)
	if err != nil {
		return 0, nil, err
	}
	list := a.o.Server.Verdicts(n)
	if list == nil {
		list = []*serve.Verdict{}
	}
	return http.StatusOK, VerdictList{Reloads: list}, nil
}

func (a *API) plan(w http.ResponseWriter, r *http.Request) (int, any, error) {
	var q PlanRequest
	if err := a.read(w, r, &q); err != nil {
		return 0, nil, err
	}
	if err := checkState(q.State); err != nil {
		return 0, nil, err
	}
	p, v := a.o.Server.Plan(r.Context(), q.State)
	return http.StatusOK, Planned{Plan: p, Verdict: v}, r.Context().Err()
}

// copied is a copy of the state store that a client has.
type copied struct {
	made   time.Time
	remove func()
}

// Copies that nobody removes keep disk space: those that are old are removed when
// more are made, and there are never more than maxCopies.
const (
	maxCopies = 16
	oldCopy   = time.Hour
)

func (a *API) checkpoint(http.ResponseWriter, *http.Request) (int, any, error) {
	if a.o.Copies == nil {
		return 0, nil, &Error{Status: http.StatusNotImplemented, Code: "not_supported", Message: "This state store cannot be copied while it is in use"}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.clock.Now()
	for dir, c := range a.copies {
		if now.Sub(c.made) > oldCopy {
			c.remove()
			delete(a.copies, dir)
		}
	}
	if len(a.copies) >= maxCopies {
		return 0, nil, &Error{Status: http.StatusTooManyRequests, Code: "too_many_copies", Message: "There are too many copies of the state that nobody removed; each goes after an hour"}
	}
	dir, remove, err := a.o.Copies.NewCheckpoint()
	if err != nil {
		return 0, nil, err
	}
	dir = absolute(dir)
	a.copies[dir] = copied{made: now, remove: remove}
	return http.StatusCreated, Checkpoint{Dir: dir}, nil
}

// removeCheckpoint removes only what checkpoint made: the parameter names no folder to delete.
func (a *API) removeCheckpoint(_ http.ResponseWriter, r *http.Request) (int, any, error) {
	dir := r.URL.Query().Get("dir")
	a.mu.Lock()
	defer a.mu.Unlock()
	c, found := a.copies[dir]
	if !found {
		return 0, nil, &Error{Status: http.StatusNotFound, Code: "unknown_copy", Message: "There is no such copy of the state"}
	}
	delete(a.copies, dir)
	c.remove()
	return http.StatusOK, Removed{Removed: true}, nil
}
