package ftp

import (
	"bytes"
	"errors"
	"net"
	"strconv"
	"time"

	"weir/engine/plugin/stall"
)

// maxReply bounds what a server may send on the control connection for one
// command, so that a broken one cannot fill the memory.
const maxReply = 1 << 20

var errReplyTooLong = errors.New("the server's reply does not end")

// control is the control connection as the protocol library sees it: in clear,
// whatever is below. It notes the replies that pass, because the library drops
// the codes of some.
type control struct {
	net.Conn
	guard    *stall.Guard
	greeting []byte // read before TLS began, given again to the library
	line     []byte // of the reply being read
	budget   int

	replies int // final reply lines seen
	code    int // of the last one
	text    string
}

// Read implements net.Conn.
func (c *control) Read(p []byte) (int, error) {
	if len(c.greeting) > 0 {
		n := copy(p, c.greeting)
		c.greeting = c.greeting[n:]
		return n, nil
	}
	n, err := c.Conn.Read(p)
	c.note(p[:n])
	if c.budget += n; c.budget > maxReply {
		return 0, errReplyTooLong
	}
	return n, err
}

// Write implements net.Conn. A command begins a step: the one before was answered.
func (c *control) Write(p []byte) (int, error) {
	c.budget = 0
	c.guard.Step()
	return c.Conn.Write(p)
}

// SetDeadline does nothing: the session's guard keeps the time.
func (c *control) SetDeadline(time.Time) error { return nil }

func (c *control) note(p []byte) {
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			c.line = append(c.line, p...)
			return
		}
		c.line = append(c.line, p[:i]...)
		c.final(bytes.TrimRight(c.line, "\r"))
		c.line, p = c.line[:0], p[i+1:]
	}
}

// final notes line if it is the last of a reply: three digits and a space.
func (c *control) final(line []byte) {
	if len(line) < 3 || len(line) > 3 && line[3] != ' ' {
		return
	}
	code, err := strconv.Atoi(string(line[:3]))
	if err != nil || code < 100 {
		return
	}
	c.replies++
	c.code, c.text = code, string(line)
}
