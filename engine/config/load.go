package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"weir/engine/diag"
	"weir/engine/spec"
)

// Limits on modules: how deep they may contain each other, and how many there
// may be. A few that each contain the next twice would be a million.
const (
	maxModules   = 16
	maxInstances = 10_000
)

type loader struct {
	snap  *Snapshot
	in    Inputs
	to    Follower
	diags diag.List
	at    []string // the instance of a module that each of diags was found in
	where string   // the one that is being loaded
	all   []*Module

	faults Faults

	spent   bool // the values are too large, and it was said
	crowded bool // there are too many modules, and it was said
	left    bool // the follower wants no more
}

// add reports ds; that the values become too large is said once.
func (l *loader) add(ds ...diag.Diagnostic) {
	for _, d := range ds {
		if d.Summary == spec.TooLarge {
			if l.spent {
				continue
			}
			l.spent = true
		}
		l.diags, l.at = append(l.diags, d), append(l.at, l.where)
	}
}

// Load reads the configuration at path, a folder or one file, and everything it
// refers to. All problems found are reported together; the Config is usable for
// further checks even when there are some, and nil when there is nothing to check.
func Load(path string, in Inputs) (*Config, diag.List) { return LoadTo(path, in, alone{}) }

// Follower is told of modules as they are loaded, so that what was parsed of one can
// be dropped before the next is parsed. Its methods are called by the goroutine that loads.
type Follower interface {
	// Module is called when all of m is known but the modules inside it, which come
	// after it, and the errors that concern m are in f. It reports false when the rest
	// need not be loaded.
	Module(m *Module, f *Faults) bool
	// Settled reports whether the blocks of m need not be decoded again, neither now
	// nor by a load that takes m over; see Cache. Module was called for m and those inside it.
	Settled(m *Module) bool
}

// alone is the follower of who looks at the whole.
type alone struct{}

func (alone) Module(*Module, *Faults) bool { return true }
func (alone) Settled(*Module) bool         { return false }

// LoadTo is Load with a follower. Of modules that are settled nothing that was parsed
// is kept when there is a cache. What it returns is incomplete when the follower said so.
func LoadTo(path string, in Inputs, to Follower) (*Config, diag.List) {
	l := &loader{snap: newSnapshot(), in: in, to: to, faults: newFaults()}
	l.snap.edited, l.snap.had = in.Edited, in.Had
	return l.load(path)
}

func (l *loader) load(path string) (*Config, diag.List) {
	in := l.in
	defer l.snap.noneAhead()
	var loaded *Config
	end := in.Cache.begin(l.snap)
	defer func() { end(loaded) }()
	files, dir := []string{path}, filepath.Dir(path)
	if st, err := os.Stat(path); err != nil {
		return nil, diag.List{diag.Errorf("config.not_found", nil, "No such file or folder: "+path, "")}
	} else if st.IsDir() {
		files, dir = l.snap.files(path, isSource), path
		if len(files) == 0 {
			return nil, diag.List{diag.Errorf("config.empty", nil, "No configuration in "+path, "The folder holds no file ending in .hcl.")}
		}
	}
	l.snap.root = dir
	root := l.module(nil, "", dir, files, nil, nil, []string{canonical(dir)})
	l.snap.vars = root.Vars
	c := &Config{Root: root, Modules: l.all, Snapshot: l.snap, Faults: l.faults}
	l.snap.forgetShed()
	if !l.stopped() {
		loaded = c
	}
	return c, append(l.diags.Merge(l.at), l.snap.empty()...)
}

// stopped reports whether the rest is left out.
func (l *loader) stopped() bool { return l.left || l.in.stopped() }

// follow tells the follower of a module.
func (l *loader) follow(m *Module) {
	if !l.left && !l.to.Module(m, &l.faults) {
		l.left = true
	}
}

func canonical(dir string) string {
	if p, err := filepath.EvalSymlinks(dir); err == nil {
		dir = p
	}
	if p, err := filepath.Abs(dir); err == nil {
		dir = p
	}
	return dir
}

