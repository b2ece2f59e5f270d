package engine

import (
	"context"
	"fmt"
	"path"

	"weir/engine/plan"
	"weir/engine/plugin"
	"weir/engine/state"
)

// SkipOptions say which file is not to be read.
type SkipOptions struct {
	StateDir string // "" is what the engine block says
	Pipeline string // its address
	Path     string // of the file, as the source names it, or as the ledger does
	Reason   string // for whoever asks later
}

// SkipFile marks a file as one that no run reads, or reads on in, until it
// changes, and returns its entry in the file ledger. A file without an entry is
// looked for at the sources of the pipeline; that it is nowhere is a Failure of
// class Data. A pipeline that would break stored state as it is configured now skips
// nothing, with a *StateError: an entry under a new name would stand in the way of the
// state that is to come there (I8).
func (e *Engine) SkipFile(ctx context.Context, l *Loaded, o SkipOptions) (state.FileEntry, error) {
	p := l.Plan.Pipeline(o.Pipeline)
	if p == nil {
		return state.FileEntry{}, unknown(o.Pipeline, l.Plan)
	}
	store, err := e.open(StateDir(l, o.StateDir), l.Plan.Engine)
	if err != nil {
		return state.FileEntry{}, err
	}
	protected, err := e.protect(store, l.Plan, "")
	if err == nil {
		err = protected.prepare(p, "its files are not skipped", nil)
	}
	if err != nil {
		return state.FileEntry{}, closed(store, err)
	}
	entry, err := e.SkipFileOf(ctx, PipelineRun{Store: store, Pipeline: p, Revision: l.Plan.Revision, Generation: 1}, o.Path, o.Reason)
	return entry, closed(store, err)
}

// SkipFileOf is SkipFile in a store that is open, whose state fits the pipeline; r says which pipeline, and nothing
// is run. No run of the pipeline may be active.
func (e *Engine) SkipFileOf(ctx context.Context, r PipelineRun, file, reason string) (state.FileEntry, error) {
	ses, err := r.Store.Pipeline(ctx, r.Pipeline.Address, r.Generation, r.Revision)
	if err != nil {
		return state.FileEntry{}, err
	}
	entry, err := e.fileToSkip(ctx, r.Store, r.Pipeline, file)
	if err != nil {
		return entry, err
	}
	entry.State, entry.Reason = state.FileSkipped, reason
	if err := ses.PutFile(entry); err != nil {
		return entry, err
	}
	return entry, ses.Commit(ctx)
}

// fileToSkip returns the entry of the file, made from a listing when it has none.
func (e *Engine) fileToSkip(ctx context.Context, store *state.Store, p *plan.Pipeline, name string) (state.FileEntry, error) {
	list, err := store.Files(p.Address, false)
	if err != nil {
		return state.FileEntry{}, err
	}
	for _, f := range list {
		if f.Path == name || path.Base(f.Path) == name {
			if f.State == state.FileCommitted || f.State == state.FileArchived {
				return f, plugin.Fail(plugin.Data, "run.file_read", fmt.Errorf("%s is %s: all %d rows of it are committed, so there is nothing to skip", f.Path, f.State, f.Rows), "")
			}
			return f, nil
		}
	}
	for _, n := range p.Nodes {
		src, ok := n.Source.(plugin.Finder)
		if !ok {
			continue
		}
		found, ok, err := src.Find(ctx, e.host(n.Address), name)
		if err != nil {
			return state.FileEntry{}, err
		}
		if ok {
			found.Source = n.Address
			return found, nil
		}
	}
	return state.FileEntry{}, plugin.Fail(plugin.Data, "run.no_such_file", fmt.Errorf("pipeline %s has no file %s: the ledger does not know it, and no source lists it", p.Address, name),
		"Give the path as weir files ls or the source shows it")
}
