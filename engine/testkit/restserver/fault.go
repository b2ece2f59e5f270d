package restserver

import (
	"context"
	"io"
	"log"
	"maps"
	"net/http"
	"strconv"
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

func flush(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() } // a lost client is noticed by the next write

// nullLog keeps the refused handshakes and aborted requests that tests provoke out of their output.
func nullLog() *log.Logger { return log.New(io.Discard, "", 0) }
