package exec

import (
	"strconv"
	"time"

	"weir/engine/diag"
	"weir/engine/plugin"
	"weir/engine/state"
)

// What a delivery holds must be the same when it is repeated, or a receiver that
// honours keys would be given two things under one key or one thing under two (I7). So
// what it depends on besides its rows is durable before it is made: the time
// that now() gives and the sizes that a sink learned. What cannot be held, such as
// a changed configuration, makes other deliveries; sinks give those other keys.

// nowOf returns what now() is for the rows of an object: what it was for those
// that may have been delivered, else the clock's time.
func (r *run) nowOf(object string) time.Time {
	for _, s := range r.sinks {
		if i := r.Session.Intended(s.node.Address); i.Object == object && !i.Now.IsZero() {
			return i.Now
		}
	}
	return r.Clock.Now().Round(0).UTC()
}

// sameNow returns what now() is for a row of an object that was refused, which is what it
// is for those that were taken.
func (r *run) sameNow(object string) time.Time {
	o := r.source.origin
	if o != nil && !o.Now.IsZero() && (o.ID == object || r.replay != nil && r.replay.objectID == object) {
		return o.Now
	}
	return r.nowOf(object)
}

// seedOf returns what uuid() is made of for the rows of an object that the source gives.
func (r *run) seedOf(object string) string {
	return r.Pipeline.Address + "\x00" + r.source.node.Address + "\x00" + object
}

// holdNow fixes what now() is for dead letters up to the next commit. That which a
// replay before took for the same letters, and could not commit, is taken again.
func (r *run) holdNow(first uint64) error {
	u := r.replay
	if u.held {
		return nil
	}
	u.held = true
	id := strconv.FormatUint(first, 10)
	i := r.Session.Intended(state.ReplayIntent)
	if i.Object != id {
		i = state.Intent{Object: id, Now: r.Clock.Now().Round(0).UTC()}
		if err := r.Session.Reserve(state.ReplayIntent, i); err != nil {
			return err
		}
	}
	o := *r.source.origin
	o.Now = i.Now
	r.source.origin = &o
	return nil
}

// noteRepeats tells people that what is delivered again may be something else
// than before.
func (r *run) noteRepeats() {
	for _, s := range r.sinks {
		if i := r.Session.Intended(s.node.Address); i.Rows > 0 && i.Revision != "" && i.Revision != r.Revision {
			r.report.Notices = append(r.report.Notices, diag.Warnf("run.repeats_changed", nil, s.node.Address+": rows are sent again, and the configuration was changed since",
				"A run before ended while deliveries were under way, up to %d rows. Where the change makes something else of them, they are sent under other keys: a receiver that took the first ones then has both.", i.Rows))
		}
	}
}

// intend takes up what is durable about the deliveries after the last commit.
func (s *sinkNode) intend() {
	s.intent = s.r.Session.Intended(s.node.Address)
	switch n := len(s.intent.Sizes); {
	case n > 0:
		s.limit = s.intent.Sizes[n-1].Rows
	case s.limit > 0 && s.replay == 0:
		s.intent.Sizes = []state.Size{{Rows: s.limit}} // the first reservation makes it durable
	}
}

// mostFrom returns how many rows a delivery may have that begins after the given
// number of rows since the last commit; 0 is any number.
func (s *sinkNode) mostFrom(rows int64) int {
	most := s.batching.Rows
	for _, z := range s.intent.Sizes {
		if z.From <= rows && (most == 0 || int64(most) > z.Rows) {
			most = int(z.Rows)
		}
	}
	return most
}

// learn takes over the size that the writer found, for the deliveries that begin from
// here on and are none that a run before made. It is durable before any of them.
func (s *sinkNode) learn() error {
	l, ok := s.writer.(plugin.Limiter)
	if !ok || s.r.replay != nil || s.r.preview != nil || s.whole() {
		return nil
	}
	n := int64(l.MostRows())
	if n <= 0 || s.limit > 0 && n >= s.limit {
		return nil
	}
	s.limit = n
	s.intent.Sizes = append(s.intent.Sizes, state.Size{From: max(s.rows, s.replay), Rows: n})
	if err := s.r.Session.Reserve(s.node.Address, s.intent); err != nil {
		return at(s.node, err)
	}
	return nil
}
