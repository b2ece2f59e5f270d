// Package share keeps values that several running steps use together, such as
// a rate limiter or a client of one remote host, for as long as anyone uses them.
package share

import (
	"maps"
	"slices"
	"sync"
)

// Pool hands out shared values. It is safe for concurrent use.
type Pool struct {
	mu sync.Mutex
	m  map[string]*entry
}

type entry struct {
	v     any
	close func()
	users int
	err   error
	ready chan struct{}

	closed bool
}

// Get returns the value under key, made by open when nobody holds one. release
// must be called once; after the last release the value is closed. Concurrent
// callers of one key wait for one open, and share its error.
func (p *Pool) Get(key string, open func() (any, func(), error)) (v any, release func(), err error) {
	p.mu.Lock()
	if p.m == nil {
		p.m = map[string]*entry{}
	}
	e, ok := p.m[key]
	if !ok {
		e = &entry{ready: make(chan struct{})}
		p.m[key] = e
	}
	e.users++
	p.mu.Unlock()
	if !ok {
		e.v, e.close, e.err = open()
		close(e.ready)
	}
	<-e.ready
	if e.err != nil {
		p.release(key, e)
		return nil, nil, e.err
	}
	var once sync.Once
	return e.v, func() { once.Do(func() { p.release(key, e) }) }, nil
}

func (p *Pool) release(key string, e *entry) {
	p.mu.Lock()
	e.users--
	last := e.users == 0
	if last && p.m[key] == e {
		delete(p.m, key)
	}
	p.mu.Unlock()
	if last {
		p.end(e)
	}
}

// end closes a value, once.
func (p *Pool) end(e *entry) {
	p.mu.Lock()
	again := e.closed
	e.closed = true
	p.mu.Unlock()
	if !again && e.close != nil && e.err == nil {
		e.close()
	}
}

// Close closes every value, also those that are held: a value may hold itself,
// for what it keeps open. Nobody uses one any more by then.
func (p *Pool) Close() {
	p.mu.Lock()
	entries := slices.Collect(maps.Values(p.m))
	p.mu.Unlock()
	for _, e := range entries {
		<-e.ready
		p.end(e)
	}
}

// Len returns the number of values held.
func (p *Pool) Len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.m)
}