func topLevelSchema() *hcl.BodySchema {
	one := []string{"name"}
	return &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
		{Type: "variable", LabelNames: one}, {Type: "locals"}, {Type: "connection", LabelNames: []string{"type", "name"}},
		{Type: "schema", LabelNames: one}, {Type: "entity", LabelNames: one}, {Type: "mapping", LabelNames: one},
		{Type: "pipeline", LabelNames: one}, {Type: "module", LabelNames: one}, {Type: "engine"},
	}}
}

// module loads one instance. outer has the module block at call, which gives args;
// all are nil for the root. parents are the folders that lead here.
func (l *loader) module(outer *Module, addr, dir string, files []string, args map[string]given, call *hcl.Range, parents []string) *Module {
	m := &Module{Address: addr, Dir: dir, names: map[string]hcl.Range{}, reads: newReads()}
	first := len(l.diags)
	defer func() {
		l.remember(m, files, args, first)
		l.shed(m)
	}()
	if outer != nil {
		outer.inner = append(outer.inner, m)
		m.Calls = append(slices.Clone(outer.Calls), call.Filename)
	}
	l.all = append(l.all, m)
	blocks := l.blocks(files)
	before := len(l.diags)
	base := &hcl.EvalContext{Functions: functions(dir, l.snap, l.in, m.reads), Variables: map[string]cty.Value{}}

	vars := map[string]*variable{}
	for _, b := range blocks["variable"] {
		if !l.declare(m, "variable."+b.Labels[0], b) {
			continue
		}
		v, ds := decodeVariable(b, base)
		l.add(ds...)
		vars[v.name] = v
	}
	if call == nil {
		args = l.outside(dir, vars)
	} else {
		for _, n := range sortedKeys(args) {
			if vars[n] == nil {
				l.unknownVariable(n, vars, args[n].rng, "module "+addr)
			}
		}
	}
	m.Vars = l.resolve(vars, args, call)
	base.Variables["var"] = cty.ObjectVal(m.Vars)
	l.validate(vars, m.Vars, base)
	l.locals(m, blocks["locals"], base)
	m.Scope = base
	if ds := l.since(before); len(ds) > 0 {
		l.faults.Modules[addr] = ds
	}
	l.named(m, blocks)
	for _, b := range blocks["pipeline"] {
		if l.declare(m, "pipeline."+b.Labels[0], b) {
			l.pipelines(m, b)
		}
	}
	for i, b := range blocks["engine"] {
		if i > 0 || addr != "" {
			l.add(diag.Errorf("config.duplicate", &b.DefRange, "Unexpected engine block", "There is one engine block, in the top folder."))
			continue
		}
		m.Engine = newBlock(m, b)
	}
	calls := slices.DeleteFunc(blocks["module"], func(b *hcl.Block) bool { return !l.declare(m, "module."+b.Labels[0], b) })
	l.follow(m)
	l.modules(m, calls, parents)
	return m
}

// modules follows the module blocks of m.
func (l *loader) modules(m *Module, blocks []*hcl.Block, parents []string) {
	l.expect(m, blocks)
	for _, b := range blocks {
		if l.stopped() {
			return
		}
		l.call(m, b, parents)
	}
}

func (l *loader) blocks(files []string) map[string][]*hcl.Block {
	out := map[string][]*hcl.Block{}
	l.snap.ahead(files)
	for _, name := range files {
		if l.stopped() {
			return out
		}
		before := len(l.diags)
		l.fileBlocks(name, out)
		if ds := l.since(before); len(ds) > 0 {
			l.faults.Files[name] = ds
		}
	}
	return out
}

func (l *loader) fileBlocks(name string, out map[string][]*hcl.Block) {
	f, ds := l.snap.parse(name)
	l.add(ds...)
	if f == nil {
		return
	}
	c, hd := f.Body.Content(topLevelSchema())
	if !ds.HasErrors() { // after a syntax error the structure is a guess
		l.add(spec.FromHCL(hd)...)
	}
	for _, b := range c.Blocks {
		if ok := len(b.Labels) == 0 || l.labels(b); ok {
			out[b.Type] = append(out[b.Type], b)
		}
	}
}

