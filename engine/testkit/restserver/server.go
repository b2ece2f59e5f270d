// Package restserver is a scriptable HTTP server on the loopback interface. It
// stands in for a REST system in tests and in the serve "rest" blocks of
// pipeline tests: it records what it is asked, answers as told, and fails in
// the ways that real servers fail.
package restserver

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzip"

	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/testkit/testca"
)

// MaxBody is the longest request body the server reads.
const MaxBody = 64 << 20

// Options configure a Server. The zero value is plain HTTP on a free port.
type Options struct {
	TLS    bool         // serve HTTPS with a certificate of a CA made for this server
	Cert   testca.Leaf  // what that certificate says
	MaxTLS uint16       // such as tls.VersionTLS11; 0 is the newest
	Clock  plugin.Clock // what Fault.Delay waits on; nil is the machine's clock
}

// Request is one recorded request.
type Request struct {
	Method string
	Path   string // decoded, without the query
	Query  url.Values
	Header http.Header
	Raw    []byte // the body, decompressed
	Body   any    // Raw as parsed JSON (numbers as float64), nil when it is none
	Status int    // of the reply, 0 while there is none or it was never sent
}

// Reply is what a handler answers. The zero value is 200 with an empty body.
type Reply struct {
	Status int               // 0 means 200
	Header map[string]string // Content-Type is set for JSON bodies
	JSON   any               // the body, encoded; used when Body is nil
	Body   []byte
}

// Handler answers a request. Handlers run one at a time.
type Handler func(r *Request) Reply

// Fault makes the server misbehave for some requests. The handler runs before the
// reply is spoilt only where a fault says so; else the request has no effect.
type Fault struct {
	Match func(r *Request) bool // which requests; nil is all
	Skip  int                   // matching requests answered well first
	Times int                   // requests spoilt then; 0 means 1, negative means for ever

	Status     int           // answer with this status and Reply's body
	Reply      Reply         // body and headers that go with Status
	RetryAfter string        // Retry-After header that goes with Status
	Redirect   string        // Location header; Status defaults to 307
	Delay      time.Duration // wait before answering, on the server's clock
	Hang       bool          // never answer; the request ends with the client or the server
	Refuse     bool          // close the connection without an answer and without effect
	Lose       bool          // handle the request, then close the connection without an answer
	Cut        bool          // handle the request, then close the connection in the middle of the reply's body
	Endless    bool          // handle the request, then send a reply body that never ends
	Stream     int64         // handle the request, then send a reply body of that many zeros
	Gzip       bool          // with Stream: the zeros are compressed
	Raw        string        // handle the request, then send these bytes as the whole reply and close; with Hang, never close
}

// Server is a running server. Its methods may be called from any goroutine.
type Server struct {
	url   string
	ca    []byte
	http  *http.Server
	clock plugin.Clock
	stop  context.CancelFunc
	done  chan struct{}

	mu       sync.Mutex
	routes   []route
	fallback Handler
	faults   []*Fault
	requests []*Request

	streamed atomic.Int64
}

type route struct {
	method, pattern string
	handle          Handler
}

// New starts a server.
func New(o Options) (*Server, error) {
	s := &Server{clock: o.Clock, done: make(chan struct{})}
	if s.clock == nil {
		s.clock = plugin.SystemClock{}
	}
	ln, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("test REST server: %w", err)
	}
	s.url = "http://" + ln.Addr().String()
	if o.TLS {
		cfg, err := s.makeTLS(o)
		if err != nil {
			return nil, errors.Join(err, ln.Close())
		}
		s.url = "https://" + ln.Addr().String()
		ln = tls.NewListener(ln, cfg)
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.http = &http.Server{
		Handler:           http.HandlerFunc(s.serve),
		ReadHeaderTimeout: time.Minute,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ErrorLog:          nullLog(),
	}
	go func() {
		defer close(s.done)
		_ = s.http.Serve(ln) // always an error: the server was closed
	}()
	return s, nil
}

func (s *Server) makeTLS(o Options) (*tls.Config, error) {
	ca, err := testca.New()
	if err != nil {
		return nil, fmt.Errorf("test REST server: %w", err)
	}
	leaf, err := ca.Issue(o.Cert)
	if err != nil {
		return nil, fmt.Errorf("test REST server: %w", err)
	}
	s.ca = ca.PEM()
	cfg := &tls.Config{Certificates: []tls.Certificate{leaf.TLS}, MinVersion: tls.VersionTLS12, MaxVersion: o.MaxTLS}
	if o.MaxTLS != 0 && o.MaxTLS < tls.VersionTLS12 {
		cfg.MinVersion = tls.VersionTLS10 //nolint:gosec // a server that is too old is what is wanted
	}
	return cfg, nil
}

// URL returns scheme, host and port, such as "http://127.0.0.1:40123".
func (s *Server) URL() string { return s.url }

