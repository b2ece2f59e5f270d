package pebblekv

import (
	"fmt"
	"runtime"
	"strings"

	"go.uber.org/zap"
)

// logger passes on what the database finds worth telling. Pebble calls Fatalf
// where it cannot go on and expects the process to end; here it unwinds to the
// call that caused it, which then returns an error. A goroutine of Pebble's own ends
// there: gaveUp is told, and nothing is committed any more.
type logger struct {
	log    *zap.Logger
	gaveUp func(*fatal)
}

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
	if ours() {
		panic(f)
	}
	l.gaveUp(f)
	select {} // unwinding would unlock what is in no state to be used, and running on would use it
}

// ours reports whether a method of Store is among the callers, which recovers.
func ours() bool {
	pcs := make([]uintptr, 200)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		f, more := frames.Next()
		if strings.Contains(f.Function, "/pebblekv.(*Store).") {
			return true
		}
		if !more {
			return false
		}
	}
}

type fatal struct {
	msg string
	err error
}

// Error implements error.
func (f *fatal) Error() string { return f.msg }

// Unwrap gives errors.Is the cause.
func (f *fatal) Unwrap() error { return f.err }
