package pebblekv

import (
	"fmt"

	"go.uber.org/zap"
)

// logger passes on what the database finds worth telling. Pebble calls Fatalf
// where it cannot go on and expects the process to end; here it unwinds to the
// call that caused it, which then returns an error. In Pebble's own goroutines
// it does end the process, with the reason.
type logger struct{ log *zap.Logger }

// Infof implements pebble.Logger.
func (l logger) Infof(string, ...any) {}

// Errorf implements pebble.Logger.
func (l logger) Errorf(format string, args ...any) {
	l.log.Warn("state store: " + fmt.Sprintf(format, args...))
}

// Fatalf implements pebble.Logger.
func (l logger) Fatalf(format string, args ...any) {
	f := &fatal{msg: fmt.Sprintf(format, args...)}
	for _, a := range args {
		if err, ok := a.(error); ok {
			f.err = err
		}
	}
	panic(f)
}

type fatal struct {
	msg string
	err error
}

// Error implements error.
func (f *fatal) Error() string { return f.msg }

// Unwrap gives errors.Is the cause.
func (f *fatal) Unwrap() error { return f.err }
