package plan

import (
	"encoding/hex"
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"weir/engine/record"
)

// Description is what a Plan means, as data: small, comparable, and the same for
// the same decoded values however they are written. Two are compared by
// Difference. It holds no secret, only keyed digests of them (I9). It is immutable; parts of
// it are shared, also between pipelines. As JSON it leaves out the ranges.
type Description struct {
	Meaning   int                   `json:"meaning"`   // what the engine made of the values; see the constant meaning
	Pipelines []PipelineDescription `json:"pipelines"` // by address
}

// PipelineDescription describes one pipeline.
type PipelineDescription struct {
	Address     string            `json:"address"`
	Fingerprint Digest            `json:"fingerprint"` // of everything below that decides what the pipeline does
	State       string            `json:"state,omitempty"`
	Settings    []Setting         `json:"settings"` // of the block itself: schedule, after, dead_letter.limit, commit.rows, ...
	Nodes       []NodeDescription `json:"nodes"`    // in the order of the plan
	Shape       Shape             `json:"shape"`
	Header      *hcl.Range        `json:"-"`
}

// NodeDescription describes one step.
type NodeDescription struct {
	Address     string        `json:"address"`
	Kind        string        `json:"kind"`
	Type        string        `json:"type,omitempty"`
	Fingerprint Digest        `json:"fingerprint"` // of the step alone: kind, type, inputs and settings
	Inputs      []string      `json:"inputs,omitempty"`
	Stateful    bool          `json:"stateful,omitempty"`
	Holds       bool          `json:"holds,omitempty"`    // it may keep rows back between batches
	Settings    []Setting     `json:"settings,omitempty"` // without those of the blocks that it names
	Uses        []Use         `json:"uses,omitempty"`
	In          Digest        `json:"in"` // of the schema that reaches it; zero for sources
	Out         Digest        `json:"out"`
	Want        []record.Slot `json:"want,omitempty"` // slots of Out that are read after a decoder or a stateful step
	Header      *hcl.Range    `json:"-"`
}

// Use is a block that a step names.
type Use struct {
	Name     string     `json:"name"`     // of the attribute: "connection"
	Block    string     `json:"block"`    // address of the block: "connection.acme_srs.ftp.activate"
	Settings []Setting  `json:"settings"` // its values, under the attribute's name: "connection.host"
	Range    *hcl.Range `json:"-"`        // of the reference
}

// Setting is one decoded value of a block. Names are those of spec.Value, and
// var.NAME for a variable that a row expression of the step reads.
type Setting struct {
	Name   string     `json:"name"`
	Value  string     `json:"value,omitempty"` // for people: cut when long, "(secret)" for secrets
	Digest Digest     `json:"digest"`          // of the whole value
	Prose  bool       `json:"prose,omitempty"` // it is said to people only
	Range  *hcl.Range `json:"-"`               // where it is written, else the block's header; nil when unknown
}

// Digest is a short digest of some values. Equal values have equal digests.
type Digest [16]byte

// IsZero reports whether d is the digest of nothing.
func (d Digest) IsZero() bool { return d == Digest{} }

// String returns d as 32 hexadecimal digits.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// MarshalText implements encoding.TextMarshaler.
func (d Digest) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, d[:]), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Digest) UnmarshalText(b []byte) error {
	if len(b) != 2*len(d) {
		return fmt.Errorf("a digest has %d hexadecimal digits, unlike %q", 2*len(d), b)
	}
	_, err := hex.Decode(d[:], b)
	return err
}

// Pipeline returns the description of the pipeline with the given address, or nil.
func (d *Description) Pipeline(address string) *PipelineDescription {
	for i := range d.Pipelines {
		if d.Pipelines[i].Address == address {
			return &d.Pipelines[i]
		}
	}
	return nil
}
