package file

import (
	"fmt"
	"path/filepath"

	"weir/engine/plugin"
)

// claim says who writes a target at present.
type claim struct{ place string }

// claimTarget keeps other sinks of the process from writing path meanwhile: each would
// lose what the other writes. What the folder really is counts, whatever links lead to it.
// Sinks that take another name when theirs is taken lose nothing.
func (w *writer) claimTarget(path string) error {
	w.unclaim()
	if w.sink.exists == "number" {
		return nil
	}
	dir, err := w.disk.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return fileError(err)
	}
	mine := &claim{w.place}
	v, release, err := w.host.Share("file target "+filepath.Join(dir, filepath.Base(path)), func() (any, func(), error) { return mine, func() {}, nil })
	if err != nil {
		return err
	}
	if c, ok := v.(*claim); ok && c != mine && c.place != w.place {
		release()
		return plugin.Fail(plugin.Environment, "env.target_taken", fmt.Errorf("%s is being written by %s", path, c.place),
			"Give each sink a path of its own, or let one run after the other. Nothing is lost: the next run goes on from the last commit")
	}
	w.claim = release
	return nil
}

func (w *writer) unclaim() {
	if w.claim != nil {
		w.claim()
		w.claim = nil
	}
}
