package compute

import (
	"time"

	"weir/engine/function"
)

// Options configures a Compiler. Zero limits take the defaults given.
type Options struct {
	Vars map[string]any // value of var: string, int, float64, bool, nil, TooLong, []any and map[string]any, nested; folded while compiling.
	// A spec.Secret, or the mark spec.Sensitive for what is no text, stands for a sensitive value (I9).
	Locals    map[string]any      // value of local, likewise
	Now       func() time.Time    // now(); nil makes now() unknown
	Functions []function.Function // callable besides expr's built-ins; they win over a built-in of the same name

	Pieces bool // the rows are pieces of others: uuid() is refused

	MaxSource int  // bytes of one expression: 16 KiB
	MaxDepth  int  // nested brackets: 200
	MaxNodes  uint // nodes of the syntax tree: 4096
	Steps     int  // loop steps of one evaluation: 10 million
	Bytes     int  // bytes of strings built in one evaluation: 64 MiB
	Elements  uint // list elements made in one evaluation: 1 million
}

// Unknown is the value in Vars of a variable that has none while a configuration is
// checked: it may be anything.
type Unknown struct{}

// TooLong is the text of a number that no value holds exactly. An expression that
// names it is refused.
type TooLong string

func (o Options) withDefaults() Options {
	if o.MaxSource == 0 {
		o.MaxSource = 16 << 10
	}
	if o.MaxDepth == 0 {
		o.MaxDepth = 200
	}
	if o.MaxNodes == 0 {
		o.MaxNodes = 4096
	}
	if o.Steps == 0 {
		o.Steps = 10_000_000
	}
	if o.Bytes == 0 {
		o.Bytes = 64 << 20
	}
	if o.Elements == 0 {
		o.Elements = 1_000_000
	}
	return o
}
