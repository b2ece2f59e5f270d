// Package api answers HTTP for a server of pipelines: health, metrics, and what
// the command line asks. openapi.json describes it; a test holds the handlers to it.
package api

import (
	"net/http"

	"go.uber.org/zap"

	"weir/engine/serve"
	"weir/engine/spec"
)

// Options are what the API is made from.
type Options struct {
	Server  *serve.Server
	Token   spec.Secret // what callers must show; unset asks for none
	Version string
	Log     *zap.Logger
}

// New returns the handler of the API.
func New(o Options) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	return mux
}
