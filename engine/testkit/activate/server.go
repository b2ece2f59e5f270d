// Package activate is a stand-in for the HTTP interface of Spotler Activate.
//
// What is publicly known of that interface is fixed here; what is only assumed is a
// field of Options, so that a test can show that a connector does not depend on it.
// The server is strict: besides refusing what the real one is known to refuse, it
// records everything a careful client would not send (see Server.Violations).
package activate

import (
	"bytes"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"weir/engine/plugin"
	"weir/engine/testkit/restserver"
)

// Options are the server's account and its assumed behaviour. The zero value of
// each field is the behaviour thought most likely.
type Options struct {
	Account string // value of X-AUTH-ACCOUNT; "" means "12345"
	APIKey  string // value of X-AUTH-APIKEY; "" means "test-key"
	TLS     bool   // serve HTTPS, see restserver.Options
	Clock   plugin.Clock

	AuthStatus  int            // status for wrong credentials: 0 means 401; 403 is the other known one
	MaxEvents   int            // most events in a call: 0 means 100, negative any number
	MaxProducts int            // most products in a call: 0 means 150, negative any number
	Location    *time.Location // zone of times without one: nil means Europe/Amsterdam, summer time included

	ErrorObjects    bool // refusals are objects {event, code, message} instead of messages
	ErrorsUnplaced  bool // messages do not tell which event is meant
	DropGood        bool // a call with refused events keeps none of them, instead of the good ones
	ReportProcessed bool // replies with refusals tell how many events were kept: "processed"
	StatusOfRejects int  // status of a reply with refusals: 0 means 400

	HonourKeys bool   // a call whose key was seen is answered as before, without effect
	KeyHeader  string // where the key is: "" means Idempotency-Key

	ReturnEvent  string   // name of the event of a return: "" means "Return"
	IdentifyBy   []string // fields that identify a profile, strongest first: nil means userid, custom_srs_customer_number, email
	KeepApart    bool     // an event that names two profiles goes to the stronger one, instead of merging them
	CustomFields []string // custom_ fields that exist; nil means any. Others are not stored and are violations
	EventFields  []string // custom_ fields of the event type: they do not change the profile

	IgnoreEmptyConsent bool // an empty consent changes nothing, instead of overwriting what is known
	AllowNull          bool // a null is no violation
	LooseDelete        bool // DELETE works at /v1/products only, not at /products
}

// Server is a running stand-in. Its methods may be called from any goroutine.
type Server struct {
	o    Options
	rest *restserver.Server

	mu         sync.Mutex
	profiles   []*Profile
	orders     []*Order
	events     []Event
	products   []map[string]any
	violations []string
	keys       map[string]seenKey
	calls      int
	serial     int
}

type seenKey struct {
	body  []byte
	reply restserver.Reply
}

// New starts a server.
func New(o Options) (*Server, error) {
	o = o.withDefaults()
	if o.Location == nil {
		loc, err := time.LoadLocation("Europe/Amsterdam")
		if err != nil {
			return nil, fmt.Errorf("activate test server: %w", err)
		}
		o.Location = loc
	}
	rest, err := restserver.New(restserver.Options{TLS: o.TLS, Clock: o.Clock})
	if err != nil {
		return nil, err
	}
	s := &Server{o: o, rest: rest, keys: map[string]seenKey{}}
	rest.Otherwise(s.handle)
	return s, nil
}

func (o Options) withDefaults() Options {
	def := func(p *string, v string) {
		if *p == "" {
			*p = v
		}
	}
	num := func(p *int, v int) {
		if *p == 0 {
			*p = v
		}
	}
	def(&o.Account, "12345")
	def(&o.APIKey, "test-key")
	def(&o.KeyHeader, "Idempotency-Key")
	def(&o.ReturnEvent, "Return")
	num(&o.AuthStatus, http.StatusUnauthorized)
	num(&o.StatusOfRejects, http.StatusBadRequest)
	num(&o.MaxEvents, 100)
	num(&o.MaxProducts, 150)
	if o.IdentifyBy == nil {
		o.IdentifyBy = []string{"userid", "custom_srs_customer_number", "email"}
	}
	return o
}

