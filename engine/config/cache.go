package config

import (
	"bytes"
	"maps"
	"path/filepath"
	"slices"
	"sync"

	"github.com/hashicorp/hcl/v2"

	"weir/engine/diag"
)

// Cache keeps what one Load of a folder found for the next one: files that did not
// change are not parsed again, and modules of which nothing changed, neither
// files nor arguments nor what they read, are taken over as they are. What Load
// returns is the same as without it. It may be used by one Load at a time, which
// Load sees to; what was taken over is shared by the configurations.
type Cache struct {
	mu      sync.Mutex
	files   map[string]parsedFile
	modules map[string]*Module // by address; only those without diagnostics
	budget  *budget
}

// parsedFile is a file without problems.
type parsedFile struct {
	src  []byte
	file *hcl.File
}

// NewCache returns an empty cache.
func NewCache() *Cache {
	return &Cache{files: map[string]parsedFile{}, modules: map[string]*Module{}, budget: &budget{}}
}

// begin makes s use the cache. The result ends that, and keeps c, nil when the load was cut short.
func (k *Cache) begin(s *Snapshot) (end func(c *Config)) {
	if k == nil {
		return func(*Config) {}
	}
	k.mu.Lock()
	*k.budget = budget{left: maxValues}
	s.cache, s.budget = k, k.budget
	return func(c *Config) {
		defer k.mu.Unlock()
		if c == nil {
			return
		}
		files := make(map[string]parsedFile, len(s.clean))
		for name, f := range s.clean {
			files[name] = parsedFile{s.Sources[name], f}
		}
		modules := make(map[string]*Module, len(c.Modules))
		for _, m := range c.Modules {
			if m.clean {
				modules[m.Address] = m
			}
		}
		k.files, k.modules = files, modules
	}
}

// known returns the parsed form of a file with this content, nil when it is not known.
func (k *Cache) known(name string, src []byte) *hcl.File {
	if k == nil {
		return nil
	}
	if f, ok := k.files[name]; ok && bytes.Equal(f.src, src) {
		return f.file
	}
	return nil
}

// shed drops what was parsed of a module that need not be decoded again, which is
// most of the memory that a configuration takes. When such a module must be decoded
// after all, Clear the cache and load again.
func (l *loader) shed(m *Module) {
	if l.snap.cache == nil || m.Address == "" || m.shed || !m.clean || l.left || !l.to.Settled(m) {
		return
	}
	m.shed, m.Scope, m.names = true, nil, nil
	for _, list := range [][]*Block{m.Connections, m.Schemas, m.Entities, m.Mappings, m.Pipelines} {
		for _, b := range list {
			b.Body, b.scope = nil, nil
		}
	}
	for _, name := range m.files {
		l.snap.shedFile(name)
	}
}

// maxShed is the size of the files whose parsed form is kept a while although the
// modules that had them are shed: another instance of the same folder may come.
const maxShed = 256 << 10

// shedFile drops the parsed form of a file, after others that came before it.
func (s *Snapshot) shedFile(name string) {
	if i := slices.Index(s.shed, name); i >= 0 { // the latest last
		s.shed = append(slices.Delete(s.shed, i, i+1), name)
		return
	}
	s.shed = append(s.shed, name)
	s.shedSize += len(s.Sources[name])
	for s.shedSize > maxShed && len(s.shed) > 1 {
		s.dropShed()
	}
}

// dropShed drops the parsed form of the file that was shed first.
func (s *Snapshot) dropShed() {
	name := s.shed[0]
	s.shed = slices.Delete(s.shed, 0, 1)
	s.shedSize -= len(s.Sources[name])
	delete(s.parsed, name)
	delete(s.clean, name)
}

// forgetShed drops the parsed form of all files that were shed.
func (s *Snapshot) forgetShed() {
	for len(s.shed) > 0 {
		s.dropShed()
	}
}

// Clear makes the next Load begin afresh.
func (k *Cache) Clear() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.files, k.modules = map[string]parsedFile{}, map[string]*Module{}
}

// Shed reports that the blocks of m cannot be decoded any more: they were, and what
// was parsed of them was dropped, see Follower.
func (m *Module) Shed() bool { return m.shed }

// reads is what the expressions of a module looked at besides its files.
type reads struct {
	env, secretEnv map[string]envValue
	others         map[string][]byte // by absolute or relative name, as in Snapshot.Others
	shown          map[string]bool
}

func newReads() *reads {
	return &reads{env: map[string]envValue{}, secretEnv: map[string]envValue{}, others: map[string][]byte{}, shown: map[string]bool{}}
}

// fileName is the name of a file that a module in dir reads.
func fileName(dir, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(dir, name)
}

// reuse returns the module that a call makes when it is the one that an earlier
// load made, nil when it must be loaded.
func (l *loader) reuse(outer *Module, addr, dir string, files []string, args map[string]given, call hcl.Range) *Module {
	if l.snap.cache == nil {
		return nil
	}
	old := l.snap.cache.modules[addr]
	if old == nil || old.Dir != dir || !slices.Equal(old.Calls, append(slices.Clone(outer.Calls), call.Filename)) || len(old.args) != len(args) {
		return nil
	}
	for n, g := range args {
		o, ok := old.args[n]
		if !ok || !sameArg(g.val, o.val) {
			return nil
		}
	}
	if !l.same(old, files) {
		return nil
	}
	return old
}

// same reports whether a module and those inside it would be loaded alike now.
func (l *loader) same(m *Module, files []string) bool {
	if !m.clean || !slices.Equal(m.files, files) {
		return false
	}
	for i, name := range files {
		if !l.snap.still(name, m.sources[i]) {
			return false
		}
	}
	r := m.reads
	for name, v := range r.env {
		if now, ok := l.in.env(name); v != (envValue{now, ok}) {
			return false
		}
	}
	for name, v := range r.secretEnv {
		if now, ok := l.in.env(name); v != (envValue{now, ok}) {
			return false
		}
	}
	for name, b := range r.others {
		if now, err := l.snap.readOther("", name); err != nil || !bytes.Equal(now, b) {
			return false
		}
	}
	for _, sub := range m.inner {
		if !l.same(sub, l.snap.files(sub.Dir, isSource)) {
			return false
		}
	}
	return true
}

// adopt takes a module and those inside it over from an earlier load.
func (l *loader) adopt(m *Module) {
	l.all = append(l.all, m)
	l.follow(m)
	maps.Copy(l.snap.env, m.reads.env)
	maps.Copy(l.snap.secretEnv, m.reads.secretEnv)
	for name := range m.reads.shown {
		l.snap.shown[name] = true
	}
	for _, sub := range m.inner {
		l.adopt(sub)
	}
}

// quiet reports whether nothing was reported after the first n diagnostics.
func (l *loader) quiet(n int) bool { return len(l.diags) == n }

// remember notes what a module was made from.
func (l *loader) remember(m *Module, files []string, args map[string]given, first int) {
	m.files, m.args, m.clean = files, args, l.quiet(first)
	for _, name := range files {
		m.sources = append(m.sources, l.snap.Sources[name])
	}
}

// keepClean notes a file that was parsed without problems.
func (s *Snapshot) keepClean(name string, f *hcl.File, ds diag.List) {
	if s.cache != nil && len(ds) == 0 {
		s.clean[name] = f
	}
}
