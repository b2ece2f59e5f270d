package serve

import (
	"context"
	"slices"
	"sync"

	"weir/engine/diag"
)

// Later is the trigger of the verdict on what an operation held up.
const Later = "later"

// inTurn calls f in a goroutine of its own once no other change and no operation of
// the pipelines is under way, and ends its actions. Where an operation takes longer than
// the drain time, such as a replay of many rows, the verdict does not wait for it: it
// says so, and what comes of the actions is in one of its own. The caller holds mu.
func (s *Server) inTurn(ctx context.Context, v *Verdict, wg *sync.WaitGroup, ps []*pipeline, ds []*Done, f func([]*Done)) {
	wg.Add(1)
	s.wg.Add(1)
	s.activity.changes++
	begun, revision := s.clock.Now(), v.Revision
	go func() {
		defer s.wg.Done()
		defer s.changeOver()
		late := false
		over, stop := s.after(ctx, s.o.Drain)
		for _, p := range ps {
			select {
			case p.changes <- struct{}{}:
			case <-over:
				if !late {
					late, ds = true, s.putOff(ps, ds)
					wg.Done()
				}
				p.changes <- struct{}{}
			}
			defer func() { <-p.changes }()
		}
		stop()
		f(ds)
		for _, d := range ds {
			d.Seconds = s.clock.Now().Sub(begun).Seconds()
		}
		if !late {
			wg.Done()
			return
		}
		own := s.newVerdict(Request{Trigger: Later})
		own.Revision = revision
		for _, d := range ds {
			own.Actions = append(own.Actions, *d)
		}
		s.madeGood(ps, ds)
		s.settle(own, &sync.WaitGroup{})
	}()
}

// putOff ends actions in their verdict, and returns them as they go on.
func (s *Server) putOff(ps []*pipeline, ds []*Done) []*Done {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]*Done, len(ds))
	for i, d := range ds {
		out[i] = &Done{Action: d.Action}
		d.Outcome = ActionLater
		d.diags = append(d.diags, diag.Warnf("serve.later", nil, d.Pipeline+" changes when the operation on it has ended",
			"Something like a replay of refused rows is under way. Until then it is as it was; all other pipelines changed."))
	}
	for _, p := range ps {
		p.config = ds[len(ds)-1].diags
	}
	return out
}

// madeGood forgets that actions were put off.
func (s *Server) madeGood(ps []*pipeline, ds []*Done) {
	if slices.ContainsFunc(ds, func(d *Done) bool { return d.Outcome != ActionDone && d.Outcome != ActionFenced }) {
		return // it says itself why not
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range ps {
		if p.want == nil {
			p.config = nil
		}
	}
}
