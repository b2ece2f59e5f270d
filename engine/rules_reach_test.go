package engine_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// reaching tells of each package of the standard library that leads out of the
// process what a plugin may use of it all the same: names of values, and what only
// computes. Whatever opens, dials, listens or starts something goes through
// plugin.Machine, so that a test decides what is reached.
func reaching() map[string]func(name string) bool {
	none := func(string) bool { return false }
	names := func(list ...string) func(string) bool {
		return func(n string) bool { return slices.Contains(list, n) }
	}
	not := func(prefixes ...string) func(string) bool {
		return func(n string) bool {
			return !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(n+" ", p) }) // a space ends a name
		}
	}
	return map[string]func(string) bool{
		"os": names("FileMode", "FileInfo", "O_CREATE", "O_TRUNC", "O_WRONLY", "O_RDWR", "O_RDONLY", "O_EXCL", "O_APPEND", "ModePerm",
			"ErrDeadlineExceeded", "ErrNotExist", "ErrExist", "ErrPermission", "ErrClosed"),
		"os/exec":                 none,
		"os/user":                 none,
		"os/signal":               none,
		"io/ioutil":               none,
		"plugin":                  none,
		"unsafe":                  none,
		"log/syslog":              none,
		"net/rpc":                 none,
		"net/smtp":                none,
		"database/sql":            none,
		"path/filepath":           not("Abs", "EvalSymlinks", "Glob", "Walk"),
		"syscall":                 func(n string) bool { return strings.HasPrefix(n, "E") && n == strings.ToUpper(n) }, // numbers of errors
		"net":                     not("Dial", "Listen", "Lookup", "Resolve", "Resolver", "DefaultResolver", "Interface", "File"),
		"net/http":                not("Get ", "Head ", "Post ", "PostForm ", "Default", "Listen", "Serve", "Server", "FileServer", "Dir", "ProxyFromEnvironment"),
		"crypto/tls":              not("Dial", "Dialer", "Listen", "LoadX509KeyPair"),
		"golang.org/x/crypto/ssh": not("Dial"),
		"golang.org/x/net/proxy":  none,
		"golang.org/x/sys/unix":   none,
	}
}

// speaksToMachine is true of the files in which plugin.SystemMachine is.
func speaksToMachine(name string) bool {
	return name == "engine/plugin/machine.go" || name == "engine/plugin/machine_linux.go"
}

// TestReach finds plugins, and what only they use, that go past the machine which the
// host lends them. Under weir test that would reach what is real.
func TestReach(t *testing.T) {
	rules := reaching()
	looked := 0
	for _, s := range goSources(t) {
		inPlugin := strings.HasPrefix(s.name, "plugins/") || strings.HasPrefix(s.name, "engine/plugin/")
		if !inPlugin || strings.HasPrefix(s.name, "engine/plugin/plugintest/") || speaksToMachine(s.name) {
			continue
		}
		looked++
		for _, p := range pastMachine(s, rules) {
			t.Error(p)
		}
	}
	if looked < 20 {
		t.Errorf("only %d files were looked at", looked)
	}
}

// pastMachine lists what a file uses that leads out of the process.
func pastMachine(s source, rules map[string]func(string) bool) (out []string) {
	local := map[string]string{} // import paths by the names they have in the file
	for _, imp := range s.file.Imports {
		p, err := strconv.Unquote(imp.Path.Value)
		if err != nil || rules[p] == nil {
			continue
		}
		name := p[strings.LastIndexByte(p, '/')+1:]
		if imp.Name != nil {
			name = imp.Name.Name
		}
		if name == "." || name == "_" {
			out = append(out, s.at(imp)+": "+p+" is imported without a name")
		}
		local[name] = p
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.SelectorExpr:
			id, ok := x.X.(*ast.Ident)
			if p := ""; ok && id.Obj == nil {
				if p = local[id.Name]; p != "" && !rules[p](x.Sel.Name) {
					out = append(out, s.at(x)+": "+p+"."+x.Sel.Name+" leads past the machine that the host lends: use plugin.Machine")
				}
			}
		case *ast.CompositeLit:
			if isSelector(x.Type, local, "net/http", "Transport") && !hasField(x, "DialContext") {
				out = append(out, s.at(x)+": an http.Transport without DialContext dials by itself: use plugin.Machine")
			}
			if isSelector(x.Type, local, "net/http", "Client") && !hasField(x, "Transport") {
				out = append(out, s.at(x)+": an http.Client without Transport dials by itself: use plugin.Machine")
			}
		}
		return true
	})
	return out
}

func isSelector(e ast.Expr, local map[string]string, pkg, name string) bool {
	x, ok := e.(*ast.SelectorExpr)
	if !ok || x.Sel.Name != name {
		return false
	}
	id, ok := x.X.(*ast.Ident)
	return ok && local[id.Name] == pkg
}

func hasField(x *ast.CompositeLit, name string) bool {
	return slices.ContainsFunc(x.Elts, func(e ast.Expr) bool {
		kv, ok := e.(*ast.KeyValueExpr)
		if !ok {
			return false
		}
		id, ok := kv.Key.(*ast.Ident)
		return ok && id.Name == name
	})
}

// TestReachFinds shows that the rule finds what it is for.
func TestReachFinds(t *testing.T) {
	for body, want := range map[string]bool{
		`os.Remove("x")`: true, `_ = os.O_CREATE`: false, `net.Dial("tcp", "x")`: true, `_ = net.JoinHostPort("a", "b")`: false,
		`_ = net.Dialer{}`: true, `http.Get("x")`: true, `_ = &http.Client{}`: true, `_ = &http.Transport{}`: true,
		`_ = &http.Transport{DialContext: nil}`: false, `_ = http.StatusOK`: false, `exec.Command("x")`: true, `filepath.Abs("x")`: true,
		`_ = filepath.Base("x")`: false, `_ = syscall.ENOSPC`: false, `syscall.Open("x", 0, 0)`: true,
	} {
		fset := token.NewFileSet()
		text := "package p\nimport (\"net\"; \"net/http\"; \"os\"; \"os/exec\"; \"path/filepath\"; \"syscall\")\nfunc f() { " + body + " }"
		f, err := parser.ParseFile(fset, "plugins/p/p.go", text, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(pastMachine(source{name: "plugins/p/p.go", fset: fset, file: f}, reaching())) > 0; got != want {
			t.Errorf("%s: found %v, want %v", body, got, want)
		}
	}
}
