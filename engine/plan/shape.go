package plan

import "github.com/hashicorp/hcl/v2"

// Shape is what the stored state of a pipeline depends on. It is kept with the
// state; Effects tells what becomes of the state when another plan takes over.
type Shape struct {
	Sources []SourceShape `json:"sources,omitempty"`
	Steps   []StepShape   `json:"steps,omitempty"` // those that keep keys in the store, and groups
	Sinks   []SinkShape   `json:"sinks,omitempty"`
}

// SourceShape is what the cursor and the file ledger of a source depend on. They
// are stored under its step, "source.files".
type SourceShape struct {
	Step     string `json:"step"`
	Type     string `json:"type"`
	Location string `json:"location"` // scheme, user, host and port, without credentials
	Path     string `json:"path"`     // folder and pattern
	After    string `json:"after,omitempty"`
	Decoder  string `json:"decoder,omitempty"` // address of the step that reads it
	Format   string `json:"format,omitempty"`  // its type: "csv"
	// Framing are the options of the decoder that decide where rows begin and
	// end, and so what a row number or an offset that was committed means.
	Framing []Setting `json:"framing,omitempty"`

	header, location, path, after *hcl.Range // where each is written
}

// StepShape is what the keys that a step stores depend on.
type StepShape struct {
	Step string `json:"step"`
	Kind string `json:"kind"`
	// Space is the name in the store of the keys; "" when nothing is stored. Own
	// is that of what the step itself let pass, "" when it is Space.
	Space  string `json:"space,omitempty"`
	Own    string `json:"own,omitempty"`
	Entity string `json:"entity,omitempty"` // qualified name of the entity whose keys they are; "" for a space of the step
	Keep   string `json:"keep,omitempty"`
	Keys   []Key  `json:"keys,omitempty"`
	// Compared are the fields by which keep = "changed" tells rows apart, in order.
	Compared []Key `json:"compared,omitempty"`
	// Declared are the keys of the entity with their normalising expressions.
	Declared []Key  `json:"declared,omitempty"`
	Within   string `json:"within,omitempty"` // of a group

	header, keep *hcl.Range
}

// Key is a value that is stored, or that decides what is.
type Key struct {
	Name       string  `json:"name"`
	Expression string  `json:"expression,omitempty"`
	Digest     Digest  `json:"digest"` // of the expression, what it reads, and so on up to the columns of the source
	Trace      []Trace `json:"trace,omitempty"`

	rng *hcl.Range
}

// Trace is one definition that a key is computed from.
type Trace struct {
	Step   string `json:"step"`
	Field  string `json:"field"`
	Digest Digest `json:"digest"` // of its expression or declaration alone, and of the variables in it

	rng *hcl.Range
}

// SinkShape is which fields the rows had that a sink was given.
type SinkShape struct {
	Step   string   `json:"step"`
	Fields []string `json:"fields"`

	header *hcl.Range
}
