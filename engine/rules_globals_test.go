package engine_test

import (
	"go/ast"
	"go/token"
	"path"
	"testing"
)

// TestGlobalsAreConstant finds package variables that code assigns to: state
// belongs to a value that somebody owns. Tables that only their declaration
// fills are constants in all but the keyword.
func TestGlobalsAreConstant(t *testing.T) {
	sources := goSources(t)
	globals := map[string]map[string]bool{} // by package folder
	for _, s := range sources {
		dir := path.Dir(s.name)
		if globals[dir] == nil {
			globals[dir] = map[string]bool{}
		}
		for _, d := range s.file.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
				for _, spec := range g.Specs {
					for _, n := range spec.(*ast.ValueSpec).Names {
						globals[dir][n.Name] = n.Name != "_"
					}
				}
			}
		}
	}
	for _, s := range sources {
		for _, d := range s.file.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
				checkAssignments(t, s, fn, globals[path.Dir(s.name)])
			}
		}
	}
}

// checkAssignments reports what fn assigns to among globals. A name that is
// declared anywhere in fn is taken for that local one.
func checkAssignments(t *testing.T, s source, fn *ast.FuncDecl, globals map[string]bool) {
	t.Helper()
	local := localNames(fn)
	check := func(target ast.Expr) {
		if id := rootIdent(target); id != nil && globals[id.Name] && !local[id.Name] {
			t.Errorf("%s: %s changes the package variable %s", s.at(target), fn.Name.Name, id.Name)
		}
	}
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok != token.DEFINE {
				for _, target := range n.Lhs {
					check(target)
				}
			}
		case *ast.IncDecStmt:
			check(n.X)
		}
		return true
	})
}

// rootIdent is the variable that an assignable expression belongs to.
func rootIdent(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.IndexExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// localNames are the names that fn declares: receiver, parameters, results, variables.
func localNames(fn *ast.FuncDecl) map[string]bool {
	names := map[string]bool{}
	ast.Inspect(fn, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Field:
			for _, id := range n.Names {
				names[id.Name] = true
			}
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				addNames(names, n.Lhs...)
			}
		case *ast.RangeStmt:
			if n.Tok == token.DEFINE {
				addNames(names, n.Key, n.Value)
			}
		case *ast.ValueSpec:
			for _, id := range n.Names {
				names[id.Name] = true
			}
		}
		return true
	})
	return names
}

func addNames(names map[string]bool, exprs ...ast.Expr) {
	for _, e := range exprs {
		if id, ok := e.(*ast.Ident); ok {
			names[id.Name] = true
		}
	}
}
