package scenario

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"weir/engine/config"
	"weir/engine/diag"
	"weir/engine/spec"
)

const suffix = ".test.hcl"

// Find returns the names of the test files at path, sorted: path itself, or
// those in the folder and all folders below it. Folders called testdata and
// those whose name begins with a dot are left out.
func Find(path string) ([]string, diag.List) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, diag.List{diag.Errorf("config.not_found", nil, "No such file or folder: "+path, "")}
	}
	if !st.IsDir() {
		if !strings.HasSuffix(path, suffix) {
			return nil, diag.List{diag.Errorf("test.no_tests", nil, path+" is not a test file", "The name of a test file ends in %s.", suffix)}
		}
		return []string{path}, nil
	}
	var out []string
	err = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		name := d.Name()
		switch {
		case err != nil:
			return err
		case d.IsDir() && p != path && (name == "testdata" || strings.HasPrefix(name, ".")):
			return filepath.SkipDir
		case !d.IsDir() && strings.HasSuffix(name, suffix) && !strings.HasPrefix(name, "."):
			out = append(out, p)
		}
		return nil
	})
	if err != nil {
		return nil, diag.List{diag.Errorf("config.unreadable", nil, "Cannot read "+path, "%s.", err)}
	}
	return out, nil
}

// Load reads test files and reports every problem in them. The configurations
// under test are not read yet.
func Load(names []string) (*Suite, diag.List) {
	s := &Suite{Sources: map[string][]byte{}}
	var ds diag.List
	for _, n := range names {
		l := &loader{file: &File{Name: n}, folder: filepath.Dir(n)}
		l.load()
		maps.Copy(s.Sources, l.sources)
		ds = append(ds, l.diags...)
		s.Files = append(s.Files, l.file)
	}
	return s, ds.Sort()
}

// loader reads one file of tests.
type loader struct {
	file    *File
	folder  string
	sources map[string][]byte
	scope   *hcl.EvalContext
	diags   diag.List
}

func (l *loader) add(ds ...diag.Diagnostic) { l.diags = append(l.diags, ds...) }

func (l *loader) load() {
	doc, ds := config.ReadDocument(l.file.Name, config.Inputs{Sealed: true, AllowMissing: true, Env: noEnv})
	l.add(ds...)
	l.sources = doc.Sources
	if doc.Body == nil || ds.HasErrors() {
		return
	}
	doc.Scope.Functions["csv"] = csvFunction()
	l.scope = doc.Scope
	c, hd := doc.Body.Content(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
		{Type: "locals"}, {Type: "defaults"}, {Type: "test", LabelNames: []string{"name"}}}})
	l.add(spec.FromHCL(hd)...)
	l.add(doc.Locals(c.Blocks.OfType("locals"))...)
	var base testDecl
	for i, b := range c.Blocks.OfType("defaults") {
		if i > 0 {
			l.add(diag.Errorf("config.duplicate", &b.DefRange, "Duplicate defaults block", "A file has one."))
			continue
		}
		_, ds := base.common().Decode(b.Body, l.scope)
		l.add(ds...)
	}
	seen := map[string]hcl.Range{}
	for _, b := range c.Blocks.OfType("test") {
		if first, ok := seen[b.Labels[0]]; ok {
			l.add(diag.Errorf("config.duplicate", &b.DefRange, fmt.Sprintf("Duplicate test %q", b.Labels[0]), "It is already declared at line %d.", first.Start.Line))
			continue
		}
		seen[b.Labels[0]] = b.DefRange
		l.test(b, &base)
	}
}

func (l *loader) test(b *hcl.Block, base *testDecl) {
	var d testDecl
	ranges, ds := d.declare().Decode(b.Body, l.scope)
	l.add(ds...)
	t := &Test{Name: b.Labels[0], Range: b.DefRange, ranges: ranges, Folder: l.folder, steps: d.steps, chunk: base.chunk}
	if d.chunk > 0 {
		t.chunk = d.chunk
	}
	at := base.at
	if d.atSet {
		at = d.at
	}
	if at == "" {
		at = "2024-07-01T12:00:00Z"
	}
	t.at, _ = time.Parse(time.RFC3339, at) // its form was checked
	t.vars = map[string]cty.Value{}
	for _, v := range []testDecl{*base, d} {
		if v.varsSet {
			maps.Copy(t.vars, l.values(v.vars, &b.DefRange))
		}
	}
	t.servers = slices.Clone(d.servers)
	for _, s := range base.servers {
		if !slices.ContainsFunc(d.servers, func(o *serverSpec) bool { return o.address() == s.address() }) {
			t.servers = append(t.servers, s)
		}
	}
	l.servers(t)
	if len(t.steps) == 0 && !ds.HasErrors() {
		l.add(diag.Errorf("test.no_runs", &b.DefRange, "The test runs nothing", "Add a block: run \"first poll\" { }."))
	}
	for _, s := range t.steps {
		l.step(t, s)
	}
	l.order(t)
	l.file.Tests = append(l.file.Tests, t)
}

