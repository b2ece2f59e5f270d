package config

import (
	"bytes"
	"io/fs"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"weir/engine/diag"
)

// early reads and parses files before the loader comes to them, in goroutines of its
// own. What it finds has no part in the configuration before the loader asks for
// it, in its own order, so that a configuration is the same with and without.
type early struct {
	budget *budget
	edited edits
	room   chan struct{} // a token for each file that was read and not asked for yet
	quit   chan struct{}
	wg     sync.WaitGroup

	mu    sync.Mutex
	next  []string // that nobody took yet, in order
	files map[string]*earlyFile
}

// earlyFile is a file that was taken.
type earlyFile struct {
	done chan struct{} // closed when the rest is there
	used bool          // the loader asked for it

	src    []byte
	info   fs.FileInfo
	read   diag.List
	file   *hcl.File
	syntax diag.List
}

// earlyFiles is how many files may wait to be asked for: the trees of all together
// take more memory than what becomes of them.
const earlyFiles = 32

// ahead makes files that will be asked for be read in the meantime. It does nothing
// when most of them are known.
func (s *Snapshot) ahead(names []string) {
	if len(names) < 2 || s.inTurn || s.warm() {
		return
	}
	if s.early == nil {
		s.early = &early{budget: s.budget, edited: s.edited, room: make(chan struct{}, earlyFiles), quit: make(chan struct{}), files: map[string]*earlyFile{}}
	}
	e := s.early
	e.mu.Lock()
	var fresh []string
	for _, name := range names {
		if s.Sources[name] == nil && e.files[name] == nil {
			fresh = append(fresh, name)
		}
	}
	first := len(e.next) == 0
	e.next = append(fresh, e.next...) // what is inside a module comes before its neighbours
	e.mu.Unlock()
	if !first {
		return
	}
	for range runtime.GOMAXPROCS(0) {
		e.wg.Go(e.work)
	}
}

// warm reports that most files are known from an earlier load.
func (s *Snapshot) warm() bool { return s.cache != nil && len(s.cache.modules) > 0 }

// noneAhead ends what ahead began.
func (s *Snapshot) noneAhead() {
	if s.early != nil {
		close(s.early.quit)
		s.early.wg.Wait()
		s.early = nil
	}
}

// work reads files until there are no more.
func (e *early) work() {
	for {
		select {
		case e.room <- struct{}{}:
		case <-e.quit:
			return
		}
		name, f := e.take()
		if f == nil {
			<-e.room
			return
		}
		f.src, f.info, f.read = e.edited.readLimited(name)
		if f.read == nil {
			f.file, f.syntax = parseSource(name, f.src, e.budget)
		}
		close(f.done)
	}
}

// take returns the next file that nobody took, nil when there is none.
func (e *early) take() (string, *earlyFile) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for len(e.next) > 0 {
		name := e.next[0]
		e.next = e.next[1:]
		if e.files[name] == nil {
			f := &earlyFile{done: make(chan struct{})}
			e.files[name] = f
			return name, f
		}
	}
	return "", nil
}

// get waits for a file that somebody took; nil when nobody did, and will.
func (e *early) get(name string) *earlyFile {
	if e == nil {
		return nil
	}
	e.mu.Lock()
	f := e.files[name]
	if f == nil {
		e.files[name] = &earlyFile{used: true} // the loader does it itself
	}
	e.mu.Unlock()
	if f == nil || f.done == nil {
		return nil
	}
	<-f.done
	if !f.used {
		f.used = true
		<-e.room
	}
	return f
}

// read returns what reading a file came to; ok is false when it was not read ahead.
func (e *early) read(name string) (src []byte, info fs.FileInfo, ds diag.List, ok bool) {
	f := e.get(name)
	if f == nil {
		return nil, nil, nil, false
	}
	return f.src, f.info, f.read, true
}

// parsed returns, once, the parsed form of a file that holds src; ok is false when it
// was not parsed ahead.
func (e *early) parsed(name string, src []byte) (file *hcl.File, ds diag.List, ok bool) {
	f := e.get(name)
	if f == nil || f.file == nil && f.syntax == nil || !bytes.Equal(f.src, src) {
		return nil, nil, false
	}
	file, ds = f.file, f.syntax
	f.file, f.syntax, f.src = nil, nil, nil
	return file, ds, true
}

// expect reads ahead what module blocks of m lead to, as far as that can be told
// without evaluating anything.
func (l *loader) expect(m *Module, blocks []*hcl.Block) {
	if len(blocks) < 2 || l.snap.warm() {
		return
	}
	var names []string
	for _, b := range blocks {
		attrs, _ := b.Body.JustAttributes() // what is wrong is said when the block is followed
		a := attrs["source"]
		if a == nil {
			continue
		}
		if t, ok := a.Expr.(*hclsyntax.TemplateExpr); ok && t.IsStringLiteral() {
			v, _ := t.Value(nil)
			u, _ := v.Unmark()
			names = append(names, l.snap.files(filepath.Join(m.Dir, u.AsString()), isSource)...)
		}
	}
	l.snap.ahead(names)
}
