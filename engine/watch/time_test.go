package watch

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
)

// timed runs a test on its own time, with a source of notifications that it works itself.
func timed(t *testing.T, o Options, f func(t *testing.T, r *rig, src *fake)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		src := newFake()
		if o.open == nil {
			o.open = src.open
		}
		o.Quiet = 200 * time.Millisecond
		r := newRig(t, o, mainFiles())
		r.deadline = time.Hour
		r.w.Set(Paths{Roots: r.paths("main"), Files: r.paths("run/ca.pem")})
		f(t, r, src)
	})
}

func (r *rig) tell(src *fake, name string) {
	src.events <- fsnotify.Event{Name: r.path(name), Op: fsnotify.Write}
}

func TestQuiet(t *testing.T) {
	timed(t, Options{}, func(t *testing.T, r *rig, src *fake) {
		start := time.Now()
		for range 10 {
			r.tell(src, "main/weir.hcl")
			time.Sleep(150 * time.Millisecond)
		}
		c := r.next()
		if got := time.Since(start); got != 1550*time.Millisecond { // 200 ms after the tenth, at 1.35 s
			t.Errorf("after %v", got)
		}
		if d := cmp.Diff(Change{Names: []string{"main/weir.hcl"}, Trigger: Notify}, c); d != "" {
			t.Error(d)
		}
	})
}

func TestMaxQuiet(t *testing.T) {
	timed(t, Options{}, func(t *testing.T, r *rig, src *fake) {
		start := time.Now()
		go func() {
			for range 60 {
				r.tell(src, "main/weir.hcl")
				time.Sleep(100 * time.Millisecond)
			}
		}()
		var at []time.Duration
		for range 3 {
			r.next()
			at = append(at, time.Since(start).Truncate(100*time.Millisecond))
		}
		// The first event after a change begins the next one.
		if at[0] != 2*time.Second || at[1] < 4*time.Second || at[1] > 4100*time.Millisecond || at[2] > 6300*time.Millisecond {
			t.Errorf("changes at %v", at)
		}
	})
}

func TestIrrelevantEventsAreSilent(t *testing.T) {
	timed(t, Options{}, func(t *testing.T, r *rig, src *fake) {
		for _, n := range []string{"main/.weir.hcl.swp", "main/readme.md", "run/other.pem", "run", "main", "elsewhere/x.hcl"} {
			for _, op := range []fsnotify.Op{fsnotify.Create, fsnotify.Write, fsnotify.Remove, fsnotify.Rename, fsnotify.Chmod} {
				src.events <- fsnotify.Event{Name: r.path(n), Op: op}
			}
		}
		src.events <- fsnotify.Event{}                                                  // of a watch that is gone
		src.events <- fsnotify.Event{Name: r.path("main/weir.hcl"), Op: fsnotify.Chmod} // same permissions
		time.Sleep(10 * time.Second)
		if n := len(r.w.Changes()); n != 0 {
			t.Errorf("%+v", r.next())
		}
	})
}

// TestOneWaits lets nobody take changes for a while.
func TestOneWaits(t *testing.T) {
	timed(t, Options{}, func(t *testing.T, r *rig, src *fake) {
		for _, n := range []string{"main/weir.hcl", "main/b.hcl", "main/weir.hcl"} {
			r.tell(src, n)
			time.Sleep(time.Second)
		}
		r.w.Kick("SIGHUP")
		r.w.Kick("SIGHUP")
		r.w.Kick("API")
		synctest.Wait()
		want := Change{Names: []string{"main/b.hcl", "main/weir.hcl"}, Trigger: Kick, Reason: "SIGHUP, API"}
		if d := cmp.Diff(want, r.next()); d != "" {
			t.Error(d)
		}
		if len(r.w.Changes()) != 0 {
			t.Error("a second one waits")
		}
	})
}

// TestKickTakesWhatIsPending checks that a kick neither waits nor leaves a change behind.
func TestKickTakesWhatIsPending(t *testing.T) {
	timed(t, Options{}, func(t *testing.T, r *rig, src *fake) {
		r.tell(src, "main/b.hcl")
		synctest.Wait()
		start := time.Now()
		r.w.Kick("API")
		if d := cmp.Diff(Change{Names: []string{"main/b.hcl"}, Trigger: Kick, Reason: "API"}, r.next()); d != "" || time.Since(start) != 0 {
			t.Error(time.Since(start), d)
		}
		time.Sleep(10 * time.Second)
		if len(r.w.Changes()) != 0 {
			t.Error("it came twice")
		}
	})
}

func TestRescan(t *testing.T) {
	timed(t, Options{}, func(t *testing.T, r *rig, src *fake) {
		start := time.Now()
		r.write("main/weir.hcl", "nobody tells")
		c := r.next()
		if d := cmp.Diff(Change{Names: []string{"main/weir.hcl"}, Trigger: Rescan}, c); d != "" {
			t.Error(d)
		}
		// 60 s, and twice the time of quiet: the files must have stopped changing.
		if got := time.Since(start); got < time.Minute || got > time.Minute+time.Second {
			t.Errorf("after %v", got)
		}
		time.Sleep(5 * time.Minute)
		if len(r.w.Changes()) != 0 {
			t.Error("it came twice")
		}
	})
}

