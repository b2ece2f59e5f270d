// Command weir runs declarative integration pipelines.
//
// Each verb has a file of its own. A verb reads its flags, calls package
// engine, prints, and returns an error whose exit code follows exit.go.
package main

import (
	"context"
	"io"
	"log"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"go.uber.org/zap"

	"weir/engine"
	"weir/engine/diag"
	"weir/plugins/all"
)

// version is set by the linker for releases; "" falls back to what the build recorded.
var version string

func main() {
	unused := reserve(os.Getenv)
	code := realMain()
	runtime.KeepAlive(unused)
	os.Exit(code)
}

// reserve returns memory that nobody touches, so that it takes none from the
// machine. The garbage collector counts it as in use and first sets to work when
// 32 MiB are, not at the 4 MiB that starting up fills several times over. Beyond that
// there is garbage of half of what is in use: what the state store may have in memory is
// most of it, stays, so that as much again would be much.
// Whoever sets the collector by GOGC or GOMEMLIMIT has it as it was set.
func reserve(getenv func(string) string) []byte {
	if getenv("GOGC") != "" || getenv("GOMEMLIMIT") != "" {
		return nil
	}
	debug.SetGCPercent(50)
	return make([]byte, 64<<20)
}

// realMain is main with an exit code, so that tests can call it.
func realMain() int {
	ctx, stop := withSignals(context.Background())
	defer stop()
	// net/http prints what a server sends unasked, which may hold a secret (I9).
	log.SetOutput(io.Discard)
	a := newApp(os.Stdin, os.Stdout, os.Stderr)
	return a.main(ctx, os.Args[1:])
}

// newApp makes the program with every plugin it comes with.
func newApp(stdin io.Reader, stdout, stderr io.Writer) *app {
	data := stdout // rows that a sink writes
	if isTerminal(stdout) {
		data = newScreen(stdout)
	}
	a := &app{
		stdin: stdin, stdout: newScreen(stdout), stderr: newScreen(stderr), getenv: os.Getenv, version: version, plugins: all.Plugins,
		newEngine: func(log *zap.Logger) (runner, diag.List) {
			return engine.New(engine.Options{Plugins: all.Plugins(data), Log: log})
		},
		newServing: func(log *zap.Logger) (*engine.Engine, diag.List) {
			return engine.New(engine.Options{Plugins: all.Plugins(data), Log: log, KeepOpen: true})
		},
	}
	a.checkpointOf = a.askCheckpoint
	return a
}

// withSignals returns a context that the first interrupt or request to
// terminate cancels; a second one ends the process, because whoever asks twice
// does not want to wait for what the first one let finish.
func withSignals(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	got := make(chan os.Signal, 2)
	signal.Notify(got, os.Interrupt, syscall.SIGTERM)
	go func() {
		if _, ok := <-got; !ok {
			return
		}
		cancel(errInterrupted)
		if _, ok := <-got; ok {
			os.Exit(exitFailed)
		}
	}()
	return ctx, func() {
		signal.Stop(got)
		close(got)
		cancel(nil)
	}
}
