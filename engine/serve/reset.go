package serve

import (
	"context"
	"maps"
	"slices"
	"strings"

	"weir/engine/diag"
	"weir/engine/plan"
	"weir/engine/state"
)

// Reset forgets everything that is stored under a name: that of a pipeline, which
// begins anew with its next run, of one that was removed or laid aside, or of an identity
// space (entity.NAME). Pipelines that use it do not run meanwhile. See Exclusively.
func (s *Server) Reset(ctx context.Context, name string) error {
	users, err := s.usersOf(name)
	if err != nil {
		return err
	}
	if len(users) > 0 {
		return s.exclusivelyAll(ctx, users, func() error { return s.drop(ctx, name) })
	}
	s.loading.Lock() // nothing begins to use it meanwhile
	defer s.loading.Unlock()
	if err := s.owned(); err != nil {
		return err
	}
	if users, err = s.usersOf(name); err != nil {
		return err
	}
	if len(users) > 0 { // it came back in this moment
		return &UnknownError{Pipeline: name}
	}
	return s.drop(ctx, name)
}

// drop forgets what is stored under a name that is known.
func (s *Server) drop(ctx context.Context, name string) error {
	if isSpace(name) {
		return s.book.DropSpace(name)
	}
	return s.store.Drop(context.WithoutCancel(ctx), name) // half of it would be of no use
}

// isSpace reports whether a name is that of an identity space.
func isSpace(name string) bool { return strings.HasPrefix(name, "entity.") }

// usersOf returns the pipelines that use what is stored under a name, in order.
// An *UnknownError says that nothing is stored or served under it.
func (s *Server) usersOf(name string) ([]string, error) {
	s.mu.Lock()
	var users, known []string
	for _, a := range slices.Sorted(maps.Keys(s.pipes)) {
		p := s.pipes[a]
		known = append(known, a)
		if !p.removed && (a == name || p.plan.Shares(name)) {
			users = append(users, a)
		}
	}
	s.mu.Unlock()
	if len(users) > 0 {
		return users, nil
	}
	pipelines, err := s.store.Pipelines()
	if err != nil {
		return nil, err
	}
	for _, p := range pipelines {
		known = append(known, p.Address)
	}
	spaces, err := s.store.Spaces()
	if err != nil {
		return nil, err
	}
	for _, sp := range spaces {
		if isSpace(sp) {
			known = append(known, sp)
		}
	}
	if slices.ContainsFunc(pipelines, func(p state.Pipeline) bool { return p.Address == name }) || isSpace(name) && slices.Contains(known, name) {
		return nil, nil
	}
	return nil, &UnknownError{Pipeline: name, Did: diag.Suggest(name, known)}
}

// exclusivelyAll is Exclusively for several pipelines at once.
func (s *Server) exclusivelyAll(ctx context.Context, addresses []string, f func() error) error {
	if len(addresses) == 0 {
		return f()
	}
	return s.Exclusively(ctx, addresses[0], func(*plan.Pipeline, uint64, string) error {
		return s.exclusivelyAll(ctx, addresses[1:], f)
	})
}
