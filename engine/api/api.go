// Package api answers HTTP for a server of pipelines: health, metrics, and what
// the command line asks. openapi.json describes it; a test holds the handlers to it.
//
// The table of routes is what there is: it says of each route what it takes, what
// it answers, and which function does it. A Client asks all of it.
package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"weir/engine"
	"weir/engine/diag"
	"weir/engine/plugin"
	"weir/engine/serve"
	"weir/engine/spec"
	"weir/engine/state"
)

// Options are what the API is made from.
type Options struct {
	Server  *serve.Server
	Token   spec.Secret // what callers must show; unset asks for none, and answers only to names of this machine
	Version string
	Log     *zap.Logger
	// Prove answers a challenge of a caller who wants to know whether this server has the state
	// folder that the caller looks at; nil answers none. See Challenge.
	Prove func(nonce string) string
	// Copies makes copies of the state store; nil is the server's store, where it can.
	Copies Copier
}

// Copier makes copies of a state store that others can open while it is in use.
type Copier interface {
	// NewCheckpoint makes a copy in a folder of its own. remove removes it.
	NewCheckpoint() (dir string, remove func(), err error)
}

// API answers requests.
type API struct {
	o       Options
	clock   plugin.Clock
	mux     *http.ServeMux
	metrics http.Handler
	origin  *http.CrossOriginProtection
	answers chan struct{} // one for each answer that is being made and sent
	large   chan struct{} // the same of those that are large

	mu     sync.Mutex
	copies map[string]copied // of the state store, by folder
}

// New returns the handler of the API.
func New(o Options) http.Handler {
	a := &API{o: o, clock: o.Server.Clock(), mux: http.NewServeMux(), origin: http.NewCrossOriginProtection(), answers: make(chan struct{}, maxAnswers), large: make(chan struct{}, maxLarge), copies: map[string]copied{}}
	if a.o.Log == nil {
		a.o.Log = zap.NewNop()
	}
	if a.o.Copies == nil {
		a.o.Copies, _ = any(o.Server.Store()).(Copier)
	}
	a.metrics = newMetrics(o)
	paths := map[string]map[string]*route{}
	list := routes()
	for i := range list {
		r := &list[i]
		if paths[r.path] == nil {
			paths[r.path] = map[string]*route{}
		}
		paths[r.path][r.method] = r
	}
	for p, methods := range paths {
		a.mux.Handle(p, a.byMethod(methods))
	}
	a.mux.Handle("/", a.nowhere(paths))
	return a
}

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	out := &sender{ResponseWriter: w, clock: a.clock, stopping: a.o.Server.Stopping()}
	defer out.hurry(r.Context())()
	w = out
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	defer func() {
		if v := recover(); v != nil {
			if v == http.ErrAbortHandler { //nolint:errorlint,err113 // it is panicked with as it is
				panic(v)
			}
			a.o.Log.Error("a defect in the program ended a request", zap.String("path", r.URL.Path), zap.Any("what", v), zap.Stack("stack"))
			a.fail(w, r, &Error{Status: http.StatusInternalServerError, Code: "internal", Message: "A defect in the program ended the request; the log has more"})
		}
	}()
	if e := a.guard(r); e != nil {
		if e.Status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", `Bearer realm="weir"`)
		}
		a.fail(w, r, e)
		return
	}
	if r.URL.Path != path.Clean(r.URL.Path) {
		a.fail(w, r, &Error{Status: http.StatusNotFound, Code: "not_found", Message: fmt.Sprintf("There is nothing at %s", r.URL.Path)})
		return
	}
	a.mux.ServeHTTP(w, r)
}

// byMethod answers for one path.
func (a *API) byMethod(methods map[string]*route) http.Handler {
	var allowed []string
	for m := range methods {
		allowed = append(allowed, m)
	}
	slices.Sort(allowed)
	allow := strings.Join(allowed, ", ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m := r.Method
		if m == http.MethodHead {
			m = http.MethodGet
		}
		to := methods[m]
		if to == nil {
			w.Header().Set("Allow", allow)
			a.fail(w, r, &Error{Status: http.StatusMethodNotAllowed, Code: "method_not_allowed", Message: fmt.Sprintf("%s does not take %s, but %s", r.URL.Path, r.Method, allow)})
			return
		}
		a.answer(w, r, to)
	})
}

// nowhere answers where there is no route.
func (a *API) nowhere(paths map[string]map[string]*route) http.Handler {
	var known []string
	for p := range paths {
		known = append(known, p)
	}
	slices.Sort(known)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.fail(w, r, &Error{
			Status: http.StatusNotFound, Code: "not_found", DidYouMean: diag.Suggest(r.URL.Path, known),
			Message: fmt.Sprintf("There is nothing at %s; /api/v1/openapi.json says what there is", r.URL.Path),
		})
	})
}

