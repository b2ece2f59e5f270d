package watch

import (
	"context"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"
)

// Clock is time, replaceable in tests; plugin.Clock is one.
type Clock interface {
	Now() time.Time
	// Sleep waits for d, or until ctx is done, and returns ctx's error then.
	Sleep(ctx context.Context, d time.Duration) error
}

// Options say how to watch. The zero value of each but Clock has a default.
type Options struct {
	Clock    Clock
	Quiet    time.Duration // without a further event before a Change; 200 ms
	MaxQuiet time.Duration // after the first event a Change comes in any case; 2 s
	Rescan   time.Duration // between looks at everything, for what notifications lost; 60 s
	// Poll is the time between looks at everything. Zero looks every 5 s, and only
	// while notifications do not work; anything else polls always.
	Poll time.Duration
	// Names reports whether a file of this base name matters in Paths.Folders and
	// Paths.Roots, such as config.Listed; nil means that every name does. It is
	// called from a goroutine of the watcher.
	Names func(base string) bool
	Log   *zap.Logger // nil: none

	open   func() (*notifier, error)      // the source of notifications
	remote func(dir string) (name string) // the file system of dir, when it does not notify
}

// Paths is what matters. Paths need not exist. Relative ones begin at the
// working directory.
type Paths struct {
	Files   []string // what they hold
	Folders []string // the files in them that Names accepts
	// Roots are as Folders, and the folders directly in them matter in the same
	// way, also those to come; hidden ones do not. A root may be a file as well.
	Roots []string
}

// Trigger is what led to a Change.
type Trigger string

// The triggers.
const (
	Notify Trigger = "notify" // the system told
	Rescan Trigger = "rescan" // a look at everything found what no notification told
	Poll   Trigger = "poll"   // likewise, where notifications do not work
	Kick   Trigger = "kick"   // somebody asked, by Watcher.Kick
)

// Change says that something may have changed since the last Change.
type Change struct {
	// Names were seen to change: members of Paths, and files in its folders, by
	// the names given there; sorted, each once. Empty when nothing was seen and
	// somebody asked.
	Names   []string
	Trigger Trigger
	Reason  string // what Kick was given; empty for other triggers
}

// Status is what a watcher does at the moment.
type Status struct {
	Folders int    // that notify
	Polling string // why everything is looked at every few seconds, for people; empty when it is not
}

// Watcher watches until Close. Its methods may be called from any goroutine.
type Watcher struct {
	o       Options
	changes chan Change
	sets    chan setRequest
	alarm   chan struct{} // the time of quiet may be over
	rescan  chan struct{}
	poll    chan struct{}
	in      *inbox
	cancel  context.CancelFunc
	done    chan struct{} // closed when everything has ended

	mu     sync.Mutex
	status Status
}

type setRequest struct {
	paths Paths
	done  chan struct{}
}

// Start begins to watch nothing; Set says what. It ends when ctx does, or with Close.
func Start(ctx context.Context, o Options) *Watcher {
	o = o.withDefaults()
	ctx, cancel := context.WithCancel(ctx)
	w := &Watcher{
		o: o, changes: make(chan Change, 1), sets: make(chan setRequest), alarm: make(chan struct{}), rescan: make(chan struct{}),
		poll: make(chan struct{}), in: newInbox(), cancel: cancel, done: make(chan struct{}),
	}
	go newLoop(w).run(ctx)
	return w
}

func (o Options) withDefaults() Options {
	def := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	def(&o.Quiet, 200*time.Millisecond)
	def(&o.MaxQuiet, 2*time.Second)
	def(&o.Rescan, time.Minute)
	if o.Names == nil {
		o.Names = func(string) bool { return true }
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.open == nil {
		o.open = openNotifier
	}
	if o.remote == nil {
		o.remote = remoteName
	}
	return o
}

// Set replaces what matters. When it returns, changes from then on are seen.
//
// What changed between reading a configuration and this call is not, where a
// path was not watched before: after it, make sure that what was read still is
// as it was (config.Snapshot.Changed), and read again when it is not.
func (w *Watcher) Set(p Paths) {
	r := setRequest{Paths{slices.Clone(p.Files), slices.Clone(p.Folders), slices.Clone(p.Roots)}, make(chan struct{})}
	select {
	case w.sets <- r:
	case <-w.done:
		return
	}
	select {
	case <-r.done:
	case <-w.done:
	}
}

// Changes returns where changes arrive. At most one waits there: what comes
// before it is taken is added to it. It is closed when the watcher ends.
func (w *Watcher) Changes() <-chan Change { return w.changes }

// Kick leads to a Change at once, with reason in it, such as "SIGHUP". It does not wait.
func (w *Watcher) Kick(reason string) { w.in.kick(reason) }

// Status returns what the watcher does at the moment.
func (w *Watcher) Status() Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.status
}

// Close ends watching, and returns when nothing of it runs any more.
func (w *Watcher) Close() {
	w.cancel()
	<-w.done
}

// send passes c on, together with a change that nobody took yet. Only one goroutine sends.
func (w *Watcher) send(c Change) {
	select {
	case old := <-w.changes:
		c = merge(old, c)
	default:
	}
	w.changes <- c
}

func merge(old, c Change) Change {
	out := Change{Names: slices.Concat(old.Names, c.Names), Trigger: old.Trigger, Reason: old.Reason}
	slices.Sort(out.Names)
	out.Names = slices.Compact(out.Names)
	if c.Trigger == Kick {
		out.Trigger = Kick
		if out.Reason != "" && out.Reason != c.Reason {
			out.Reason += ", "
		} else {
			out.Reason = ""
		}
		out.Reason += c.Reason
	}
	return out
}
