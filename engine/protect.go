package engine

import (
	"cmp"
	"fmt"

	"weir/engine/diag"
	"weir/engine/lineage"
	"weir/engine/plan"
	"weir/engine/state"
)

// StateError tells that a pipeline was not run because, as it is configured now, it
// would orphan or re-key state that is stored. Nothing was changed.
type StateError struct {
	Pipeline    string
	Diagnostics diag.List // with how much is concerned, and what can be done
}

// Error implements error.
func (e *StateError) Error() string { return e.Diagnostics.Err().Error() }

// Unwrap gives errors.As the diagnostics.
func (e *StateError) Unwrap() error { return e.Diagnostics.Err() }

// protection keeps a run from breaking what is stored (I8).
type protection struct {
	book       *lineage.Book
	now        plan.Description
	revision   string
	generation uint64
	orphans    []plan.PipelineDescription
	answer     string
}

// protect reads how the state in store came about.
func (e *Engine) protect(store *state.Store, p *plan.Plan, answer string) (*protection, error) {
	if !lineage.ValidAnswer(answer) {
		return nil, fmt.Errorf("stored state can be kept, rebuilt or forked, with keep, rebuild or fork; not %q", answer)
	}
	x := &protection{book: lineage.Open(store, e.log), revision: p.Revision, answer: answer}
	key, err := x.book.Key()
	if err != nil {
		return nil, err
	}
	if x.generation, err = x.book.Generation(); err != nil {
		return nil, err
	}
	x.now = plan.Describe(p, key)
	if len(p.Failed) == 0 { // else what is not in the plan may be what has errors
		x.orphans, err = x.book.Orphans(func(a string) bool { return p.Pipeline(a) != nil })
	}
	return x, err
}

// ready makes the stored state of a pipeline that of its present description, as it
// says itself or as was answered, and keeps that. A *StateError says that it does not fit.
func (x *protection) ready(p *plan.Pipeline) error {
	return x.prepare(p, "it does not run", nil)
}

// readyToReplay is ready for refused rows, which a fork would lay aside.
func (x *protection) readyToReplay(p *plan.Pipeline) error {
	const otherwise = "its refused rows are not replayed"
	return x.prepare(p, otherwise, func(a *plan.Action, answer string) diag.List {
		ds := x.book.Judge(a, "", otherwise)
		if answer != lineage.Fork || len(ds) == 0 {
			return nil
		}
		for i := range ds {
			ds[i].Detail = "A fork lays the refused rows aside with everything else, and nothing is left to replay. Say what is to become of what is stored: --stored-state keep uses it on as it is, " +
				"--stored-state rebuild drops all of it but the refused rows, and the next run reads everything again."
		}
		return ds
	})
}

// prepare is ready; unfit, when there is one, may refuse what was answered.
func (x *protection) prepare(p *plan.Pipeline, otherwise string, unfit func(a *plan.Action, answer string) diag.List) error {
	is := x.now.Pipeline(p.Address)
	a := plan.Action{Pipeline: p.Address, Kind: plan.Add, State: is.State}
	if err := x.book.Since(&a, is, x.now.Meaning, x.orphans); err != nil {
		return err
	}
	answer := cmp.Or(x.answer, p.State)
	ds := x.book.Judge(&a, answer, otherwise)
	if len(ds) == 0 && unfit != nil {
		ds = unfit(&a, answer)
	}
	if len(ds) > 0 {
		return &StateError{Pipeline: p.Address, Diagnostics: ds}
	}
	if _, err := x.book.Answer(&a, is, answer); err != nil {
		return err
	}
	return x.book.Write(&lineage.Record{Description: *is, Meaning: x.now.Meaning, Generation: x.generation, Revision: x.revision}, x.generation)
}
