// Package identity decides which records are one and the same, by ordered keys.
//
// A space holds entities. An entity is known by key values, such as a customer
// number or an e-mail address; each key value belongs to one entity at a time.
// A [Resolver] takes the key values of one row, strongest first, and finds the
// entity: the first key that is known decides. Keys that come together are
// remembered together (attach), and entities that turn out to be one are merged,
// up to a number that guards against a key everybody shares, such as an empty
// e-mail address written as "-". Merges are recorded, can be explained and undone.
//
// State, in one space of the store:
//
//	k NAME 00 VALUE -> flags [entity] [hash]     who has this key value
//	l NAME 00 ID    -> flags [entity] [hash]     likewise, of a long value: the identity that derives from it
//	e ENTITY        -> keys and merges           what is known of an entity
//	m ENTITY        -> the merge that ended it   see Merge
//	x ENTITY OTHER  -> (empty)                   two that must stay apart
//
// Nothing in it depends on time or chance, so that replaying the same rows over
// the same state gives the same state (I7).
package identity

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"weir/engine/diag"
	"weir/engine/spec"
)

// State is the part of the store that holds a space; see step.State.
type State interface {
	// Get returns the value of key, valid until the next call, and whether there is one.
	Get(key []byte) ([]byte, bool, error)
	// Put sets key to value, copying both.
	Put(key, value []byte)
	// Delete removes key.
	Delete(key []byte)
}

// ID names an entity within its space.
type ID [16]byte

// NewID returns the identity of an entity first seen by the given key value. It
// is the same whenever that is computed.
func NewID(space, key string, value []byte) ID {
	var buf [256]byte
	b := append(buf[:0], space...)
	b = append(append(append(b, 0), key...), 0)
	sum := sha256.Sum256(append(b, value...))
	return ID(sum[:16])
}

// String returns id as 32 hexadecimal digits.
func (id ID) String() string { return string(id.Append(nil)) }

// Append appends the text of id to b.
func (id ID) Append(b []byte) []byte { return hex.AppendEncode(b, id[:]) }

// ParseID reads what String wrote.
func ParseID(s string) (ID, error) {
	var id ID
	if len(s) == 2*len(id) {
		if _, err := hex.Decode(id[:], []byte(s)); err == nil {
			return id, nil
		}
	}
	return ID{}, fmt.Errorf("an entity's identity has 32 hexadecimal digits, unlike %q", s)
}

// Entity is the configuration of an identity space that pipelines share.
//
//	entity "profile" {
//	  keys = {
//	    srs   = "trim(value)"
//	    email = "email(value)"
//	  }
//	}
type Entity struct {
	Name string
	Keys []spec.NamedText // the normalising expression of each key, over value
}

// Spec implements plugin.Config.
func (e *Entity) Spec() spec.Body {
	return spec.Body{
		spec.Exprs("keys", &e.Keys).Required().Doc("The keys that entities may have: name = \"expression\". The expression normalises a value before it is compared, " +
			"and sees it as value: \"lower(trim(value))\"; \"value\" compares it as it is."),
	}
}

// Check implements plugin.Config.
func (e *Entity) Check(at spec.Ranges) diag.List {
	var ds diag.List
	if len(e.Keys) == 0 {
		ds = append(ds, diag.Errorf("config.missing_attribute", at.Of(&e.Keys), "An entity without keys", "Name at least one: keys = { email = \"email(value)\" }."))
	}
	for _, k := range e.Keys {
		if strings.ContainsRune(k.Name, 0) {
			ds = append(ds, diag.Errorf("config.invalid_value", &k.Text.Range, "Invalid name of a key", "A name must not contain a zero byte."))
		}
	}
	return ds
}

// KeyNames returns the names of the keys, as written.
func (e *Entity) KeyNames() []string {
	out := make([]string, len(e.Keys))
	for i, k := range e.Keys {
		out[i] = k.Name
	}
	return out
}
