// Package plugin is the whole surface a plugin author sees.
//
// A plugin is a value, not a side effect: each folder under plugins/ exports
//
//	func Plugin() plugin.Plugin
//
// and plugins/all lists them. There is no init function and no global registry,
// so a test can build an engine with exactly the plugins it needs.
//
// Every capability has two phases. A Config is what one block of a pipeline
// file says: it is decoded and checked while planning, without I/O. Opening it
// makes the thing that runs. Configs are made anew for every plan, so keeping
// state in one is a defect.
package plugin

import (
	"context"
	"errors"
	"strings"
	"time"

	"go.uber.org/zap"

	"weir/engine/diag"
	"weir/engine/spec"
)

// Plugin is one named set of capabilities. Any constructor may be nil.
type Plugin struct {
	Name    string // lower snake case; the TYPE label in pipeline files
	Summary string // one sentence
	Example string // a pipeline or connection block as HCL; the tests plan it

	Connection func() Connection
	Source     func() Source
	Files      func() FileSource // in place of Source: the engine makes one of it
	Decoder    func() Decoder
	Sink       func() Sink
}

// Config is a decodable block.
type Config interface {
	// Spec binds each option to a field of the receiver. It is the only
	// declaration of the configuration.
	Spec() spec.Body
	// Check reports problems that need more than one option. It does no I/O.
	Check(at spec.Ranges) diag.List
}

// Connection is the configuration of an endpoint shared by sources and sinks:
// address, credentials, limits. What is opened from it lives in the plugin's
// own client type, made through Host.Share.
type Connection interface{ Config }

// Host is what the engine lends a running step, for as long as the step lives.
type Host interface {
	Log() *zap.Logger // already carries pipeline, step and generation
	Clock() Clock
	// Machine is how the step reaches files of this machine and servers elsewhere.
	Machine() Machine
	// Share returns the value stored under key, calling open when no one holds
	// it yet. release gives it back; after the last release close is called, or
	// when the process ends its work, whatever is held then.
	// It is how one limiter or one client serves several steps and survives a
	// reload that does not change its connection.
	Share(key string, open func() (v any, close func(), err error)) (v any, release func(), err error)
}

// Lasting is implemented by hosts of processes that go on after a run. What a
// step keeps open for the next run, it keeps through Host.Share.
type Lasting interface {
	Host
	Lasting() bool
}

// Placed is implemented by hosts of steps of a pipeline.
type Placed interface {
	Host
	// Place returns the pipeline and the step, such as "acme_srs.purchases/sink.out":
	// the same in every run.
	Place() string
	// Owner tells the state store that the step commits to from all others; "" when there
	// is none. Two processes may run the same pipeline with stores of their own.
	Owner() string
}

// Clock is time, replaceable in tests.
type Clock interface {
	Now() time.Time
	// Sleep waits for d, or until ctx is done, and returns ctx's error then.
	Sleep(ctx context.Context, d time.Duration) error
}

// SystemClock is the machine's clock.
type SystemClock struct{}

// Now implements Clock.
func (SystemClock) Now() time.Time { return time.Now() }

// Sleep implements Clock.
func (SystemClock) Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// Class tells what kind of failure an error is, and so who can mend it.
type Class uint8

// The classes of failure.
const (
	// Transient failures may pass by themselves: a lost connection, a busy server.
	Transient Class = iota
	// Environment failures need somebody to act outside the configuration: a
	// wrong password, an unknown host key, a full disk, a missing folder.
	Environment
	// Data failures lie in what was read: a damaged archive, a missing column.
	Data
)

// Failure is an error with its class and, where it helps, what to do next.
type Failure struct {
	Class  Class
	Code   diag.Code // such as "env.login_refused"; "" for the default of the class
	Err    error
	Advice string // one sentence; may be empty
	// Confined tells that it concerns one file or folder alone: the place it is in
	// answers, and others there may well be read.
	Confined bool
}

// Error implements error.
func (f *Failure) Error() string {
	if f.Advice != "" {
		return f.Err.Error() + ". " + f.Advice
	}
	return f.Err.Error()
}

// Clause returns the text of err for a sentence that another follows: without the full stop
// that advice may end in.
func Clause(err error) string { return strings.TrimSuffix(err.Error(), ".") }

// Unwrap gives errors.Is and errors.As the cause.
func (f *Failure) Unwrap() error { return f.Err }

// Fail returns err as a Failure of the given class. Whatever was tried, a process that may
// open no more files is told so: what the caller advises would look in the wrong place.
func Fail(class Class, code diag.Code, err error, advice string) error {
	if fewFiles(err) {
		return failFewFiles(err)
	}
	return &Failure{Class: class, Code: code, Err: err, Advice: advice}
}

// Confine returns err as a Failure that concerns one file or folder alone.
func Confine(err error) error {
	if fewFiles(err) { // the next file fares alike
		return failFewFiles(err)
	}
	var f *Failure
	if !errors.As(err, &f) {
		return &Failure{Class: Environment, Err: err, Confined: true}
	}
	own := *f
	own.Confined = true
	return &own
}

// IsConfined reports whether err concerns one file or folder alone.
func IsConfined(err error) bool {
	var f *Failure
	return errors.As(err, &f) && f.Confined
}

// ClassOf returns the class of err: that of the Failure it wraps, else Transient.
func ClassOf(err error) Class {
	var f *Failure
	if errors.As(err, &f) {
		return f.Class
	}
	return Transient
}

// Rejected is one row refused by a sink.
type Rejected struct {
	Row    int // index in the batch that was delivered
	Code   string
	Reason string
}
