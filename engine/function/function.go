// Package function declares the pure functions that row expressions may call.
package function

import (
	"time"

	"weir/engine/record"
)

// Function is one pure function of row expressions.
type Function struct {
	Name, Summary string
	Examples      []Example
	Types         []any                                // func type prototypes, such as new(func(string) string)
	Returns       func(args []record.Type) record.Type // precise result type incl. nullability; nil: from Types[0]
	Call          func(args ...any) (any, error)       // scalar form for the VM
	Prepare       func(args []any) (Fast, error)       // optional: constant arguments filled in, NotConst for the others
}

// Example is an expression and what it gives.
type Example struct{ Expr, Result string }

// Fast holds the forms of a function that work on cells without boxing; any may be nil.
type Fast struct {
	Str      func(dst, s []byte) ([]byte, bool, error) // string -> string; false = null
	Time     func(s []byte) (int64, bool, error)       // string -> Time micros
	Date     func(s []byte) (int64, bool, error)       // string -> Date days
	Dec      func(s []byte) (record.DecimalValue, bool, error)
	FromTime func(dst []byte, micros int64, loc *time.Location) ([]byte, error) // Time -> string
	FromDate func(dst []byte, days int64) ([]byte, error)
}

// NotConst stands for an argument that is not constant in Prepare's args.
type NotConst struct{}
