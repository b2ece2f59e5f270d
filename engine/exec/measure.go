package exec

import (
	"context"
	"time"
)

// commitTimed commits what is pending and reports it with the time that took.
func (r *run) commitTimed(ctx context.Context) error {
	begun := r.Clock.Now()
	if err := r.Session.Commit(ctx); err != nil {
		return err
	}
	if r.Committed != nil {
		r.Committed(r.pending, r.Clock.Now().Sub(begun))
	}
	return nil
}

// took reports how long a delivery took.
func (s *sinkNode) took(d time.Duration) {
	if s.r.Delivered != nil {
		s.r.Delivered(s.node.Address, d)
	}
}
