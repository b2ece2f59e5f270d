package serve

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"

	"weir/engine"
	"weir/engine/diag"
	"weir/engine/plan"
	"weir/engine/plugin"
	"weir/engine/state"
)

// ErrStopping tells that the server does not begin anything any more.
var ErrStopping = errors.New("the server is stopping")

// Begin makes what the caller does a part of the server: the store stays open until
// done is called, and the context it returns is done when ctx is, or when runs are
// cancelled. While the server stops it returns ErrStopping.
func (s *Server) Begin(ctx context.Context) (_ context.Context, done func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return nil, nil, ErrStopping
	}
	s.wg.Add(1)
	ctx, cancel := context.WithCancel(ctx)
	unlink := context.AfterFunc(s.ctx, cancel)
	return ctx, func() {
		unlink()
		cancel()
		s.wg.Done()
	}, nil
}

// Stopping returns a channel that is closed when the server begins to stop.
func (s *Server) Stopping() <-chan struct{} { return s.stopped }

// Clock returns the clock that the server goes by.
func (s *Server) Clock() plugin.Clock { return s.clock }

// Replay runs refused rows of a pipeline through it as it is in effect, and returns
// at the end of that. stale replays also those that a later row of their entity has overtaken.
// Why it stopped is in the report. See Exclusively.
func (s *Server) Replay(ctx context.Context, address string, ids []uint64, stale bool) (*engine.PipelineReport, error) {
	var rep *engine.PipelineReport
	err := s.Exclusively(ctx, address, func(p *plan.Pipeline, generation uint64, revision string) (err error) {
		rep, err = s.e.ReplayRows(ctx, engine.PipelineRun{
			Store: s.store, StateDir: s.dir, Pipeline: p, Revision: revision, Generation: generation, Point: s.o.Point, Stale: stale,
		}, ids)
		return err
	})
	return rep, err
}

// Skip marks a file as one that no run reads, or reads on in, until it changes. See
// Exclusively and engine.SkipFile.
func (s *Server) Skip(ctx context.Context, address, file, reason string) (state.FileEntry, error) {
	var entry state.FileEntry
	err := s.Exclusively(ctx, address, func(p *plan.Pipeline, generation uint64, revision string) (err error) {
		entry, err = s.e.SkipFileOf(ctx, engine.PipelineRun{Store: s.store, Pipeline: p, Revision: revision, Generation: generation}, file, reason)
		return err
	})
	return entry, err
}

// CommittedError tells that rows of a file are committed, and would be processed a second time.
type CommittedError struct {
	Path string
	Rows int64
}

// Error implements error.
func (e *CommittedError) Error() string {
	return fmt.Sprintf("%d rows of %s are committed, and would be processed a second time. If that is meant, ask for it with again", e.Rows, e.Path)
}

// NoFileError tells that the ledger of a pipeline knows no such file.
type NoFileError struct {
	Pipeline, Path string
	Did            string // what may have been meant; "" for nothing
}

// Error implements error.
func (e *NoFileError) Error() string {
	text := fmt.Sprintf("the ledger of pipeline %s knows no file %s", e.Pipeline, e.Path)
	if e.Did != "" {
		text += fmt.Sprintf("; did you mean %q?", e.Did)
	}
	return text
}

// Retry makes the next run of a pipeline read files from their beginning: those
// whose path or name is file, or matches it as a pattern. It returns what was known
// of them. Files of which rows are committed need again. See Exclusively.
func (s *Server) Retry(ctx context.Context, address, file string, again bool) ([]state.FileEntry, error) {
	var out []state.FileEntry
	err := s.Exclusively(ctx, address, func(*plan.Pipeline, uint64, string) error {
		list, err := s.store.Files(address, false)
		if err != nil {
			return err
		}
		names := make([]string, 0, len(list))
		for _, f := range list {
			names = append(names, path.Base(f.Path))
			if !named(f.Path, file) {
				continue
			}
			if f.Rows > 0 && !again {
				return &CommittedError{Path: f.Path, Rows: f.Rows}
			}
			out = append(out, f)
		}
		if len(out) == 0 {
			return &NoFileError{Pipeline: address, Path: file, Did: diag.Suggest(path.Base(file), names)}
		}
		for _, f := range out {
			if _, err := s.store.ForgetFile(address, f.Source, f.Path); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// named reports whether a file is the one, or one of those, that pattern names.
func named(file, pattern string) bool {
	return slices.ContainsFunc([]string{file, path.Base(file)}, func(s string) bool {
		ok, err := path.Match(pattern, s)
		return s == pattern || ok && err == nil
	})
}

// Discard removes refused rows for good, and returns how many there were. See Exclusively.
func (s *Server) Discard(ctx context.Context, address string, ids []uint64) (int, error) {
	n := 0
	err := s.Exclusively(ctx, address, func(*plan.Pipeline, uint64, string) (err error) {
		n, err = s.store.DiscardRejects(address, ids)
		return err
	})
	return n, err
}

// EditReject changes a copy of the text of a refused row; see engine.EditReject and Exclusively.
func (s *Server) EditReject(ctx context.Context, address string, o engine.EditOptions) (x state.Reject, err error) {
	err = s.Exclusively(ctx, address, func(p *plan.Pipeline, _ uint64, _ string) (err error) {
		x, err = engine.EditReject(ctx, s.store, p, o)
		return err
	})
	return x, err
}

// would sets the outcome that a reload with the actions of v would have.
func (v *Verdict) would() {
	refused, other := v.diags.HasErrors(), 0
	for i := range v.Actions {
		if v.Actions[i].Outcome == ActionRefused {
			refused = true
		} else {
			other++
		}
	}
	switch {
	case refused && other == 0:
		v.Outcome = Rejected
	case refused:
		v.Outcome = Partial
	case other == 0:
		v.Outcome = Unchanged
	default:
		v.Outcome = Applied
	}
}
