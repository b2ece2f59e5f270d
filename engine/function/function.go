package function

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"weir/engine/record"
)

// Example is an expression and the value it has, as to_json() writes it.
type Example struct{ Expr, Result string }

// Function is one function of the library. Its values are immutable and may be
// shared by goroutines.
type Function struct {
	Name     string
	Usage    string // the call with its parameters, optional ones in brackets
	Summary  string // for people, in Markdown: what it returns, when null, when an error
	Examples []Example

	// Types are pointers to func types, the overloads that a checker knows, to be tried
	// in order: first those without null, then the same with parameters that may be
	// null, which are pointers. A pointer result may be null.
	Types []any

	// Returns gives the type of the result for arguments of the given types, with
	// nullability. A Time is in the zone that ZoneArg names, else as Returns says.
	Returns func(args []record.Type) record.Type

	// ZoneArg is the index of the argument whose constant text names the zone of the
	// Time returned; 0 when there is none. Call returns times in that zone.
	ZoneArg int

	// KeyArg is the index of the argument that may be a sensitive value of the
	// configuration, which then is a Sealed: what the function returns and says
	// must not show it (I9). 0 when there is none.
	KeyArg int

	// Call is the scalar form. Arguments are string, int, float64, bool, nil,
	// time.Time, record.DecimalValue, record.DateValue, []any and map[string]any. It
	// may be called by several goroutines.
	Call func(args ...any) (any, error)

	// Meaning is Opaque, or what Call does.
	Meaning Meaning

	// Prepare is called once for each place where the function is called and each
	// evaluator. args[0] is NotConst{}, the others are constants or NotConst{}. It
	// returns the forms for columns, none when there are none for such arguments, or
	// what is wrong with a constant. nil: there are never any.
	Prepare func(args []any) (Fast, error)

	// Check says what is wrong with a call whose arguments have the given types, and
	// with which of them. consts are the arguments that are constants, with NotConst{}
	// in the place of the others. nil: nothing but Types is checked.
	Check func(consts []any, types []record.Type) (arg int, err error)
}

// Fast holds the forms of one call for columns, by the kinds of its first
// argument and of its result; nil where there is none. They agree with Call. A
// Fast belongs to one goroutine and may hold caches; the texts it is given are
// not kept. Where a form returns a bool, false without an error means null.
type Fast struct {
	Str      func(dst, s []byte) ([]byte, bool, error)                          // string to string, appended to dst
	Time     func(s []byte) (int64, bool, error)                                // string to microseconds since the epoch
	Date     func(s []byte) (int64, bool, error)                                // string to days since the epoch
	Dec      func(s []byte) (record.DecimalValue, bool, error)                  // string to decimal
	FromTime func(dst []byte, micros int64, loc *time.Location) ([]byte, error) // instant shown in loc to string
	FromDate func(dst []byte, days int64) ([]byte, error)                       // date to string
}

// Sealed is a sensitive text, which printing does not show.
type Sealed interface{ Reveal() string }

// NotConst stands for an argument that is not a constant.
type NotConst struct{}

// All returns the library, sorted by name. Each call returns functions with
// caches of their own.
func All() []Function {
	l := newLibrary()
	var out []Function
	for _, group := range [][]Function{
		contactFunctions(), textFunctions(), choiceFunctions(), l.dateFunctions(), l.timeFunctions(), l.calendarFunctions(),
		numberFunctions(), hashFunctions(), jsonFunctions(), tableFunctions(), urlFunctions(), l.regexFunctions(), unicodeFunctions(),
		l.monthFunctions(), encodeFunctions(), checkFunctions(), {l.formatFunction()},
	} {
		out = append(out, group...)
	}
	for i := range out {
		out[i].Types = withNull(out[i].Types)
	}
	slices.SortFunc(out, func(a, b Function) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// withNull adds to overloads those whose parameters may be null, but for
// parameters of type any, which may be that already.
func withNull(types []any) []any {
	out := slices.Clone(types)
	for _, proto := range types {
		fn := reflect.TypeOf(proto).Elem()
		in, changed := make([]reflect.Type, fn.NumIn()), false
		for i := range in {
			in[i] = fn.In(i)
			if k := in[i].Kind(); k != reflect.Interface && k != reflect.Map && !(fn.IsVariadic() && i == len(in)-1) {
				in[i], changed = reflect.PointerTo(in[i]), true
			}
		}
		if changed {
			t := reflect.FuncOf(in, []reflect.Type{fn.Out(0)}, fn.IsVariadic())
			out = append(out, reflect.New(t).Interface())
		}
	}
	return out
}
