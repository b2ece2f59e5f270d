package remote

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"

	"weir/engine/plugin"
)

// pool has the sessions of one account on one server, over all steps of the
// process. It is shared through plugin.Host.Share; a session that was left open
// holds it too. Never more than limit sessions are open.
type pool struct {
	slots chan struct{} // has a value for each session in use

	mu   sync.Mutex
	used int
	idle []*idleSession // the longest idle first
}

// place is the right to one session of a pool.
type place struct {
	client  Client
	pool    *pool
	unshare func()
	lasting bool
	once    sync.Once
}

// acquire takes a place. It waits for at most the peer's timeout.
func (c Client) acquire(ctx context.Context, h plugin.Host) (*place, error) {
	p := c.Peer
	key := fmt.Sprintf("%s sessions %s@%s %d", p.Kind, c.User, p.Addr, c.Sessions)
	v, unshare, err := h.Share(key, func() (any, func(), error) {
		q := &pool{slots: make(chan struct{}, c.Sessions)}
		return q, q.close, nil
	})
	if err != nil {
		return nil, err
	}
	q, ok := v.(*pool)
	if !ok {
		unshare()
		return nil, fmt.Errorf("the key %q is shared for something else", key)
	}
	l, ok := h.(plugin.Lasting)
	timer := time.NewTimer(p.Timeout)
	defer timer.Stop()
	select {
	case q.slots <- struct{}{}:
		return &place{client: c, pool: q, unshare: unshare, lasting: ok && l.Lasting()}, nil
	case <-ctx.Done():
		unshare()
		return nil, context.Cause(ctx)
	case <-timer.C:
		unshare()
		return nil, Fail(plugin.Transient, "env.sessions", "Raise sessions in the connection block if the server allows more",
			"all %d sessions with %s have been in use by other steps for %s", c.Sessions, p.Addr, p.Timeout)
	}
}

// take returns a session that was left open with the same settings, nil when
// there is none. One of other settings makes room when it must. The session is over
// when it is being asked for a sign of life, and ctx ends before that comes.
func (pl *place) take(ctx context.Context) Session {
	q := pl.pool
	q.mu.Lock()
	q.used++
	var found, tooMany *idleSession
	for i := len(q.idle) - 1; i >= 0 && found == nil; i-- {
		if reflect.DeepEqual(q.idle[i].client.Settings, pl.client.Settings) {
			found = q.idle[i]
			q.idle = slices.Delete(q.idle, i, i+1)
		}
	}
	if found == nil && len(q.idle) > 0 && q.used+len(q.idle) > cap(q.slots) {
		tooMany = q.idle[0]
		q.idle = slices.Delete(q.idle, 0, 1)
	}
	q.mu.Unlock()
	if tooMany != nil {
		pl.client.end(tooMany.claim(ctx))
	}
	if found == nil {
		return nil
	}
	return found.claim(ctx)
}

// release gives the place back. s, when not nil, is left open for the next, if
// the process goes on, else closed. It may be called twice.
func (pl *place) release(s Session) {
	pl.once.Do(func() {
		q, keep := pl.pool, s != nil && pl.lasting && pl.client.Idle > 0
		if s != nil && !keep {
			pl.client.end(s)
		}
		q.mu.Lock()
		q.used--
		if keep {
			q.idle = append(q.idle, newIdle(q, pl.client, s, pl.unshare))
		}
		q.mu.Unlock()
		<-q.slots
		if !keep {
			pl.unshare()
		}
	})
}

// remove takes i out of the idle sessions; it is false when somebody else has.
func (q *pool) remove(i *idleSession) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	at := slices.Index(q.idle, i)
	if at < 0 {
		return false
	}
	q.idle = slices.Delete(q.idle, at, at+1)
	return true
}

// close ends the idle sessions.
func (q *pool) close() {
	q.mu.Lock()
	idle := q.idle
	q.idle = nil
	q.mu.Unlock()
	over, end := context.WithCancel(context.Background())
	end() // nobody waits for a sign of life any more
	for _, i := range idle {
		i.client.end(i.claim(over))
	}
}

// idleSession is a session that nobody uses. Its timer runs on the machine's
// time, as its server does.
type idleSession struct {
	pool    *pool
	client  Client
	unshare func()

	mu    sync.Mutex // held while the server is asked for a sign of life
	s     Session
	gone  bool          // somebody has claimed it, or it was closed
	left  time.Duration // until it is closed, from the timer's next end on
	timer *time.Timer
}

func newIdle(q *pool, c Client, s Session, unshare func()) *idleSession {
	i := &idleSession{pool: q, client: c, s: s, unshare: unshare, left: c.Idle}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.timer = time.AfterFunc(i.step(), i.tick)
	return i
}

// step takes the time until the next tick off what is left.
func (i *idleSession) step() time.Duration {
	d := i.left
	if k := i.client.Keepalive; k > 0 {
		d = min(d, k)
	}
	i.left -= d
	return d
}

// tick keeps the session alive, or closes it when its time is over or it gives
// no sign of life.
func (i *idleSession) tick() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.gone {
		return
	}
	if i.left > 0 && !i.s.Over() && i.client.alive(context.Background(), i.s) {
		i.timer.Reset(i.step())
		return
	}
	if i.pool.remove(i) { // else somebody waits for it, and will find out
		i.gone = true
		i.client.end(i.s)
		i.unshare()
	}
}

// claim takes the session over; i is out of its pool's list by then. When it is
// being asked for a sign of life, that has until ctx is done.
func (i *idleSession) claim(ctx context.Context) Session {
	if !i.mu.TryLock() {
		stop := i.s.Guard().Watch(ctx)
		i.mu.Lock()
		stop()
	}
	defer i.mu.Unlock()
	i.gone = true
	i.timer.Stop()
	i.unshare()
	return i.s
}