// CA returns the certificate of the server's own authority in PEM, nil without TLS.
func (s *Server) CA() []byte { return s.ca }

// Close ends the server and every request in progress.
func (s *Server) Close() error {
	s.stop()
	err := s.http.Close()
	<-s.done
	return err
}

// On sets the handler of a method and a path pattern as of http.ServeMux
// without wildcards in the middle: "/v1/track", or "/v1/items/*" for everything
// below. The method "*" is any. A later route for the same requests wins.
func (s *Server) On(method, pattern string, h Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.routes = append(s.routes, route{strings.ToUpper(method), pattern, h})
}

// Otherwise sets the handler of requests that no route takes; without one they get 404.
func (s *Server) Otherwise(h Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fallback = h
}

// Fail adds a fault. Of the faults that match a request the oldest spoils it.
func (s *Server) Fail(f Fault) {
	if f.Times == 0 {
		f.Times = 1
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
}

// Heal removes every fault.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// Requests returns the requests so far, oldest first, those spoilt by a fault included.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Request, len(s.requests))
	for i, r := range s.requests {
		out[i] = *r
	}
	return out
}

// Streamed returns how many bytes of Stream faults clients have taken, before compression.
func (s *Server) Streamed() int64 { return s.streamed.Load() }

// Forget empties the record of requests.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
}

func (s *Server) serve(w http.ResponseWriter, hr *http.Request) {
	r, err := read(hr)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	s.requests = append(s.requests, r)
	f := s.fault(r)
	s.mu.Unlock()
	if f != nil {
		s.spoil(hr.Context(), w, r, f)
		return
	}
	write(w, s.note(r, s.handle(r)))
}

// handle runs the handler of r; handlers run one at a time.
func (s *Server) handle(r *Request) Reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, rt := range slices.Backward(s.routes) {
		if rt.method != "*" && rt.method != r.Method {
			continue
		}
		if below, ok := strings.CutSuffix(rt.pattern, "*"); ok && strings.HasPrefix(r.Path, below) || rt.pattern == r.Path {
			return rt.handle(r)
		}
	}
	if s.fallback != nil {
		return s.fallback(r)
	}
	return Reply{Status: http.StatusNotFound, JSON: map[string]any{"error": "no route for " + r.Method + " " + r.Path}}
}

func (s *Server) note(r *Request, reply Reply) Reply {
	if reply.Status == 0 {
		reply.Status = http.StatusOK
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r.Status = reply.Status
	return reply
}

// read takes a request off the wire; it fails for bodies it cannot decompress.
func read(hr *http.Request) (*Request, error) {
	r := &Request{Method: hr.Method, Path: hr.URL.Path, Query: hr.URL.Query(), Header: hr.Header.Clone()}
	r.Header.Set("Host", hr.Host)
	body := io.Reader(hr.Body)
	if hr.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(hr.Body)
		if err != nil {
			return nil, fmt.Errorf("body is not gzip: %w", err)
		}
		body = z
	}
	raw, err := io.ReadAll(io.LimitReader(body, MaxBody+1))
	if err != nil || len(raw) > MaxBody {
		return nil, fmt.Errorf("body of %d bytes: %w", len(raw), errors.Join(err, http.ErrContentLength))
	}
	r.Raw = raw
	r.Body = parseBody(raw)
	return r, nil
}

// parseBody returns raw as JSON has it, nil when it is none.
func parseBody(raw []byte) any {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil || dec.More() {
		return nil
	}
	return numbers(v)
}

// numbers replaces json.Number: whole numbers are ints, others floats, and those that
// would lose digits so their texts.
func numbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		n, err := record.ParseJSONNumber([]byte(v))
		if d, isDecimal := n.(record.DecimalValue); isDecimal {
			f := d.Float()
			if again, err := record.DecimalFromFloat(f); err == nil && again == d {
				return f
			}
			return v.String()
		}
		if err != nil {
			return v.String()
		}
		return n
	case []any:
		for i := range v {
			v[i] = numbers(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = numbers(v[k])
		}
	}
	return v
}

func write(w http.ResponseWriter, reply Reply) {
	body := head(w, reply)
	_, _ = w.Write(body) // the client may have gone; there is nobody to tell
}

// head writes status and headers and returns the body that goes with them.
func head(w http.ResponseWriter, reply Reply) []byte {
	body := reply.Body
	if body == nil && reply.JSON != nil {
		var err error
		if body, err = json.Marshal(reply.JSON); err != nil {
			reply.Status, body = http.StatusInternalServerError, []byte(strconv.Quote("test REST server: "+err.Error()))
		}
		w.Header().Set("Content-Type", "application/json")
	}
	for k, v := range reply.Header {
		w.Header().Set(k, v)
	}
	w.WriteHeader(reply.Status)
	return body
}
