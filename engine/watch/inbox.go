package watch

import (
	"maps"
	"sync"

	"github.com/fsnotify/fsnotify"
)

// maxEvents is how many names wait in an inbox; with more it is simpler to look at everything.
const maxEvents = 1 << 14

// inbox gathers what happens until the loop has time for it. Emptying the
// notifier's channels never waits for the loop: a burst would overflow the
// system's queue, and a notifier that waits to tell of an error cannot add a watch.
type inbox struct {
	mu     sync.Mutex
	events map[string]fsnotify.Op // by name, everything that happened to it
	lost   bool                   // events are missing
	errs   []error                // of the notifier
	dead   bool                   // the notifier ended by itself
	kicks  []string
	wake   chan struct{}
}

// news is the content of an inbox.
type news struct {
	events map[string]fsnotify.Op
	lost   bool
	errs   []error
	dead   bool
	kicks  []string
}

func newInbox() *inbox {
	return &inbox{events: map[string]fsnotify.Op{}, wake: make(chan struct{}, 1)}
}

func (in *inbox) put(f func()) {
	in.mu.Lock()
	f()
	in.mu.Unlock()
	select {
	case in.wake <- struct{}{}:
	default:
	}
}

func (in *inbox) event(e fsnotify.Event) {
	if e.Name == "" { // about a watch that is gone
		return
	}
	in.put(func() {
		if len(in.events) >= maxEvents {
			in.lost = true
			clear(in.events)
		}
		in.events[e.Name] |= e.Op
	})
}

func (in *inbox) error(err error) {
	in.put(func() {
		in.lost = true
		if err != fsnotify.ErrEventOverflow && len(in.errs) < 10 { //nolint:errorlint // never wrapped
			in.errs = append(in.errs, err)
		}
	})
}

func (in *inbox) kick(reason string) { in.put(func() { in.kicks = append(in.kicks, reason) }) }

// take empties the inbox.
func (in *inbox) take() news {
	in.mu.Lock()
	defer in.mu.Unlock()
	n := news{maps.Clone(in.events), in.lost, in.errs, in.dead, in.kicks}
	clear(in.events)
	in.lost, in.errs, in.dead, in.kicks = false, nil, false, nil
	return n
}

// notifier is a source of notifications about folders.
type notifier struct {
	add    func(dir string) error
	remove func(dir string) error
	list   func() []string // the folders that notify; one that was deleted or moved no longer does
	close  func() error
	events <-chan fsnotify.Event
	errors <-chan error
}

func openNotifier() (*notifier, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	return &notifier{add: w.Add, remove: w.Remove, list: w.WatchList, close: w.Close, events: w.Events, errors: w.Errors}, nil
}

// pump carries what n tells to the inbox until n is closed.
func (n *notifier) pump(in *inbox) {
	events, errs := n.events, n.errors
	for events != nil {
		select {
		case e, ok := <-events:
			if !ok {
				events = nil
				continue
			}
			in.event(e)
		case err, ok := <-errs:
			if !ok {
				errs = nil
				continue
			}
			in.error(err)
		}
	}
	in.put(func() { in.dead = true })
}
