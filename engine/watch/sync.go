package watch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"syscall"
	"time"

	"go.uber.org/zap"
)

const defaultPoll = 5 * time.Second

// watched is a folder that notifies.
type watched struct {
	info   fs.FileInfo // the folder that had the name when it was added
	remote string      // its file system, where that does not tell of all changes
}

// problem says why notifications do not suffice.
type problem struct {
	text    string // of the first folder; empty: they do
	folder  string
	folders int // that have one
}

func (p *problem) add(dir, text string) {
	if p.folders++; p.folders == 1 {
		p.text, p.folder = text, dir
	}
}

// open begins to receive notifications.
func (l *loop) open() {
	l.n, l.openErr = l.w.o.open()
	if l.openErr == nil {
		n := l.n
		l.tasks.Go(func() { n.pump(l.w.in) })
		return
	}
	l.n = nil
	if errors.Is(l.openErr, syscall.EMFILE) || errors.Is(l.openErr, syscall.ENFILE) {
		l.openErr = errors.New("there are too many watchers or open files: raise fs.inotify.max_user_instances with sysctl, or the limit of open files")
	}
}

// sync watches the folders of s and no others, and finds out whether that is
// enough. again reports that a folder was added, and should be looked at again.
func (l *loop) sync(s *survey) (again bool) {
	l.problem = problem{}
	if l.n == nil {
		l.problem.add("", l.openErr.Error())
		return false
	}
	live := map[string]bool{} // what the notifier dropped, because it was moved or deleted, is not
	for _, dir := range l.n.list() {
		if s.folders[dir] != nil {
			live[dir] = true
			continue
		}
		l.remove(dir)
	}
	full := false
	for _, dir := range byNeed(s.folders) {
		f := s.folders[dir]
		if rec := l.watched[dir]; !live[dir] || !sameFolder(rec.info, f.info) {
			if live[dir] { // the one of this name went elsewhere, and is watched there
				l.remove(dir)
			}
			var added bool
			if added, full = l.add(dir, f, full); !added {
				continue
			}
			again = true
		}
		if rec := l.watched[dir]; f.near && rec.remote != "" {
			l.problem.add(dir, "file systems of type "+rec.remote+" do not tell of changes that are made elsewhere")
		}
	}
	return again
}

func sameFolder(a, b fs.FileInfo) bool { return a != nil && b != nil && os.SameFile(a, b) }

func (l *loop) remove(dir string) {
	_ = l.n.remove(dir) // the error is that it was not watched
	delete(l.watched, dir)
}

// add watches one folder, unless the limit of the system is reached. A folder
// that is merely on the way may be refused: the rescan sees what happens in it.
func (l *loop) add(dir string, f *folder, full bool) (added, nowFull bool) {
	var err error
	if full {
		err = syscall.ENOSPC
	} else {
		err = l.n.add(dir)
	}
	switch {
	case err == nil:
		l.watched[dir] = watched{f.info, l.w.o.remote(dir)}
		return true, false
	case errors.Is(err, syscall.ENOSPC):
		full = true
		err = errors.New("the limit of watched folders is reached: raise fs.inotify.max_user_watches with sysctl")
	case errors.Is(err, fs.ErrNotExist): // gone since; the next look is without it
		return false, full
	}
	if f.near {
		l.problem.add(dir, err.Error())
	}
	return false, full
}

// byNeed are the folders, those that hold what matters first.
func byNeed(folders map[string]*folder) []string {
	return slices.SortedFunc(maps.Keys(folders), func(a, b string) int {
		if x, y := folders[a].near, folders[b].near; x != y {
			if x {
				return -1
			}
			return 1
		}
		if a < b {
			return -1
		}
		return 1
	})
}

// report begins or ends polling as notifications need it, and says so once.
func (l *loop) report(ctx context.Context) {
	every, why := l.w.o.Poll, ""
	switch {
	case every > 0:
		why = "the option asks for it"
	case l.problem.folders > 0:
		every, why = defaultPoll, l.problem.text
		if l.problem.folder != "" {
			why = fmt.Sprintf("%s: %s", l.problem.folder, why)
		}
	}
	l.w.mu.Lock()
	l.w.status = Status{Folders: len(l.watched), Polling: why}
	l.w.mu.Unlock()
	switch {
	case why != "" && l.stopPoll == nil:
		var pctx context.Context
		pctx, l.stopPoll = context.WithCancel(ctx)
		l.every(pctx, every, l.w.poll)
		l.w.o.Log.Warn("configuration folders are looked at again and again, because notifications do not suffice", zap.Duration("every", every),
			zap.String("reason", why), zap.Int("folders", l.problem.folders))
	case why == "" && l.stopPoll != nil:
		l.stopPoll()
		l.stopPoll = nil
		l.w.o.Log.Info("notifications suffice again for configuration folders")
	}
}
