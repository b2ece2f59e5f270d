package engine

import (
	"context"
	"errors"
	"os"

	"go.uber.org/zap"

	"weir/engine/exec"
	"weir/engine/plugin"
	"weir/engine/state"
	"weir/engine/state/kv"
	"weir/engine/state/overlaykv"
	"weir/engine/state/pebblekv"
)

// PreviewOptions say what is to be looked at.
type PreviewOptions struct {
	StateDir string // "" is what the engine block says; a folder without state is taken as empty
	Pipeline string // its address
	Rows     int    // decoded, at most
}

// Preview is what the first rows of a source become; see [Engine.Preview].
type Preview = exec.Preview

// PreviewStep is what came out of a step, or reached a sink, and what that would send.
type PreviewStep = exec.PreviewStep

// Preview takes the first rows of a pipeline's source through its steps. Nothing
// is written anywhere: no sink is opened, files stay where they are, and the
// state store is only read.
func (e *Engine) Preview(ctx context.Context, l *Loaded, o PreviewOptions) (*Preview, error) {
	p := l.Plan.Pipeline(o.Pipeline)
	if p == nil {
		return nil, unknown(o.Pipeline, l.Plan)
	}
	below, err := readState(StateDir(l, o.StateDir), e.log)
	if err != nil {
		return nil, err
	}
	store, err := state.New(overlaykv.New(below), state.Options{Log: e.log, Clock: e.clock, Memory: 8 << 20})
	if err != nil {
		return nil, err
	}
	tmp, err := os.MkdirTemp("", "weir-preview-")
	if err != nil {
		return nil, closed(store, err)
	}
	defer func() { _ = os.RemoveAll(tmp) }() // it holds copies only
	ses, err := store.Pipeline(ctx, p.Address, 1, l.Plan.Revision)
	if err != nil {
		return nil, closed(store, err)
	}
	out, err := exec.PreviewRun(ctx, exec.Options{
		Pipeline: p, Revision: l.Plan.Revision, Session: ses, Clock: e.clock, Log: e.log, StateDir: tmp,
		Host: func(step string) plugin.Host { return e.host(step) },
	}, o.Rows, func() error { return forgetFiles(store, p.Address) })
	return out, closed(store, err)
}

// readState opens the database of a state folder for reading; nil when there is none.
func readState(dir string, log *zap.Logger) (kv.Store, error) {
	db, err := pebblekv.Open(dir, pebblekv.Options{CacheBytes: 8 << 20, ReadOnly: true, Log: log})
	var f *plugin.Failure
	if errors.As(err, &f) && f.Code == "state.missing" {
		return nil, nil //nolint:nilnil // no state is no error here
	}
	if err != nil {
		return nil, err
	}
	return db, nil
}

// forgetFiles makes the ledger, as this store shows it, forget the files of a pipeline.
func forgetFiles(s *state.Store, pipeline string) error {
	list, err := s.Files(pipeline, false)
	if err != nil {
		return err
	}
	for _, f := range list {
		if _, err := s.ForgetFile(pipeline, f.Source, f.Path); err != nil {
			return err
		}
	}
	return nil
}
