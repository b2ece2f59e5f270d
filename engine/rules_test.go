package engine_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The rules of the house that a linter does not know. Each failure says what
// is wrong where; a rule that stands in the way of something better is changed
// here, with the reason in the commit.

const (
	top    = ".." // of the project, seen from this package
	module = "weir/"
)

// importRule says what a package may import. Patterns are those of path.Match,
// of paths within the project.
type importRule struct {
	pkg     string
	project []string
	// outside lists modules allowed besides the standard library; nil leaves them free.
	outside []string
}

func importRules() []importRule {
	stdOnly := []string{}
	surface := []string{"engine/plugin", "engine/plugin/stall", "engine/plugin/remote", "engine/record", "engine/spec", "engine/diag",
		"engine/columns", "engine/bytestream", "engine/datetime"}
	return []importRule{
		{"engine/diag", nil, []string{"github.com/hashicorp/hcl/v2"}},
		{"engine/record", nil, stdOnly},
		{"engine/graph", nil, stdOnly},
		{"engine/share", nil, stdOnly},
		{"engine/spec", []string{"engine/diag"}, []string{"github.com/hashicorp/hcl/v2", "github.com/zclconf/go-cty"}},
		{"engine/plugin", []string{"engine/diag", "engine/record", "engine/spec"}, nil},
		{"engine/plugin/stall", nil, stdOnly},
		{"engine/plugin/remote", []string{"engine/plugin", "engine/plugin/stall", "engine/diag", "engine/spec", "engine/record"}, nil},
		{"engine/plugin/plugintest", surface, nil},
		{"engine/datetime", []string{"engine/record"}, stdOnly},
		{"engine/columns", []string{"engine/datetime", "engine/diag", "engine/record", "engine/spec"}, nil},
		{"engine/bytestream", []string{"engine/diag", "engine/plugin", "engine/spec"}, nil},
		{"engine/function", []string{"engine/datetime", "engine/record"}, nil},
		{"engine/compute", []string{"engine/diag", "engine/function", "engine/plugin", "engine/record", "engine/spec"}, nil},
		{"engine/config", []string{"engine/diag", "engine/spec"}, nil},
		{"engine/identity", []string{"engine/diag", "engine/spec", "engine/record"}, nil},
		{"engine/step", []string{"engine/diag", "engine/identity", "engine/plugin", "engine/record", "engine/spec"}, nil},
		{"engine/watch", nil, []string{"github.com/fsnotify/fsnotify", "go.uber.org/zap"}},
		{"engine/plan", []string{"engine/compute", "engine/config", "engine/diag", "engine/graph", "engine/identity", "engine/plugin",
			"engine/record", "engine/schedule", "engine/spec", "engine/step"}, nil},
		{"engine/schedule", []string{"engine/spec"}, []string{"github.com/netresearch/go-cron"}},
		{"engine/sample", []string{"engine/bytestream", "engine/columns", "engine/record", "engine/spec"}, stdOnly},
		{"engine/reference", []string{"engine/diag", "engine/function", "engine/identity", "engine/plan", "engine/plugin", "engine/spec", "engine/step"}, stdOnly},
		{"engine/explain", []string{"engine/plan", "engine/plugin", "engine/step", "engine/spec"}, stdOnly},
		{"engine/state", []string{"engine/plugin", "engine/record", "engine/diag", "engine/state/*", "engine/state/pebblekv/salvage"}, nil},
		{"engine/state/pebblekv/salvage", nil, []string{"github.com/cockroachdb/pebble/v2"}},
		{"engine/state/pebblekv", []string{"engine/plugin", "engine/diag", "engine/state/kv", "engine/state/pebblekv/salvage"}, nil},
		{"engine/state/overlaykv", []string{"engine/state/kv", "engine/state/memkv"}, nil},
		{"engine/state/*", []string{"engine/plugin", "engine/diag", "engine/state/kv"}, nil},
		{"engine/files", []string{"engine/diag", "engine/plugin", "engine/record", "engine/spec", "engine/state", "engine/plan"}, nil},
		{"engine/exec", []string{"engine/bytestream", "engine/compute", "engine/diag", "engine/files", "engine/identity", "engine/plan", "engine/plugin",
			"engine/record", "engine/share", "engine/spec", "engine/state", "engine/step"}, nil},
		{"engine/testkit/*", append([]string{"engine/testkit/*"}, surface...), nil},
		{"engine/lineage", []string{"engine/diag", "engine/identity", "engine/plan", "engine/state"}, nil},
		{"engine/serve", []string{"engine", "engine/config", "engine/diag", "engine/exec", "engine/files", "engine/lineage", "engine/plan", "engine/plugin",
			"engine/schedule", "engine/state", "engine/state/memkv"}, nil},
		{"engine/api", []string{"engine", "engine/config", "engine/spec", "engine/diag", "engine/plan", "engine/plugin", "engine/serve", "engine/state"}, nil},
		{"engine/scenario", []string{"engine", "engine/config", "engine/diag", "engine/function", "engine/plan", "engine/plugin", "engine/record", "engine/serve", "engine/spec",
			"engine/state", "engine/testkit/*"}, nil},
		{"engine", []string{"engine/*", "engine/state/*"}, nil},
		{"plugins/all", []string{"plugins/*", "engine/plugin"}, nil},
		{"plugins/*", surface, nil},
		{"pipelines", stdOnly, stdOnly},
		{"pipelines/*", []string{"engine", "engine/*", "engine/testkit/*", "plugins/all", "pipelines"}, nil},
		{"cmd/weir", []string{"engine", "engine/config", "engine/diag", "engine/explain", "engine/graph", "engine/identity", "engine/plan", "engine/plugin",
			"engine/function", "engine/reference", "engine/sample", "engine/scenario", "engine/serve", "engine/api", "engine/watch", "engine/state", "engine/lineage", "engine/spec",
			"engine/testkit/*", "plugins/all", "pipelines", "pipelines/*"}, nil}, // demo and test run on stand-ins
	}
}

