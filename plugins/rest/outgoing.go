package rest

import (
	"errors"
	"io"
	"net/http"
	"sync"
)

// outgoing is the body of one request. The transport may go on sending a body after
// it has given a reply, or has given up: once it is taken back it reads nothing more
// of it, since the memory is the next request's by then.
type outgoing struct {
	mu    sync.Mutex
	data  []byte
	taken bool
	last  *sending // a redirect or a lost connection begins anew
}

// sending reads an outgoing body once.
type sending struct {
	of *outgoing
	at int
}

var errTakenBack = errors.New("the request is over")

// open returns a reader of the whole body.
func (o *outgoing) open() (io.ReadCloser, error) {
	if len(o.data) == 0 {
		return http.NoBody, nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last = &sending{of: o}
	return o.last, nil
}

// takeBack ends all reading, and reports whether the transport had read everything.
func (o *outgoing) takeBack() (whole bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.taken = true
	return o.last == nil || o.last.at == len(o.data)
}

// Read implements io.Reader.
func (s *sending) Read(p []byte) (int, error) {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	if s.of.taken {
		return 0, errTakenBack
	}
	if s.at == len(s.of.data) {
		return 0, io.EOF
	}
	n := copy(p, s.of.data[s.at:])
	s.at += n
	return n, nil
}

// Close implements io.Closer.
func (s *sending) Close() error { return nil }
