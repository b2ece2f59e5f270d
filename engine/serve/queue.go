package serve

import (
	"container/heap"
	"context"
	"time"
)

// queue holds the pipelines that wait for their next run, the first due first.
type queue []*pipeline

// Len implements heap.Interface.
func (q queue) Len() int { return len(q) }

// Less implements heap.Interface: by time, then by how long ago the last run began.
func (q queue) Less(i, j int) bool {
	if !q[i].due.Equal(q[j].due) {
		return q[i].due.Before(q[j].due)
	}
	return q[i].began.Before(q[j].began)
}

// Swap implements heap.Interface.
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

// Push implements heap.Interface.
func (q *queue) Push(x any) {
	p, _ := x.(*pipeline)
	p.index = len(*q)
	*q = append(*q, p)
}

// Pop implements heap.Interface.
func (q *queue) Pop() any {
	old := *q
	p := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	p.index = -1
	return p
}

// dueAt puts p into the queue, or moves it there. The caller holds mu.
func (s *Server) dueAt(p *pipeline, t time.Time) {
	p.due = t
	if p.index >= 0 {
		heap.Fix(&s.queue, p.index)
	} else {
		heap.Push(&s.queue, p)
	}
	s.poke()
}

// unqueue takes p out of the queue. The caller holds mu.
func (s *Server) unqueue(p *pipeline) {
	if p.index >= 0 {
		heap.Remove(&s.queue, p.index)
	}
	p.due = time.Time{}
}

// start begins runs as they fall due, until the server stops.
func (s *Server) start() {
	defer s.wg.Done()
	for {
		next, ok := s.startDue()
		if !ok {
			return
		}
		s.waitUntil(next)
	}
}

// startDue begins what is due and there is room for, and returns when something
// is due next, zero when nothing is. It reports false when the server stops.
func (s *Server) startDue() (next time.Time, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return time.Time{}, false
	}
	now := s.clock.Now()
	for len(s.queue) > 0 && s.running < s.o.Parallel && s.takenOver == nil {
		p := s.queue[0]
		if p.due.After(now) {
			return p.due, true
		}
		heap.Pop(&s.queue)
		if !s.ready(p) {
			continue // what it waits for puts it back
		}
		s.launch(p)
	}
	return time.Time{}, true // a run that ends, or a change, wakes the starter
}

// ready reports whether p may run now; otherwise it waits for one of the
// pipelines that it comes after, or for room at a host. The caller holds mu.
func (s *Server) ready(p *pipeline) bool {
	if p.run != nil {
		p.again = true
		return false
	}
	if p.busy > 0 { // a change or an operation is under way, and wakes it
		p.again = true
		return false
	}
	for _, a := range p.plan.After {
		if q := s.pipes[a]; q != nil && q != p && (q.run != nil || q.index >= 0 && !q.due.After(p.due)) {
			q.waiting = append(q.waiting, p)
			return false
		}
	}
	return s.enter(p)
}

// waitUntil returns at t, or before when the starter is woken. A zero t is never.
func (s *Server) waitUntil(t time.Time) {
	s.o.Quiet()
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	var timer chan struct{}
	if !t.IsZero() {
		timer = make(chan struct{})
		go func() {
			if s.sleepUntil(ctx, t) == nil {
				close(timer)
			}
		}()
	}
	select {
	case <-s.wake:
	case <-timer:
	case <-s.ctx.Done():
	}
}

// host counts the runs against one remote host.
type host struct {
	running int
	waiting []*pipeline // due, in the order in which they came
}

// enter takes a place at each of p's hosts, or queues p at the first that is full.
// The caller holds mu.
func (s *Server) enter(p *pipeline) bool {
	for _, name := range p.hosts {
		h := s.hosts[name]
		if h == nil {
			h = &host{}
			s.hosts[name] = h
		}
		if h.running >= s.o.PerHost {
			h.waiting = append(h.waiting, p)
			return false
		}
	}
	for _, name := range p.hosts {
		s.hosts[name].running++
	}
	return true
}

// leave gives up a run's places and lets those that wait for one try again.
// The caller holds mu.
func (s *Server) leave(hosts []string) {
	now := s.clock.Now()
	for _, name := range hosts {
		h := s.hosts[name]
		h.running--
		for len(h.waiting) > 0 {
			p := h.waiting[0]
			h.waiting = h.waiting[1:]
			if !p.removed && p.run == nil && p.index < 0 {
				s.dueAt(p, earlier(p.due, now))
				break
			}
		}
		if h.running == 0 && len(h.waiting) == 0 {
			delete(s.hosts, name)
		}
	}
}

// earlier returns t when it is set and before now, else now.
func earlier(t, now time.Time) time.Time {
	if t.IsZero() || t.After(now) {
		return now
	}
	return t
}
