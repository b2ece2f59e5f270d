package main

import (
	"context"
	"errors"

	"weir/engine"
)

// Exit codes; scripts rely on them.
const (
	exitOK          = 0
	exitFailed      = 1 // what was asked for did not succeed
	exitConfig      = 2 // the configuration or the command line is wrong
	exitEnvironment = 3 // network, disk or credentials
)

var (
	errInterrupted = errors.New("interrupted: what was committed stays, the next run goes on from there")
	errStopped     = errors.New("stopped: what was under way is finished and committed, the next run goes on from there")
	// errReported ends a command whose problems have been printed.
	errReported = errors.New("reported")
)

// exitError is an error with the exit code it asks for.
type exitError struct {
	code int
	err  error
}

// Error implements error.
func (e *exitError) Error() string { return e.err.Error() }

// Unwrap gives errors.Is and errors.As the cause.
func (e *exitError) Unwrap() error { return e.err }

// withCode returns err with an exit code.
func withCode(code int, err error) error { return &exitError{code: code, err: err} }

// reported ends a command with code when all there is to say has been printed.
func reported(code int) error { return withCode(code, errReported) }

// codeOf returns the exit code for err.
func codeOf(err error) int {
	var ee *exitError
	var se *engine.StateError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &ee):
		return ee.code
	case errors.As(err, &se):
		return exitConfig
	case errors.Is(err, context.Canceled), errors.Is(err, errInterrupted):
		return exitFailed
	case engine.Environmental(err):
		return exitEnvironment
	}
	return exitFailed
}
