package restserver

import (
	"context"
	"io"
	"log"
	"maps"
	"net/http"
	"strconv"

	"github.com/klauspost/compress/gzip"
)

// fault returns the fault that spoils r and uses it up; s.mu is held.
func (s *Server) fault(r *Request) *Fault {
	for _, f := range s.faults {
		if f.Times == 0 || f.Match != nil && !f.Match(r) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		if f.Times > 0 {
			f.Times--
		}
		return f
	}
	return nil
}

func (s *Server) spoil(ctx context.Context, w http.ResponseWriter, r *Request, f *Fault) {
	if f.Delay > 0 && s.clock.Sleep(ctx, f.Delay) != nil {
		panic(http.ErrAbortHandler)
	}
	switch {
	case f.Raw != "":
		s.raw(ctx, w, r, f)
	case f.Stream > 0:
		s.stream(w, r, f)
	case f.Hang:
		<-ctx.Done()
		panic(http.ErrAbortHandler)
	case f.Refuse:
		panic(http.ErrAbortHandler)
	case f.Lose:
		s.handle(r)
		panic(http.ErrAbortHandler)
	case f.Cut:
		s.cut(w, r)
	case f.Endless:
		s.endless(ctx, w, r)
	case f.Status != 0 || f.Redirect != "":
		write(w, s.note(r, f.reply()))
	default:
		write(w, s.note(r, s.handle(r))) // only late
	}
}

func (f *Fault) reply() Reply {
	out := f.Reply
	out.Status = f.Status
	out.Header = map[string]string{}
	maps.Copy(out.Header, f.Reply.Header)
	if f.RetryAfter != "" {
		out.Header["Retry-After"] = f.RetryAfter
	}
	if f.Redirect != "" {
		out.Header["Location"] = f.Redirect
		if out.Status == 0 {
			out.Status = http.StatusTemporaryRedirect
		}
	}
	return out
}

// cut promises more body than it sends.
func (s *Server) cut(w http.ResponseWriter, r *Request) {
	reply := s.note(r, s.handle(r))
	reply.Header = map[string]string{"Content-Length": strconv.Itoa(1 << 20)}
	body := head(w, reply)
	_, _ = w.Write(body[:len(body)/2]) // the connection is closed next whatever happens
	flush(w)
	panic(http.ErrAbortHandler)
}

func (s *Server) endless(ctx context.Context, w http.ResponseWriter, r *Request) {
	reply := s.note(r, s.handle(r))
	head(w, reply)
	block := make([]byte, 4<<10)
	for i := range block {
		block[i] = ' '
	}
	for ctx.Err() == nil {
		if _, err := w.Write(block); err != nil {
			return
		}
		flush(w)
	}
}

// stream sends a body of zeros, holding none of it.
func (s *Server) stream(w http.ResponseWriter, r *Request, f *Fault) {
	reply := s.note(r, s.handle(r))
	reply.JSON, reply.Body, reply.Header = nil, nil, map[string]string{"Content-Type": "application/json"}
	var out io.Writer = w
	if f.Gzip {
		reply.Header["Content-Encoding"] = "gzip"
		z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed) // the level is a good one
		defer z.Close()                                //nolint:errcheck // a client that has gone was noticed before
		out = z
	} else {
		reply.Header["Content-Length"] = strconv.FormatInt(f.Stream, 10)
	}
	head(w, reply)
	block := make([]byte, 64<<10)
	for left := f.Stream; left > 0; left -= int64(len(block)) {
		n, err := out.Write(block[:min(left, int64(len(block)))])
		s.streamed.Add(int64(n))
		if err != nil {
			return
		}
	}
}

// raw sends what is no well-formed reply.
func (s *Server) raw(ctx context.Context, w http.ResponseWriter, r *Request, f *Fault) {
	s.note(r, s.handle(r))
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer c.Close()                   //nolint:errcheck // it is meant to end
	_, err = io.WriteString(c, f.Raw) // the client may leave in the middle
	if f.Hang && err == nil {
		stop := context.AfterFunc(ctx, func() { c.Close() }) //nolint:errcheck // it is meant to end
		defer stop()
		io.Copy(io.Discard, c) //nolint:errcheck // waits for the client to give up
	}
}

func flush(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() } // a lost client is noticed by the next write

// nullLog keeps the refused handshakes and aborted requests that tests provoke out of their output.
func nullLog() *log.Logger { return log.New(io.Discard, "", 0) }
