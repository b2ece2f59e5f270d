package files_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"weir/engine/plugin"
	"weir/engine/state"
)

// simulation runs a pipeline against a server on which files come and change,
// crashing at arbitrary points.
type simulation struct {
	*world
	rt        *rapid.T
	versions  int
	times     map[string]int             // row -> how often it was committed
	countdown int                        // points until the next crash; 0 is none
	away      map[string]plugin.FileInfo // files that were put away
}

// point is where a crash may happen.
func (s *simulation) point() {
	if s.countdown > 0 {
		if s.countdown--; s.countdown == 0 {
			panic(errCrash)
		}
	}
}

// content returns text that no file had before.
func (s *simulation) content() string {
	s.versions++
	var sb strings.Builder
	for i := range rapid.IntRange(0, 5).Draw(s.rt, "rows") {
		fmt.Fprintf(&sb, "v%d-%d\n", s.versions, i)
	}
	return sb.String()
}

func (s *simulation) path() string {
	return rapid.SampledFrom([]string{"/in/a.csv", "/in/b.csv", "/in/c.csv"}).Draw(s.rt, "path")
}

// upload puts a file with new content; in the stable mode it may arrive in two parts.
func (s *simulation) upload() {
	p, text := s.path(), s.content()
	if s.src.o.Ready == "now" || !rapid.Bool().Draw(s.rt, "slow") {
		s.fs.put(p, text, s.clock.now)
		return
	}
	n := rapid.IntRange(0, len(text)).Draw(s.rt, "first part")
	s.fs.put(p, text[:n], s.clock.now)
	at := s.clock.now.Add(time.Duration(rapid.IntRange(1, 29).Draw(s.rt, "after")) * time.Second)
	s.clock.events = append(s.clock.events, event{at, func() {
		if f := s.fs.files[p]; f != nil && f.text == text[:n] {
			s.fs.put(p, text, at)
		}
	}})
	slices.SortFunc(s.clock.events, func(a, b event) int { return a.at.Compare(b.at) })
}

// uploadAgain puts a file with new content under a name that is free, with the size and
// time of the one that was put away before.
func (s *simulation) uploadAgain() {
	p := s.path()
	was, ok := s.away[p]
	if s.versions++; !ok || s.fs.files[p] != nil || was.Size < 12 {
		return
	}
	name := fmt.Sprintf("v%d-", s.versions)
	s.fs.put(p, name+strings.Repeat("x", int(was.Size)-len(name)-1)+"\n", was.ModTime)
}

// touch gives a file a new time and the same content.
func (s *simulation) touch() {
	p := s.path()
	f := s.fs.files[p]
	for _, l := range s.ledger() {
		if s.src.local && strings.HasPrefix(l, p+" reading") {
			return // what was read in part and in place has no hash yet
		}
	}
	if f != nil {
		f.at = s.clock.now
	}
}

func (s *simulation) pause(d time.Duration) { _ = s.clock.Sleep(s.t.Context(), d) }

// acknowledged checks, when a file is moved away or deleted, that all of it is
// committed (I1).
func (s *simulation) acknowledged(op, p string) {
	if f := s.fs.files[p]; f != nil && (op == "rename" || op == "remove") {
		for row := range strings.Lines(f.text) {
			if s.times[strings.TrimSpace(row)] == 0 {
				s.rt.Fatalf("%s of %s before row %s is committed", op, p, row)
			}
		}
		s.point()
		s.away[p] = s.fs.info(p)
		return
	}
	s.point()
}

// oneRun runs the pipeline until its end or a crash.
func (s *simulation) oneRun(chunk int) {
	defer func() {
		if e := recover(); e != nil && e != any(errCrash) {
			panic(e)
		}
		s.countdown, s.fs.reading = 0, 0
		s.restart()
	}()
	r := s.begin()
	for {
		f, err := r.set.Next(s.t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			s.rt.Fatal(err)
		}
		for more := true; more; {
			more = r.read(f, chunk)
			s.point()
			s.commitRows(r)
			s.point()
			if err := r.set.AfterCommit(s.t.Context()); err != nil {
				s.rt.Fatal(err)
			}
			s.point()
		}
	}
	s.commitRows(r)
	if err := r.set.AfterCommit(s.t.Context()); err != nil {
		s.rt.Fatal(err)
	}
}

func (s *simulation) commitRows(r *run) {
	rows := r.rows
	r.commit()
	for _, row := range rows {
		_, name, _ := strings.Cut(row, ":")
		if s.times[name]++; s.times[name] > 1 {
			s.rt.Fatalf("row %s was committed twice", row)
		}
	}
}

// check asserts that nothing on the server is lost, once all is quiet.
func (s *simulation) check() {
	for p, f := range s.fs.files {
		for row := range strings.Lines(f.text) {
			if s.times[strings.TrimSpace(row)] != 1 {
				s.rt.Fatalf("row %s of %s was committed %d times; ledger %q", row, p, s.times[strings.TrimSpace(row)], s.ledger())
			}
		}
	}
	es, err := s.store.Files("p", false)
	if err != nil {
		s.rt.Fatal(err)
	}
	for _, e := range es {
		if e.State != state.FileCommitted && e.State != state.FileArchived && s.fs.files[e.Path] != nil {
			s.rt.Fatalf("%s is %s in the end", e.Path, e.State)
		}
	}
}

// TestNothingLostNothingTwice (I1, I7): whatever is uploaded, replaced, touched
// or taken away, and wherever the process is killed, each row of a file that stays
// is committed exactly once, and no file is moved or deleted before it is read.
func TestNothingLostNothingTwice(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, plugin.FileOptions{
			Ready: rapid.SampledFrom([]string{"now", "stable 30s"}).Draw(rt, "ready"),
			After: rapid.SampledFrom([]string{"keep", "delete", "move /in/old"}).Draw(rt, "after"),
			Limit: rapid.SampledFrom([]int{0, 1}).Draw(rt, "limit"),
		})
		w.src.local = rapid.Bool().Draw(rt, "local")
		s := &simulation{world: w, rt: rt, times: map[string]int{}, away: map[string]plugin.FileInfo{}}
		w.fs.before = s.acknowledged
		rt.Repeat(map[string]func(*rapid.T){
			"upload":    func(*rapid.T) { s.upload() },
			"touch":     func(*rapid.T) { s.touch() },
			"again":     func(*rapid.T) { s.uploadAgain() },
			"take away": func(*rapid.T) { delete(w.fs.files, s.path()) },
			"wait":      func(rt *rapid.T) { s.pause(time.Duration(rapid.IntRange(1, 60).Draw(rt, "seconds")) * time.Second) },
			"run": func(rt *rapid.T) {
				s.pause(time.Second)
				if !w.src.local && rapid.Bool().Draw(rt, "cut") {
					w.fs.cut = []int{rapid.IntRange(0, 20).Draw(rt, "at")}
				}
				s.countdown = rapid.IntRange(0, 40).Draw(rt, "crash")
				s.oneRun(rapid.IntRange(1, 4).Draw(rt, "chunk"))
			},
		})
		w.fs.cut = nil
		for range 4 { // limit = 1 needs one run for each file
			s.pause(time.Hour)
			s.oneRun(-1)
		}
		s.check()
	})
}