// answer does what a route is for.
func (a *API) answer(w http.ResponseWriter, r *http.Request, to *route) {
	if e := to.checkQuery(r.URL.Query()); e != nil {
		a.fail(w, r, e)
		return
	}
	if to.raw != nil {
		to.raw(a, w, r)
		return
	}
	if turns := a.turns(to); turns != nil {
		leave, err := a.room(r.Context(), turns)
		if err != nil {
			a.fail(w, r, problem(err))
			return
		}
		defer leave()
	}
	status, body, err := a.work(w, r, to)
	if err != nil {
		a.fail(w, r, problem(err))
		return
	}
	if status != 0 {
		a.write(w, status, body)
	}
}

// work does what a route is for, as work that the server waits for if it is that: sending
// what came of it is none, but for a list, which is sent as it is read; status is 0 then.
func (a *API) work(w http.ResponseWriter, r *http.Request, to *route) (status int, body any, err error) {
	if to.work {
		ctx, done, err := a.o.Server.Begin(r.Context())
		if err != nil {
			return 0, nil, err
		}
		defer done()
		r = r.WithContext(ctx)
	}
	if to.list == nil {
		return to.do(a, w, r)
	}
	l, err := to.list(a, r)
	if err == nil {
		a.list(w, r, l)
	}
	return 0, nil, err
}

// fail answers with an error.
func (a *API) fail(w http.ResponseWriter, r *http.Request, e *Error) {
	if e.Status >= http.StatusInternalServerError && e.Code == "internal" {
		a.o.Log.Warn("a request failed", zap.String("method", r.Method), zap.String("path", r.URL.Path), zap.String("error", e.Message))
	}
	if e.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "5")
	}
	a.write(w, e.Status, ErrorBody{*e})
}

// write sends body as JSON.
func (a *API) write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(body); err != nil { // the other side is gone, mostly
		a.o.Log.Debug("an answer could not be sent", zap.Error(err))
	}
}

// problem returns err as an answer.
func problem(err error) *Error {
	var (
		own       *Error
		unknown   *serve.UnknownError
		committed *serve.CommittedError
		missing   *serve.NoFileError
		failure   *plugin.Failure
		changed   *state.ChangedError
		edit      *engine.EditError
	)
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &unknown):
		return &Error{Status: http.StatusNotFound, Code: "unknown_pipeline", Message: err.Error(), DidYouMean: unknown.Did}
	case errors.As(err, &missing):
		return &Error{Status: http.StatusNotFound, Code: "unknown_file", Message: err.Error(), DidYouMean: missing.Did}
	case errors.As(err, &committed):
		return &Error{Status: http.StatusConflict, Code: "rows_committed", Message: err.Error()}
	case errors.As(err, &changed):
		return &Error{Status: http.StatusConflict, Code: "row_changed", Message: err.Error()}
	case errors.As(err, &edit):
		return &Error{Status: http.StatusUnprocessableEntity, Code: "not_edited", Message: err.Error()}
	case errors.Is(err, serve.ErrStopping), errors.Is(err, context.Canceled):
		return &Error{Status: http.StatusServiceUnavailable, Code: "stopping", Message: "The server is stopping; nothing was changed, or only in part. Ask again when it runs"}
	case errors.Is(err, context.DeadlineExceeded):
		return &Error{Status: http.StatusServiceUnavailable, Code: "busy", Message: "A run of the pipeline did not come to its next commit in time; nothing was changed. Ask again"}
	case errors.As(err, &failure) && failure.Class == plugin.Data && failure.Code == "run.no_such_file":
		return &Error{Status: http.StatusNotFound, Code: "unknown_file", Message: err.Error()}
	case errors.As(err, &failure) && failure.Class == plugin.Data:
		return &Error{Status: http.StatusConflict, Code: "conflict", Message: err.Error()}
	}
	return &Error{Status: http.StatusInternalServerError, Code: "internal", Message: err.Error()}
}

// within returns a context for operations that wait for a run to stop.
func (a *API) within(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		if a.clock.Sleep(ctx, d) == nil {
			cancel(context.DeadlineExceeded)
		}
	}()
	return ctx, func() { cancel(nil) }
}

// late returns the error of an operation that gave up waiting as what it is.
func late(ctx context.Context, err error) error {
	if errors.Is(err, context.Canceled) && errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		return context.DeadlineExceeded
	}
	return err
}