func TestOverflow(t *testing.T) {
	timed(t, Options{}, func(t *testing.T, r *rig, src *fake) {
		start := time.Now()
		r.write("main/weir.hcl", "the event is lost")
		src.errors <- fsnotify.ErrEventOverflow
		if d := cmp.Diff(Change{Names: []string{"main/weir.hcl"}, Trigger: Rescan}, r.next()); d != "" {
			t.Error(d)
		}
		if got := time.Since(start); got > 2*time.Second {
			t.Errorf("after %v", got)
		}
	})
}

// TestManyEvents tells of more names than an inbox holds while the loop is busy.
func TestManyEvents(t *testing.T) {
	in := newInbox()
	for i := range maxEvents + 10 {
		in.event(fsnotify.Event{Name: fmt.Sprint(i), Op: fsnotify.Write})
	}
	if n := in.take(); !n.lost || len(n.events) != 10 {
		t.Errorf("lost %t, %d events", n.lost, len(n.events))
	}
	if n := in.take(); n.lost || len(n.events) != 0 {
		t.Error("not empty")
	}
}

// polled checks that the watcher polls for the reason, says so once, and finds a change.
func polled(t *testing.T, r *rig, every time.Duration, reason string) {
	t.Helper()
	if got := r.w.Status().Polling; !strings.Contains(got, reason) {
		t.Errorf("polling because of %q", got)
	}
	for i := range 3 {
		start := time.Now()
		r.write("main/weir.hcl", strings.Repeat("x", i+10))
		if d := cmp.Diff(Change{Names: []string{"main/weir.hcl"}, Trigger: Poll}, r.next()); d != "" {
			t.Error(d)
		}
		if got := time.Since(start); got > every+time.Second {
			t.Errorf("after %v", got)
		}
	}
	lines := r.logs.FilterLevelExact(zap.WarnLevel).All()
	if len(lines) != 1 || !strings.Contains(fmt.Sprint(lines[0].ContextMap()["reason"]), reason) {
		t.Errorf("logged %v", lines)
	}
}

func TestPollingForced(t *testing.T) {
	timed(t, Options{Poll: 3 * time.Second}, func(t *testing.T, r *rig, _ *fake) {
		polled(t, r, 3*time.Second, "the option asks for it")
	})
}

func TestNoNotifications(t *testing.T) {
	full := func() (*notifier, error) { return nil, fmt.Errorf("inotify: %w", syscall.EMFILE) }
	timed(t, Options{open: full}, func(t *testing.T, r *rig, _ *fake) {
		polled(t, r, defaultPoll, "fs.inotify.max_user_instances")
	})
}

func TestRemoteFileSystem(t *testing.T) {
	timed(t, Options{remote: func(dir string) string {
		if strings.HasSuffix(dir, "/main") {
			return "nfs"
		}
		return ""
	}}, func(t *testing.T, r *rig, _ *fake) {
		polled(t, r, defaultPoll, "file systems of type nfs")
	})
}

// TestLimitOfWatches reaches the limit, polls, and stops polling when there is room again.
func TestLimitOfWatches(t *testing.T) {
	var src *fake
	timed(t, Options{open: func() (*notifier, error) { src = newFake(); src.refuse = limit(2); return src.open() }},
		func(t *testing.T, r *rig, _ *fake) {
			polled(t, r, defaultPoll, "raise fs.inotify.max_user_watches")
			src.mu.Lock()
			src.refuse = nil
			src.mu.Unlock()
			time.Sleep(2 * time.Minute)
			if st := r.w.Status(); st.Polling != "" || st.Folders < 3 {
				t.Errorf("%+v", st)
			}
			r.tell(src, "main/b.hcl")
			if c := r.next(); c.Trigger != Notify {
				t.Errorf("%+v", c)
			}
		})
}

// limit refuses all but the first n folders.
func limit(n int) func(string) error {
	return func(string) error {
		if n--; n < 0 {
			return syscall.ENOSPC
		}
		return nil
	}
}

// TestAncestorsMayRefuse checks that a folder above, which may not be read, is no reason to poll.
func TestAncestorsMayRefuse(t *testing.T) {
	timed(t, Options{open: func() (*notifier, error) {
		src := newFake()
		src.refuse = func(dir string) error {
			if dir == "/" || dir == "/tmp" {
				return syscall.EACCES
			}
			return nil
		}
		return src.open()
	}}, func(t *testing.T, r *rig, _ *fake) {
		if st := r.w.Status(); st.Polling != "" {
			t.Errorf("%+v", st)
		}
	})
}

// TestNotifierFails survives errors of the source, and its end.
func TestNotifierFails(t *testing.T) {
	opened := make(chan *fake, 10)
	timed(t, Options{open: func() (*notifier, error) {
		src := newFake()
		n, err := src.open()
		n.close = func() error { return nil }
		opened <- src
		return n, err
	}}, func(t *testing.T, r *rig, _ *fake) {
		src := <-opened
		r.write("main/weir.hcl", "the event is lost")
		src.errors <- errors.New("short read")
		if c := r.next(); c.Trigger != Rescan {
			t.Errorf("%+v", c)
		}
		close(src.events)
		time.Sleep(time.Second)
		if st := r.w.Status(); st.Polling == "" {
			t.Errorf("%+v", st)
		}
		r.write("main/b.hcl", "polled")
		if c := r.next(); c.Trigger != Poll {
			t.Errorf("%+v", c)
		}
		time.Sleep(2 * time.Minute) // the rescan opens another source
		if st := r.w.Status(); len(opened) != 1 || st.Polling != "" {
			t.Errorf("%d sources opened, %+v", len(opened), st)
		}
		close((<-opened).events)
	})
}
