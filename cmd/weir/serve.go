package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"weir/engine"
	"weir/engine/config"
	"weir/engine/plugin"
	"weir/engine/serve"
	"weir/engine/watch"
)

type serveFlags struct {
	state  string
	listen string
	quiet  time.Duration
	poll   time.Duration
	take   bool
}

func (a *app) serveCommand() *cobra.Command {
	var f serveFlags
	c := &cobra.Command{
		Use: "serve [FOLDER]", Short: "Keep pipelines running on their schedules, and take changes of the folder", Args: cobra.MaximumNArgs(1),
		Long: "Runs the pipelines of a folder on their schedules until it is asked to end. When files of the folder\n" +
			"change, or files that they refer to, the whole folder is read and planned anew; only pipelines that\n" +
			"changed are touched, and only when everything new is planned. A pipeline with errors goes on as it was.\n\n" +
			"SIGHUP reads the folder at once. SIGTERM and Ctrl-C let every run come to its next commit and end.",
		RunE: func(c *cobra.Command, args []string) error { return a.serve(c.Context(), pathArg(args), f) },
	}
	a.inputFlags(c)
	c.Flags().StringVar(&f.state, "state", "", "folder of the state store (default: what the engine block says, else .weir/state)")
	c.Flags().BoolVar(&f.take, "take-over", false, "take the state folder from a process that has it open and hangs; what that one does later is refused")
	c.Flags().StringVar(&f.listen, "listen", "", "address of the HTTP API, or off (default: what the engine block says, else 127.0.0.1:7433)")
	c.Flags().DurationVar(&f.quiet, "quiet", 200*time.Millisecond, "how long nothing may change before a change is taken")
	c.Flags().DurationVar(&f.poll, "poll", 0, "look at the files this often, instead of being told by the system")
	return c
}

// serve runs the server until ctx is cancelled.
func (a *app) serve(ctx context.Context, folder string, f serveFlags) error {
	in, err := a.inputs()
	if err != nil {
		return err
	}
	people := a.forPeople()
	log, setLevel, err := a.serveLogger(people)
	if err != nil {
		return err
	}
	e, ds := a.newServing(log)
	if ds.HasErrors() {
		return ds.Err()
	}
	defer e.Close() // after every run has ended
	point, err := crashPoint(a.getenv(crashVariable))
	if err != nil {
		return err
	}
	w := watch.Start(context.WithoutCancel(ctx), watch.Options{Clock: plugin.SystemClock{}, Quiet: f.quiet, Poll: f.poll, Names: config.Listed, Log: log})
	defer w.Close()
	watched := watchedBy(w)
	started := collectSeldom(a.getenv)
	s, v, err := serve.Start(ctx, serve.Options{
		Engine: e, Folder: folder, Inputs: in, StateDir: f.state, Point: point, TakeOver: f.take,
		Changed: watched, LogLevel: setLevel,
	})
	started()
	if v != nil {
		ds, sources := v.Problems()
		if perr := a.printDiagnostics(a.stderr, ds, sources); perr != nil {
			return perr
		}
	}
	if err != nil {
		if v != nil && v.Outcome == serve.Rejected {
			return reported(exitConfig)
		}
		return err
	}
	return a.serveUntil(ctx, s, w, f, people, log)
}

// watchedBy returns what makes w watch other paths. The same paths again are no news:
// the watcher would look at every one of them. It is called by one goroutine at a time.
func watchedBy(w *watch.Watcher) func(engine.Paths) {
	var last engine.Paths
	return func(p engine.Paths) {
		if slices.Equal(p.Files, last.Files) && slices.Equal(p.Folders, last.Folders) {
			return
		}
		last = p
		w.Set(watch.Paths{Files: p.Files, Folders: p.Folders})
	}
}

// serveGC is how much garbage there may be beside what is in use, in percent.
const serveGC = 40

// serveUntil serves until ctx is cancelled, and stops.
func (a *app) serveUntil(ctx context.Context, s *serve.Server, w *watch.Watcher, f serveFlags, people bool, log *zap.Logger) error {
	stopAPI, err := a.listen(ctx, s, f.listen, log)
	if err != nil {
		return errors.Join(err, s.Stop(expired()))
	}
	if people {
		defer a.printEvents(s)()
	}
	if a.getenv("GOGC") == "" { // most of the memory of a server is plans, which stay: garbage beside them need not be as much again
		debug.SetGCPercent(serveGC)
	}
	debug.FreeOSMemory() // planning everything for the first time takes several times what its result does
	a.takeChanges(ctx, s, w, log)
	if err := s.Err(); err != nil { // nothing that runs now can be kept
		err = errors.Join(withCode(exitEnvironment, err), s.Stop(expired()))
		stopAPI()
		return err
	}
	drain := s.Engine().Drain
	if drain == 0 {
		drain = 30 * time.Second
	}
	log.Info("stopping: runs end at their next commit", zap.Duration("deadline", drain))
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	err = s.Stop(end)
	stopAPI()
	return err
}

// expired returns a context that is over.
func expired() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// takeChanges reloads whenever something may have changed, until ctx is cancelled or
// another process takes the state folder over.
func (a *app) takeChanges(ctx context.Context, s *serve.Server, w *watch.Watcher, log *zap.Logger) {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	for {
		trigger := ""
		select {
		case <-ctx.Done():
			return
		case <-s.Lost():
			return
		case <-hup:
			trigger = "signal"
		case c, ok := <-w.Changes():
			if !ok {
				return
			}
			trigger = string(c.Trigger)
			log.Debug("files changed", zap.Strings("files", c.Names), zap.String("trigger", trigger))
		}
		if err := s.Take(ctx, serve.Request{Trigger: trigger}); err != nil {
			return // ctx is done
		}
	}
}

// forPeople reports whether somebody watches: events are printed for them then,
// and else logged.
func (a *app) forPeople() bool { return isTerminal(a.stdout) }

// serveLogger makes the logger of a server. Without somebody who watches, what
// happens is logged, a line for each run and each action. The level is that of
// --log-level, else the one that the engine block names, which set takes.
func (a *app) serveLogger(people bool) (log *zap.Logger, set func(level string), err error) {
	if a.logLevel != "" {
		log, err = a.logger()
		return log, func(string) {}, err
	}
	own := zapcore.InfoLevel
	if people {
		own = zapcore.WarnLevel
	}
	log, level, err := a.levelledLogger()
	if err != nil {
		return nil, nil, err
	}
	level.SetLevel(own)
	return log, func(name string) {
		if l, err := zapcore.ParseLevel(name); name != "" && err == nil { // the plan has checked it
			level.SetLevel(l)
		} else {
			level.SetLevel(own)
		}
	}, nil
}
