package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"go.uber.org/zap"

	"weir/engine/plugin"
)

// Bounds on what answers take, so that callers who do not read take no more memory and
// time than others.
const (
	maxAnswers = 16               // made and sent at the same time; those that ask for no more than a line or two are not counted
	maxLarge   = 2                // the same of those that take many times what others do
	roomTime   = 10 * time.Second // how long a request waits for its turn
	sendChunk  = 64 << 10         // bytes that are sent at a time
	sendTime   = 10 * time.Second // how long sending them may take; who does not read for so long is gone
	endTime    = time.Second      // the same once the server is stopping
)

// sender gives every piece of an answer a time within which it must be sent.
type sender struct {
	http.ResponseWriter
	clock    plugin.Clock
	stopping <-chan struct{}
}

// Unwrap lets http.ResponseController reach the connection.
func (s *sender) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// Write implements http.ResponseWriter.
func (s *sender) Write(p []byte) (int, error) {
	rc := http.NewResponseController(s.ResponseWriter)
	sent := 0
	for {
		d := sendTime
		select {
		case <-s.stopping:
			d = endTime
		default:
		}
		_ = rc.SetWriteDeadline(s.clock.Now().Add(d)) // a writer that knows no deadlines has none
		n, err := s.ResponseWriter.Write(p[sent:min(len(p), sent+sendChunk)])
		if sent += n; err != nil || sent == len(p) {
			return sent, err
		}
	}
}

// hurry shortens the time for a piece that is being sent when the server stops, until done
// is called or ctx, that of the request, is done.
func (s *sender) hurry(ctx context.Context) (done func()) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-s.stopping:
			_ = http.NewResponseController(s.ResponseWriter).SetWriteDeadline(s.clock.Now().Add(endTime)) // as above
		case <-ctx.Done():
		}
	}()
	return cancel
}

// turns returns what holds a place for each answer of a route that is being made and sent;
// nil when the route's answers are not counted.
func (a *API) turns(to *route) chan struct{} {
	switch {
	case to.large:
		return a.large
	case to.method == http.MethodGet && !to.light:
		return a.answers
	}
	return nil
}

// room waits for the turn of an answer. leave ends it.
func (a *API) room(ctx context.Context, turns chan struct{}) (leave func(), err error) {
	leave = func() { <-turns }
	select {
	case turns <- struct{}{}:
		return leave, nil
	default:
	}
	ctx, cancel := a.within(ctx, roomTime)
	defer cancel()
	select {
	case turns <- struct{}{}:
		return leave, nil
	case <-a.o.Server.Stopping():
		return nil, &Error{Status: http.StatusServiceUnavailable, Code: "stopping", Message: "The server is stopping"}
	case <-ctx.Done():
		return nil, &Error{Status: http.StatusServiceUnavailable, Code: "busy", Message: "Too many answers are being made and sent; ask again"}
	}
}

// listing is an answer with one list in it, each entry of which is sent as it is read, so
// that memory does not grow with the list.
type listing struct {
	name string                               // of the list
	each func(put func(entry any) bool) error // calls put with each entry, until that returns false
	next func() uint64                        // called at the end: where the next page begins, 0 for none; nil when there are no pages
}

var errNotSent = errors.New("the other side is gone")

// list sends l. An error before anything was sent is answered as one; later the connection is
// broken off, so that nobody takes a part for the whole.
func (a *API) list(w http.ResponseWriter, r *http.Request, l *listing) {
	out := &begun{ResponseWriter: w}
	to := bufio.NewWriterSize(out, sendChunk)
	var one bytes.Buffer
	enc := json.NewEncoder(&one)
	enc.SetEscapeHTML(false)
	entries := 0
	var failed error
	_, _ = to.WriteString(`{` + strconv.Quote(l.name) + `:[`)
	err := l.each(func(entry any) bool {
		if r.Context().Err() != nil {
			failed = r.Context().Err()
			return false
		}
		if entries++; entries > 1 {
			_ = to.WriteByte(',')
		}
		one.Reset()
		if failed = enc.Encode(entry); failed != nil {
			return false
		}
		if _, err := to.Write(bytes.TrimSuffix(one.Bytes(), []byte("\n"))); err != nil {
			failed = errNotSent
		}
		return failed == nil
	})
	if err = errors.Join(err, failed); err == nil {
		_ = to.WriteByte(']')
		if l.next != nil {
			if n := l.next(); n > 0 {
				_, _ = to.WriteString(`,"next":` + strconv.FormatUint(n, 10))
			}
		}
		_, _ = to.WriteString("}\n")
		err = to.Flush()
	}
	switch {
	case err == nil:
	case !out.begun:
		a.fail(w, r, problem(err))
	default:
		a.o.Log.Debug("an answer was broken off", zap.String("path", r.URL.Path), zap.Error(err))
		panic(http.ErrAbortHandler)
	}
}

// begun tells whether something was sent.
type begun struct {
	http.ResponseWriter
	begun bool
}

// Write implements http.ResponseWriter.
func (b *begun) Write(p []byte) (int, error) {
	if !b.begun {
		b.begun = true
		b.Header().Set("Content-Type", "application/json")
		b.WriteHeader(http.StatusOK)
	}
	return b.ResponseWriter.Write(p)
}
