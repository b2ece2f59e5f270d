package exec

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
)

// PanicError is a defect of a step, a decoder or the engine that ended a run.
// What the run did not commit is read again. Its text holds no data: what was
// thrown may hold a row or a secret (I9).
type PanicError struct {
	What  string   // of a runtime error its text, else the type of what was thrown
	Where string   // function and line
	Stack []string // the callers of Where, innermost first
}

// Error implements error.
func (e *PanicError) Error() string {
	return fmt.Sprintf("a defect in the program ended the run: %s in %s. Nothing of what was not committed is lost, the next run reads it again; please report this with the lines that the log has about it", e.What, e.Where)
}

// panicked makes an error of what a deferred function recovered. The deferred
// function must call it directly.
func panicked(v any) *PanicError {
	e := &PanicError{What: fmt.Sprintf("a panic with a value of type %T", v), Where: "an unknown place"}
	if re, ok := v.(runtime.Error); ok {
		e.What = re.Error() // numbers and types only
	}
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		if f.Function == "" || strings.HasPrefix(f.Function, "runtime.") {
			continue
		}
		e.Stack = append(e.Stack, fmt.Sprintf("%s (%s:%d)", f.Function, filepath.Base(f.File), f.Line))
	}
	if len(e.Stack) > 0 {
		e.Where = e.Stack[0]
	}
	return e
}
