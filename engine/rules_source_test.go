package engine_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"slices"
	"strings"
	"testing"
)

const (
	maxFileLines     = 400
	maxFunctionLines = 60
)

// source is one parsed Go file that is not a test.
type source struct {
	name  string // from the top of the project
	lines int
	fset  *token.FileSet
	file  *ast.File
}

func goSources(t *testing.T) []source {
	t.Helper()
	var out []source
	walkFiles(t, func(name string, content []byte) {
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || strings.Contains(name, "/testdata/") {
			return
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, name, content, parser.ParseComments)
		if err != nil {
			t.Errorf("%v", err)
			return
		}
		out = append(out, source{name: name, lines: bytes.Count(content, []byte("\n")), fset: fset, file: f})
	})
	if len(out) == 0 {
		t.Fatal("no source was found")
	}
	return out
}

// at is the place of a node, for messages.
func (s source) at(n ast.Node) string {
	p := s.fset.Position(n.Pos())
	return fmt.Sprintf("%s:%d", p.Filename, p.Line)
}

func TestLengths(t *testing.T) {
	for _, s := range goSources(t) {
		if s.lines > maxFileLines && !ast.IsGenerated(s.file) {
			t.Errorf("%s has %d lines; a file has at most %d", s.name, s.lines, maxFileLines)
		}
		for _, d := range s.file.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			n := s.fset.Position(fn.End()).Line - s.fset.Position(fn.Pos()).Line + 1
			if n > maxFunctionLines && !ast.IsGenerated(s.file) {
				t.Errorf("%s: %s has %d lines; a function has at most %d", s.at(fn), fn.Name.Name, n, maxFunctionLines)
			}
		}
	}
}

func TestNoInit(t *testing.T) {
	for _, s := range goSources(t) {
		for _, d := range s.file.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s: init runs before anybody can choose; give the value to who needs it", s.at(fn))
			}
		}
	}
}

func TestPackageNames(t *testing.T) {
	empty := []string{"util", "utils", "common", "helper", "helpers", "manager", "misc", "base", "shared"}
	for _, s := range goSources(t) {
		if slices.Contains(empty, s.file.Name.Name) {
			t.Errorf("%s: the name %s does not say what the package is for", s.name, s.file.Name.Name)
		}
	}
}

func TestPackageDocs(t *testing.T) {
	documented, packages := map[string]bool{}, map[string]bool{}
	for _, s := range goSources(t) {
		dir := path.Dir(s.name)
		packages[dir] = true
		documented[dir] = documented[dir] || s.file.Doc != nil
	}
	for dir := range packages {
		if !documented[dir] {
			t.Errorf("package %s has no comment that says what it is for", dir)
		}
	}
}

// TestExportedDocs asks for a comment on every exported name outside commands.
func TestExportedDocs(t *testing.T) {
	for _, s := range goSources(t) {
		for _, d := range s.file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) {
					t.Errorf("%s: %s has no comment", s.at(d), d.Name.Name)
				}
			case *ast.GenDecl:
				checkGroup(t, s, d)
			}
		}
	}
}

// exportedReceiver reports whether fn is a function, or a method of an exported type.
func exportedReceiver(fn *ast.FuncDecl) bool {
	if fn.Recv == nil {
		return true
	}
	typ := fn.Recv.List[0].Type
	for {
		switch x := typ.(type) {
		case *ast.StarExpr:
			typ = x.X
		case *ast.IndexExpr:
			typ = x.X
		case *ast.IndexListExpr:
			typ = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return false
		}
	}
}

// checkGroup looks at types, constants and variables; a comment on the group speaks for its members.
func checkGroup(t *testing.T, s source, d *ast.GenDecl) {
	t.Helper()
	for _, spec := range d.Specs {
		var names []*ast.Ident
		documented := d.Doc != nil
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			names = []*ast.Ident{spec.Name}
			documented = documented || spec.Doc != nil
		case *ast.ValueSpec:
			names = spec.Names
			documented = documented || spec.Doc != nil || spec.Comment != nil
		}
		for _, n := range names {
			if n.IsExported() && !documented {
				t.Errorf("%s: %s has no comment", s.at(n), n.Name)
			}
		}
	}
}
