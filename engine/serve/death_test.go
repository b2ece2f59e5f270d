package serve_test

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"testing/synctest"

	"weir/engine/serve"
)

// isDead reports whether nothing that the process begins reaches anybody.
func (p *process) isDead() bool {
	if p == nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dead
}

// point is where a process may freeze. A dead one does at each.
func (p *process) point(string) {
	p.mu.Lock()
	if p.after > 0 {
		p.after--
		p.dead = p.dead || p.after == 0
	}
	dead := p.dead
	p.mu.Unlock()
	if dead {
		<-p.let
	}
}

// begin makes ready for a process.
func (l *life) begin() {
	l.process = &process{let: l.over}
	l.pending = &atomic.Int64{}
	l.traps.of = l.process
	l.o.Point = l.process.point
}

// runNow makes a pipeline run if it is served.
func (l *life) runNow(address string) {
	if l.server != nil {
		_ = l.server.RunNow(address) // it may not be served
	}
}

// kill ends the process as SIGKILL does, at one of the points of its runs, in the
// middle of a change, or wherever it is, and begins another one on what was durable
// (I7) and on the configuration of that moment, right or wrong.
func (l *life) kill(a act) {
	if l.server == nil {
		l.boot()
		return
	}
	f := l.flows[a.pipe]
	l.process.mu.Lock()
	l.process.after = []int{0, 1, 2, 3, 4, 6, 9, 14, 40, 300}[a.n]
	l.process.mu.Unlock()
	if a.n > 0 {
		l.feed(f, 3+a.n%2*700, a.n%2*1500)
		l.runNow(f.address)
	}
	if a.n%3 == 2 { // in the middle of a change
		l.now.pipes[a.pipe].mark++
		l.now.pipes[a.pipe].note += a.n % 2
		l.put()
		server := l.server
		l.reloads.Go(func() {
			_, _ = server.Reload(context.Background(), serve.Request{Trigger: "api"}) // nobody is there to hear
		})
	}
	synctest.Wait()
	l.die()
	l.boot()
}

// die leaves of the process what is durable.
func (l *life) die() {
	l.note() // the process may have read the folder before it died
	l.process.mu.Lock()
	l.process.dead = true
	l.process.mu.Unlock()
	l.deaths++
	dir := l.path(fmt.Sprintf("state%d", l.deaths))
	if err := os.CopyFS(dir, os.DirFS(l.o.StateDir)); err != nil {
		l.t.Fatal(err)
	}
	l.o.StateDir = dir
	for i := range l.flows {
		l.traps.get(name(i)).abandoned(l.process)
	}
	server := l.server
	l.server = nil
	l.reloads.Go(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = server.Stop(ctx) // whatever it does now, it does to what was copied
	})
	l.begin()
}

// abandoned notes that what the open writers of a process delivered may come again.
func (t *trap) abandoned(p *process) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, w := range t.writers {
		if w.process == p && !w.closed {
			w.troubled = true
		}
	}
}

// boot begins a process on the folder as it is. When that cannot be used, none runs
// until it is changed.
func (l *life) boot() {
	l.o.Engine = l.engine()
	s, v, err := serve.Start(context.Background(), l.o)
	if err != nil {
		if l.usable() {
			l.problem("the server does not start: %v, %+v", err, v)
		}
		return
	}
	l.server = s
	l.rest()
}
