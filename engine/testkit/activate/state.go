package activate

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"weir/engine/testkit/restserver"
)

// Profile is one person as the server knows them.
type Profile struct {
	ID     string         `json:"contact_id"`
	Fields map[string]any `json:"fields"` // by field name; numbers as json.Number
	Events int            `json:"events"` // how many events it got
	Merged []string       `json:"merged"` // IDs of the profiles that became this one
	hash   string         // SHA-256 of the e-mail, known even when the address is not
}

// Event is one accepted event.
type Event struct {
	Name    string         `json:"event"`
	Profile string         `json:"contact_id"`
	At      string         `json:"timestamp"` // as the server shows times: YYYY-MM-DD HH:mm:ss in its zone; "" when none came
	Fields  map[string]any `json:"fields"`
}

// Order is a purchase or a return; events with the same order ID are merged into one.
type Order struct {
	ID         string `json:"orderid"`
	Event      string `json:"event"`
	Profile    string `json:"contact_id"`
	At         string `json:"timestamp"`
	Products   []any  `json:"products"`
	TotalValue any    `json:"totalvalue"`
	Events     int    `json:"events"` // how many events were merged into it
}

// State is everything the server holds.
type State struct {
	Profiles []Profile        `json:"profiles"`
	Orders   []Order          `json:"orders"`
	Events   []Event          `json:"events"`
	Products []map[string]any `json:"products"`
}

// State returns a copy of everything the server holds, in the order of arrival.
func (s *Server) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state()
}

func (s *Server) state() State {
	out := State{Profiles: []Profile{}, Orders: []Order{}, Events: slices.Clone(s.events), Products: slices.Clone(s.products)}
	for _, p := range s.profiles {
		c := *p
		c.Fields, c.Merged = maps.Clone(p.Fields), slices.Clone(p.Merged)
		out.Profiles = append(out.Profiles, c)
	}
	for _, o := range s.orders {
		out.Orders = append(out.Orders, *o)
	}
	return out
}

// Reset empties the server; faults and the record of requests stay.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reset()
}

func (s *Server) reset() {
	s.profiles, s.orders, s.events, s.products, s.violations = nil, nil, nil, nil, nil
	s.keys, s.calls = map[string]seenKey{}, 0
}

// test answers the routes for tests: they need no credentials and are no part of the real interface.
func (s *Server) test(method, path string) restserver.Reply {
	switch method + " " + path {
	case "GET /__test/state":
		return restserver.Reply{JSON: s.state()}
	case "GET /__test/violations":
		return restserver.Reply{JSON: append([]string{}, s.violations...)}
	case "GET /__test/requests":
		return restserver.Reply{JSON: map[string]any{"calls": s.calls}}
	case "POST /__test/reset":
		s.reset()
		return restserver.Reply{JSON: map[string]any{"success": true}}
	}
	return failed(http.StatusNotFound, "no such test route")
}

// hashed tells whether an e-mail field holds the SHA-256 of an address.
func hashed(email string) bool {
	_, err := hex.DecodeString(email)
	return len(email) == 64 && err == nil
}

func emailHash(email string) string {
	email = strings.ToLower(strings.TrimSpace(email))
	if hashed(email) {
		return email
	}
	sum := sha256.Sum256([]byte(email))
	return hex.EncodeToString(sum[:])
}

// text returns an identifier as text: the interface takes numbers for some.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case nil:
		return ""
	}
	return fmt.Sprint(v)
}

// has tells whether p has the identifier that an event names in field.
func (p *Profile) has(field, value string) bool {
	if value == "" {
		return false
	}
	if field == "email" {
		return p.hash == emailHash(value)
	}
	return text(p.Fields[field]) == value
}

// identify returns the profile of an event: the first that has one of its
// identifiers, strongest first, else a new one. Others that have a weaker
// identifier are merged into it, unless they are kept apart.
func (s *Server) identify(ev map[string]any) *Profile {
	var found []*Profile
	for _, field := range s.o.IdentifyBy {
		for _, p := range s.profiles {
			if p.has(field, text(ev[field])) && !slices.Contains(found, p) {
				found = append(found, p)
			}
		}
	}
	if len(found) == 0 {
		s.serial++
		p := &Profile{ID: "c_" + strconv.Itoa(s.serial), Fields: map[string]any{}}
		s.profiles = append(s.profiles, p)
		return p
	}
	if !s.o.KeepApart {
		for _, weaker := range found[1:] {
			s.merge(found[0], weaker)
		}
	}
	return found[0]
}

func (s *Server) merge(into, from *Profile) {
	for k, v := range from.Fields {
		if _, ok := into.Fields[k]; !ok {
			into.Fields[k] = v
		}
	}
	if into.hash == "" {
		into.hash = from.hash
	}
	into.Events += from.Events
	into.Merged = append(append(into.Merged, from.ID), from.Merged...)
	for _, o := range s.orders {
		if o.Profile == from.ID {
			o.Profile = into.ID
		}
	}
	for i := range s.events {
		if s.events[i].Profile == from.ID {
			s.events[i].Profile = into.ID
		}
	}
	s.profiles = slices.DeleteFunc(s.profiles, func(p *Profile) bool { return p == from })
}

// update overwrites the profile's fields with those of an event.
func (s *Server) update(p *Profile, ev map[string]any) {
	for k, v := range ev {
		if !profileField(k) || slices.Contains(s.o.EventFields, k) || v == nil || !s.declared(k) {
			continue
		}
		if consent(k) && v == "" && s.o.IgnoreEmptyConsent {
			continue
		}
		if k == "email" {
			e, _ := v.(string)
			p.hash = emailHash(e)
			if hashed(e) {
				continue
			}
		}
		p.Fields[k] = v
	}
}

func (s *Server) declared(field string) bool {
	return s.o.CustomFields == nil || !strings.HasPrefix(field, "custom_") || slices.Contains(s.o.CustomFields, field)
}

func consent(field string) bool {
	return field == "newsletter" || field == "service" || field == "marketing"
}

func profileField(field string) bool {
	switch field {
	case "email", "userid", "firstname", "lastname", "gender", "birthdate", "phone", "postcode", "city", "country",
		"newsletter", "service", "marketing", "mobile_advertiser_ID":
		return true
	}
	return strings.HasPrefix(field, "custom_")
}
