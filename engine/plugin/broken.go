package plugin

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
)

// Broken is what a deferred function recovered: a defect of a library, a plugin or
// the engine. Its text holds no data: what was thrown may hold a row or a secret (I9).
type Broken struct {
	What  string   // of a runtime error its text, else the type of what was thrown
	Where string   // function, file and line
	Stack []string // Where and its callers, innermost first
}

// Error implements error.
func (b *Broken) Error() string { return b.What + " in " + b.Where }

// Recovered describes v, which the deferred function that calls it has recovered; skip
// is 0 when that calls it directly, and one more for each function in between.
func Recovered(v any, skip int) *Broken {
	b := &Broken{What: fmt.Sprintf("a panic with a value of type %T", v), Where: "an unknown place"}
	if re, ok := v.(runtime.Error); ok {
		b.What = re.Error() // numbers and types only
	}
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3+skip, pcs)])
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		if f.Function == "" || strings.HasPrefix(f.Function, "runtime.") {
			continue
		}
		b.Stack = append(b.Stack, fmt.Sprintf("%s (%s:%d)", f.Function, filepath.Base(f.File), f.Line))
	}
	if len(b.Stack) > 0 {
		b.Where = b.Stack[0]
	}
	return b
}