func (l *loader) labels(b *hcl.Block) bool {
	for i, s := range b.Labels {
		if !validName(s) {
			l.add(diag.Errorf("config.invalid_name", &b.LabelRanges[i], fmt.Sprintf("Invalid name %q", s),
				"A name starts with a letter and has letters, digits, _ and - in it, 64 at most."))
			return false
		}
	}
	return true
}

func validName(s string) bool {
	for i, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r != '_' && r != '-' && (r < '0' || r > '9')) {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

func (l *loader) declare(m *Module, name string, b *hcl.Block) bool {
	if first, ok := m.names[name]; ok {
		d := diag.Errorf("config.duplicate", &b.DefRange, "Duplicate "+b.Type+` "`+strings.Join(b.Labels, `" "`)+`"`,
			"It is already declared at %s:%d.", first.Filename, first.Start.Line)
		l.add(d)
		for _, f := range []string{first.Filename, b.DefRange.Filename} { // which of the two counts is not for us to choose
			l.faults.Files[f] = append(l.faults.Files[f], d)
		}
		return false
	}
	m.names[name] = b.DefRange
	return true
}

func newBlock(m *Module, b *hcl.Block) *Block {
	return &Block{Type: b.Type, Labels: b.Labels, Name: strings.Join(b.Labels, "."), Body: b.Body, Header: b.DefRange, Module: m}
}

// named collects the blocks that others refer to and puts their references in scope.
func (l *loader) named(m *Module, blocks map[string][]*hcl.Block) {
	for _, typ := range []string{"connection", "schema", "entity", "mapping"} {
		tree := map[string]map[string]cty.Value{}
		flat := map[string]cty.Value{}
		for _, hb := range blocks[typ] {
			name := strings.Join(hb.Labels, ".")
			if !l.declare(m, typ+"."+name, hb) {
				continue
			}
			b := newBlock(m, hb)
			b.Ref = &spec.Ref{Kind: typ, Module: m.Address, Name: name}
			v := cty.CapsuleVal(spec.RefType, b.Ref)
			if typ == "connection" {
				if tree[hb.Labels[0]] == nil {
					tree[hb.Labels[0]] = map[string]cty.Value{}
				}
				tree[hb.Labels[0]][hb.Labels[1]] = v
			} else {
				flat[name] = v
			}
			switch typ {
			case "connection":
				m.Connections = append(m.Connections, b)
			case "schema":
				m.Schemas = append(m.Schemas, b)
			case "entity":
				m.Entities = append(m.Entities, b)
			case "mapping":
				m.Mappings = append(m.Mappings, b)
			}
		}
		for k, sub := range tree {
			flat[k] = cty.ObjectVal(sub)
		}
		m.Scope.Variables[typ] = cty.ObjectVal(flat)
	}
}

// mayInclude reports whether the module in dir, whose canonical name is here, may
// be loaded at this place, and says why not.
func (l *loader) mayInclude(dir, here string, parents []string, rng hcl.Range) bool {
	switch {
	case slices.Contains(parents, here):
		l.add(diag.Errorf("config.module_cycle", &rng, "The module includes itself", "%s is already being loaded: %s.", dir, strings.Join(append(parents, here), " -> ")))
		return false
	case len(parents) > maxModules:
		l.add(diag.Errorf("config.too_deep", &rng, "Modules are nested too deeply", "Modules may contain each other %d deep: %s.", maxModules, strings.Join(append(parents, here), " -> ")))
		return false
	case len(l.all) >= maxInstances:
		if !l.crowded {
			l.add(diag.Errorf("config.too_large", &rng, "There are too many modules", "At most %d may be instantiated, those inside of modules included.", maxInstances))
		}
		l.crowded = true
		return false
	}
	return true
}
