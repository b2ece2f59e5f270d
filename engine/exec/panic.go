package exec

import (
	"fmt"

	"weir/engine/plugin"
)

// PanicError is a defect of a step, a sink or the engine that ended a run.
// What the run did not commit is read again.
type PanicError struct{ *plugin.Broken }

// Error implements error.
func (e *PanicError) Error() string {
	return fmt.Sprintf("a defect in the program ended the run: %s. Nothing of what was not committed is lost, the next run reads it again; please report this with the lines that the log has about it", e.Broken)
}

// panicked makes an error of what a deferred function recovered. The deferred
// function must call it directly.
func panicked(v any) *PanicError { return &PanicError{plugin.Recovered(v, 1)} }
