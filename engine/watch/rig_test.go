package watch

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"weir/engine/config"
	"weir/engine/plugin"
)

// rig is a folder with a watcher on part of it.
type rig struct {
	t    *testing.T
	dir  string
	w    *Watcher
	logs *observer.ObservedLogs
	// known were seen before: the system tells of one write in several events,
	// which may come as several changes.
	known    map[string]bool
	deadline time.Duration
}

// newRig writes files, by their names below the folder, and watches nothing yet.
func newRig(t *testing.T, o Options, files map[string]string) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir(), known: map[string]bool{}, deadline: 10 * time.Second}
	for _, n := range slices.Sorted(maps.Keys(files)) {
		r.write(n, files[n])
	}
	core, logs := observer.New(zap.DebugLevel)
	o.Clock, o.Names, o.Log, r.logs = plugin.SystemClock{}, config.Listed, zap.New(core), logs
	if o.Quiet == 0 {
		o.Quiet = 50 * time.Millisecond
	}
	r.w = Start(t.Context(), o)
	t.Cleanup(r.w.Close)
	return r
}

func (r *rig) path(name string) string { return filepath.Join(r.dir, name) }

func (r *rig) paths(names ...string) []string {
	var out []string
	for _, n := range names {
		out = append(out, r.path(n))
	}
	return out
}

func (r *rig) ok(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) write(name, content string) {
	r.t.Helper()
	r.ok(os.MkdirAll(filepath.Dir(r.path(name)), 0o755))
	r.ok(os.WriteFile(r.path(name), []byte(content), 0o644))
}

func (r *rig) rename(from, to string) { r.t.Helper(); r.ok(os.Rename(r.path(from), r.path(to))) }
func (r *rig) remove(name string)     { r.t.Helper(); r.ok(os.RemoveAll(r.path(name))) }
func (r *rig) mkdir(name string)      { r.t.Helper(); r.ok(os.MkdirAll(r.path(name), 0o755)) }
func (r *rig) link(to, name string)   { r.t.Helper(); r.ok(os.Symlink(to, r.path(name))) }

// next is the next change, with names below the folder.
func (r *rig) next() Change {
	r.t.Helper()
	select {
	case c, ok := <-r.w.Changes():
		if !ok {
			r.t.Fatal("the watcher ended")
		}
		for i := range c.Names {
			c.Names[i] = strings.TrimPrefix(c.Names[i], r.dir+"/")
		}
		return c
	case <-time.After(r.deadline):
		r.t.Fatal("no change came")
		return Change{}
	}
}

// wait takes changes until all of names were seen, and returns what was seen in
// all, and the changes.
func (r *rig) wait(names ...string) (seen []string, changes []Change) {
	r.t.Helper()
	all := map[string]bool{}
	for end := time.Now().Add(r.deadline); ; {
		missing := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return all[n] })
		if len(missing) == 0 {
			maps.Copy(r.known, all)
			return slices.Sorted(maps.Keys(all)), changes
		}
		if time.Now().After(end) {
			r.t.Fatalf("%v was not seen; seen: %v", missing, slices.Sorted(maps.Keys(all)))
		}
		c := r.next()
		changes = append(changes, c)
		for _, n := range c.Names {
			all[n] = true
		}
	}
}

// expect takes changes until all of names were seen, and wants no other names
// but those that were seen before.
func (r *rig) expect(names ...string) {
	r.t.Helper()
	before := maps.Clone(r.known)
	seen, _ := r.wait(names...)
	seen = slices.DeleteFunc(seen, func(n string) bool { return before[n] && !slices.Contains(names, n) })
	slices.Sort(names)
	if d := cmp.Diff(names, seen); d != "" {
		r.t.Error(d)
	}
}

// quiet wants what happened before to be no change: a change made after it is the first one seen.
func (r *rig) quiet(sentinel string) {
	r.t.Helper()
	r.write(sentinel, time.Now().String())
	r.expect(sentinel)
}
