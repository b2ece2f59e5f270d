package serve

import (
	"context"
	"errors"
	"slices"

	"weir/engine"
	"weir/engine/lineage"
	"weir/engine/plan"
	"weir/engine/plugin"
	"weir/engine/state"
	"weir/engine/state/memkv"
)

// PlanOffline says what serving the folder would change in what the state folder
// says was served last. It changes nothing, and needs no server: the store is opened
// for reading. answer is the State of a Request. Where nothing was stored yet, every
// pipeline is new. A store that another process has open is an error that a
// *state.Locked causes; a configuration that is wrong is in the verdict, as in
// [Server.Plan].
func PlanOffline(ctx context.Context, o Options, answer string) (*Planned, *Verdict, error) {
	o.Changed = func(engine.Paths) {}
	s := &Server{o: o, e: o.Engine, clock: o.Engine.Clock(), log: o.Engine.Log(), pipes: map[string]*pipeline{}, offline: true}
	l, _ := s.e.Load(ctx, o.Folder, o.Inputs) // what is wrong with it is found again below
	var err error
	if s.store, err = openToRead(engine.StateDir(l, o.StateDir), state.Options{ReadOnly: true, Memory: 8 << 20, Log: s.log, Clock: s.clock}); err != nil {
		return nil, nil, err
	}
	err = s.recall()
	if err != nil {
		return nil, nil, errors.Join(err, s.store.Close())
	}
	p, v := s.Plan(ctx, answer)
	return p, v, errors.Join(ctx.Err(), s.store.Close())
}

// openToRead opens the store in dir, an empty one where there is none.
func openToRead(dir string, o state.Options) (*state.Store, error) {
	st, err := state.Open(dir, o)
	if f, ok := errors.AsType[*plugin.Failure](err); ok && f.Code == "state.missing" {
		o.ReadOnly = false
		return state.New(memkv.New(), o)
	}
	return st, err
}

// recall takes what the store says was served last as what is in effect.
func (s *Server) recall() error {
	s.book = lineage.Open(s.store, s.log)
	var err error
	s.key, _ = s.book.Key() // a store that is only read cannot keep a new one: nothing was described yet then, and any key does
	if s.generation, err = s.book.Generation(); err != nil {
		return err
	}
	if err := s.recallSettings(); err != nil {
		return err
	}
	return s.book.Present(func(r *lineage.Record) {
		address := r.Description.Address
		s.pipes[address] = &pipeline{
			address: address, index: -1, plan: &plan.Pipeline{Address: address}, stored: &r.Description, is: r.Description.Fingerprint, revision: r.Revision, generation: r.Generation,
		}
	})
}

// countEffects notes in the effects of an action how much they concern.
func (s *Server) countEffects(a *plan.Action) {
	a.Effects = slices.Clone(a.Effects) // those of a reload go uncounted
	for i := range a.Effects {
		e := &a.Effects[i]
		if e.Space != "" || e.Source != "" {
			e.Count = s.book.Count(e)
		}
	}
}
