package watch

import (
	"maps"
	"slices"
	"sync"

	"github.com/fsnotify/fsnotify"
)

// fake is a source of notifications that the test works.
type fake struct {
	mu     sync.Mutex
	dirs   map[string]bool
	refuse func(dir string) error
	events chan fsnotify.Event
	errors chan error
}

func newFake() *fake {
	return &fake{dirs: map[string]bool{}, events: make(chan fsnotify.Event), errors: make(chan error)}
}

func (f *fake) open() (*notifier, error) {
	return &notifier{
		add: func(dir string) error {
			f.mu.Lock()
			defer f.mu.Unlock()
			if f.refuse != nil {
				if err := f.refuse(dir); err != nil {
					return err
				}
			}
			f.dirs[dir] = true
			return nil
		},
		remove: func(dir string) error {
			f.mu.Lock()
			defer f.mu.Unlock()
			delete(f.dirs, dir)
			return nil
		},
		list: func() []string {
			f.mu.Lock()
			defer f.mu.Unlock()
			return slices.Collect(maps.Keys(f.dirs))
		},
		close:  func() error { close(f.events); return nil },
		events: f.events, errors: f.errors,
	}, nil
}

// silent is a source that never tells of anything.
func silent() *notifier {
	n, _ := newFake().open()
	return n
}