// values takes a map of values apart.
func (l *loader) values(v cty.Value, rng *hcl.Range) map[string]cty.Value {
	out := map[string]cty.Value{}
	if v == cty.NilVal || v.IsNull() {
		return out
	}
	u, _ := v.Unmark()
	if !u.Type().IsObjectType() && !u.Type().IsMapType() {
		l.add(diag.Errorf("config.invalid_value", rng, "Invalid value for vars", "vars must be a map: { name = value }."))
		return out
	}
	for it := u.ElementIterator(); it.Next(); {
		k, e := it.Element()
		k, _ = k.Unmark()
		out[k.AsString()] = e
	}
	return out
}

func (l *loader) servers(t *Test) {
	kinds := []string{"ftp", "sftp", "rest", kindFile}
	seen := map[string]bool{}
	for _, s := range t.servers {
		switch {
		case !slices.Contains(kinds, s.kind):
			l.add(diag.Errorf("test.unknown_server", &s.rng, fmt.Sprintf("There is no server of type %q", s.kind), "%sThere is: %s.", nearKind(s.kind, kinds), strings.Join(kinds, ", ")))
		case seen[s.address()]:
			l.add(diag.Errorf("config.duplicate", &s.rng, "Duplicate server "+s.address(), "One server takes the place of a connection."))
		case s.kind == kindFile && seen[kindFile]:
			l.add(diag.Errorf("config.duplicate", &s.rng, "Another disk", "The machine has one. Write all files into one block serve \"file\"."))
		}
		seen[s.address()], seen[s.kind] = true, true
		for _, f := range s.files {
			l.path(f, s)
		}
		for _, r := range s.routes {
			l.route(s, r)
		}
		if s.like != "" && len(s.routes) > 0 {
			l.add(diag.Errorf("config.conflict", &s.routes[0].rng, "on and like exclude each other", "A server that is like a known system answers every request itself. Use fault to make it misbehave."))
		}
	}
}

// nearKind suggests a type of stand-ins.
func nearKind(kind string, kinds []string) string {
	if m := diag.Suggest(kind, kinds); m != "" {
		return fmt.Sprintf("Did you mean %q? ", m)
	}
	return ""
}

func (l *loader) path(f *fileSpec, s *serverSpec) {
	check := checkPath
	if s.kind == kindFile {
		check = checkName
	}
	if err := check(f.path); err != nil {
		l.add(diag.Errorf("config.invalid_value", &f.rng, "Invalid path", "The path %s.", err))
	}
}

func (l *loader) route(s *serverSpec, r *routeSpec) {
	if r.method == "" || !strings.HasPrefix(r.path, "/") {
		l.add(diag.Errorf("config.invalid_value", &r.rng, "Invalid request", "Write a method and a path, such as on \"POST /v1/track\"."))
	}
	env := map[string]any{"request": map[string]any{}, "n": 0}
	for _, x := range []struct {
		text spec.Text
		to   **expression
	}{{r.status, &r.statusExpr}, {r.body, &r.bodyExpr}} {
		if x.text.IsZero() {
			continue
		}
		e, ds := compile(x.text, env, false)
		l.add(ds...)
		*x.to = e
	}
}

func (l *loader) step(t *Test, r *stepSpec) {
	r.vars = l.values(r.varsRaw, &r.rng)
	for _, name := range r.deleted {
		r.edits = append(r.edits, &editSpec{kind: "delete", file: name, rng: *t.ranges.Of(&r.deleted)})
	}
	for i, name := range r.pipelines {
		r.pipelines[i] = config.Canonical(name)
	}
	for _, e := range r.edits {
		l.edit(t, e)
	}
	for _, f := range slices.Concat(r.files, r.remove) {
		if l.place(t, f); t.server(f.server) != nil {
			l.path(f, t.server(f.server))
		}
	}
	for _, f := range r.faults {
		if t.server(f.kind+"."+f.name) == nil {
			l.add(diag.Errorf("test.unknown_server", &f.rng, fmt.Sprintf("The test has no server %s.%s", f.kind, f.name), "There is: %s.", strings.Join(t.serverNames(nil), ", ")))
		}
	}
	l.expectations(t, &r.expect)
}

// place finds out which server a file block of a run means.
func (l *loader) place(t *Test, f *fileSpec) {
	names := t.serverNames(func(s *serverSpec) bool { return slices.Contains([]string{"ftp", "sftp", kindFile}, s.kind) })
	switch {
	case f.server == "" && len(names) == 1:
		f.server = names[0]
	case f.server == "":
		l.add(diag.Errorf("test.unknown_server", &f.rng, "Which server?", "The test has %d servers with files. Write server = \"TYPE.NAME\".", len(names)))
	case !slices.Contains(names, f.server):
		l.add(diag.Errorf("test.unknown_server", &f.rng, "The test has no server "+f.server+" with files", "There is: %s.", strings.Join(names, ", ")))
	}
}

// server returns the server called TYPE.NAME, nil when there is none.
func (t *Test) server(name string) *serverSpec {
	for _, s := range t.servers {
		if s.kind+"."+s.name == name {
			return s
		}
	}
	return nil
}

func (t *Test) serverNames(only func(*serverSpec) bool) []string {
	var out []string
	for _, s := range t.servers {
		if only == nil || only(s) {
			out = append(out, s.kind+"."+s.name)
		}
	}
	slices.Sort(out)
	return out
}

func cutModule(name string) (module, rest string) {
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		return name[:i+1], name[i+1:]
	}
	return "", name
}
