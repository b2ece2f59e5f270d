package main

import (
	"net"
	"sync"
	"syscall"
)

// The connections that the API has at the same time: a quarter of the files that the process
// may open, so that connections of silent callers leave the state store, pipelines and
// logs what they need. More wait with the system until one is closed, which those that
// say nothing are after some seconds.
const (
	fewestConnections = 8
	mostConnections   = 512
)

func maxConnections() int {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return mostConnections
	}
	return int(min(max(files.Cur/4, fewestConnections), mostConnections)) //nolint:gosec // at most 512
}

// capped returns l with at most n connections open at the same time.
func capped(l net.Listener, n int) net.Listener {
	return &cappedListener{Listener: l, room: make(chan struct{}, n), done: make(chan struct{})}
}

type cappedListener struct {
	net.Listener
	room  chan struct{}
	done  chan struct{} // closed with the listener
	close sync.Once
}

// Accept implements net.Listener. It waits until there is room.
func (l *cappedListener) Accept() (net.Conn, error) {
	select {
	case l.room <- struct{}{}:
	case <-l.done:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.room
		return nil, err
	}
	return &cappedConn{Conn: c, leave: func() { <-l.room }}, nil
}

// Close implements net.Listener.
func (l *cappedListener) Close() error {
	l.close.Do(func() { close(l.done) })
	return l.Listener.Close()
}

type cappedConn struct {
	net.Conn
	leave func()
	once  sync.Once
}

// Close implements net.Conn.
func (c *cappedConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(c.leave)
	return err
}