// URL returns scheme, host and port.
func (s *Server) URL() string { return s.rest.URL() }

// CA returns the certificate of the server's authority in PEM, nil without TLS.
func (s *Server) CA() []byte { return s.rest.CA() }

// Close ends the server.
func (s *Server) Close() error { return s.rest.Close() }

// Fail makes the server misbehave, for example with
// restserver.Fault{Status: 429, RetryAfter: "3", Times: 2}.
func (s *Server) Fail(f restserver.Fault) { s.rest.Fail(f) }

// Requests returns the requests so far, oldest first.
func (s *Server) Requests() []restserver.Request { return s.rest.Requests() }

// Violations returns what a careful client would not have sent, oldest first:
// call number, place and reason. A test of a connector asserts that there are none.
func (s *Server) Violations() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.violations)
}

func (s *Server) violate(place, format string, args ...any) {
	s.violations = append(s.violations, fmt.Sprintf("call %d, %s: ", s.calls, place)+fmt.Sprintf(format, args...))
}

// handle answers every request; handlers run one at a time.
func (s *Server) handle(r *restserver.Request) restserver.Reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	path := strings.TrimPrefix(r.Path, "/api")
	if strings.HasPrefix(path, "/__test/") {
		return s.test(r.Method, path)
	}
	s.calls++
	if !same(r.Header.Get("X-AUTH-ACCOUNT"), s.o.Account) || !same(r.Header.Get("X-AUTH-APIKEY"), s.o.APIKey) {
		return failed(s.o.AuthStatus, "Invalid account or API key")
	}
	if len(r.Raw) > 0 && !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		s.violate("headers", "Content-Type is %q", r.Header.Get("Content-Type"))
	}
	switch r.Method + " " + path {
	case "POST /v1/track":
		return s.once(r, s.track)
	case "POST /v1/products":
		return s.once(r, s.putProducts)
	case "DELETE /v1/products":
		return s.once(r, s.deleteProducts)
	case "DELETE /products":
		if !s.o.LooseDelete {
			return s.once(r, s.deleteProducts)
		}
	case "POST /v1/verifyAuth":
		return restserver.Reply{JSON: map[string]any{"verified": true}}
	case "GET /v1/contacts":
		return s.contacts(r)
	}
	s.violate("request", "there is no %s %s", r.Method, r.Path)
	return failed(http.StatusNotFound, "Not found")
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

func failed(status int, errs ...any) restserver.Reply {
	return restserver.Reply{Status: status, JSON: map[string]any{"success": false, "errors": errs}}
}

// once applies a call, or answers it as before when its key was seen and keys are
// honoured. A key that comes with another body is a violation either way.
func (s *Server) once(r *restserver.Request, apply func(body any) restserver.Reply) restserver.Reply {
	key := r.Header.Get(s.o.KeyHeader)
	if prev, ok := s.keys[key]; ok && key != "" {
		if !bytes.Equal(prev.body, r.Raw) {
			s.violate("key", "%s came before with another body", key)
			if s.o.HonourKeys {
				return failed(http.StatusUnprocessableEntity, "The key was used for another body")
			}
		}
		if s.o.HonourKeys {
			return prev.reply
		}
	}
	body, err := parse(r.Raw)
	if err != nil {
		s.violate("body", "is not JSON: %v", err)
		return failed(http.StatusBadRequest, "Invalid JSON")
	}
	reply := apply(body)
	if key != "" {
		s.keys[key] = seenKey{slices.Clone(r.Raw), reply}
	}
	return reply
}

// parse reads JSON, keeping numbers as they were written.
func parse(raw []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("text after the value")
	}
	return v, nil
}