func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(p, name)
		return ok && err == nil
	})
}

// TestImportDirection holds the imports of every package, tests left out,
// against the table. The first rule that matches a package applies.
func TestImportDirection(t *testing.T) {
	rules := importRules()
	for _, p := range listPackages(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		i := slices.IndexFunc(rules, func(r importRule) bool { return matches([]string{r.pkg}, name) })
		if i < 0 {
			t.Errorf("%s is not in the table of imports: add a rule that says what it may import", name)
			continue
		}
		for _, imp := range p.Imports {
			inside, project := strings.CutPrefix(imp, module)
			switch {
			case project && !matches(rules[i].project, inside):
				t.Errorf("%s imports %s, which only points the other way", name, inside)
			case !project && rules[i].outside != nil && isOutside(imp) && !hasPrefix(rules[i].outside, imp):
				t.Errorf("%s imports %s; it may use only the standard library and %v", name, imp, rules[i].outside)
			}
		}
	}
}

// isOutside reports whether an import path is of another module: those begin with a host.
func isOutside(imp string) bool {
	host, _, _ := strings.Cut(imp, "/")
	return strings.Contains(host, ".")
}

func hasPrefix(modules []string, imp string) bool {
	return slices.ContainsFunc(modules, func(m string) bool { return imp == m || strings.HasPrefix(imp, m+"/") })
}

type listedPackage struct {
	ImportPath string
	Imports    []string
}

func listPackages(t *testing.T) []listedPackage {
	t.Helper()
	// With the program's profile its packages would be others than those of the same name.
	cmd := exec.CommandContext(t.Context(), "go", "list", "-pgo=off", "-json=ImportPath,Imports", "./...")
	cmd.Dir = top
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var ps []listedPackage
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listedPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return ps
		} else if err != nil {
			t.Fatal(err)
		}
		ps = append(ps, p)
	}
}

// TestTopLevel keeps the top of the project as its owner fixed it.
func TestTopLevel(t *testing.T) {
	allowed := []string{"engine", "plugins", "pipelines", "schemas", "cmd", "testdata", "go.mod", "go.sum", "Makefile", "README.md",
		"bin"} // bin is built and never committed
	entries, err := os.ReadDir(top)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(allowed, e.Name()) {
			t.Errorf("%s does not belong at the top level", e.Name())
		}
	}
}

// walkFiles calls f with every file of the project that people write, as a
// slash path from the top, and its content.
func walkFiles(t *testing.T, f func(name string, content []byte)) {
	t.Helper()
	err := filepath.WalkDir(top, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(top, p)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if slices.Contains([]string{".git", ".weir", ".servers", "bin"}, rel) {
				return filepath.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() || rel == "go.sum" || rel == ".git" {
			return nil
		}
		b, err := os.ReadFile(p)
		if err == nil {
			f(filepath.ToSlash(rel), b)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestWords finds what must not be committed: work left for later, and paths
// of somebody's machine. The words are split here so as not to find themselves.
func TestWords(t *testing.T) {
	later := regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X)\b`)
	machine := regexp.MustCompile(`["'\x60 (=](/(ho` + `me|ro` + `ot|Us` + `ers|wo` + `rk)/\w+|C:\\\\?Us` + `ers)`)
	walkFiles(t, func(name string, content []byte) {
		if strings.Contains(name, "/testdata/fuzz/") || bytes.IndexByte(content, 0) >= 0 {
			return
		}
		for i, line := range bytes.Split(content, []byte("\n")) {
			if m := later.Find(line); m != nil {
				t.Errorf("%s:%d: %s: finish it, or open an issue", name, i+1, m)
			}
			if m := machine.Find(line); m != nil {
				t.Errorf("%s:%d: %s is a path of one machine", name, i+1, bytes.TrimSpace(m))
			}
		}
	})
}
