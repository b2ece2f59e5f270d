package rest

import (
	"net"
	"sync"
)

// conns are the open connections of a client. The transport keeps those of HTTP/2
// for a while after it was told to close what is idle.
type conns struct {
	mu   sync.Mutex
	open map[*conn]struct{}
	over bool
}

type conn struct {
	net.Conn
	of *conns
}

// add returns c as a connection that ends with the others.
func (x *conns) add(c net.Conn) (net.Conn, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.over {
		c.Close() //nolint:errcheck // never used
		return nil, net.ErrClosed
	}
	if x.open == nil {
		x.open = map[*conn]struct{}{}
	}
	out := &conn{c, x}
	x.open[out] = struct{}{}
	return out, nil
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.of.mu.Lock()
	delete(c.of.open, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}

// close ends all connections, and those that are made later.
func (x *conns) close() {
	x.mu.Lock()
	open := x.open
	x.open, x.over = nil, true
	x.mu.Unlock()
	for c := range open {
		c.Conn.Close() //nolint:errcheck // nobody waits for it
	}
}
