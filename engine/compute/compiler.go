package compute

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"

	"weir/engine/diag"
	"weir/engine/function"
	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/spec"
)

var _ plugin.Compiler = (*Compiler)(nil)

// Compiler compiles row expressions against one schema. It is safe for
// concurrent use and implements plugin.Compiler; what it returns is a *Expr.
type Compiler struct {
	schema *record.Schema
	o      Options
	funcs  map[string]*function.Function
	rules  map[string]rule
	given  map[string]*configured
}

// New returns a compiler for rows of schema, which may be nil when only Value is used.
func New(schema *record.Schema, o Options) *Compiler {
	if schema == nil {
		schema = record.NewSchema(nil)
	}
	c := &Compiler{schema: schema, o: o.withDefaults(), funcs: map[string]*function.Function{}, rules: rules(),
		given: map[string]*configured{"var": newConfigured("variable", o.Vars), "local": newConfigured("local", o.Locals)}}
	for i := range o.Functions {
		c.funcs[o.Functions[i].Name] = &c.o.Functions[i]
	}
	return c
}

// mode tells what an expression is evaluated over.
type mode uint8

const (
	overRow mode = iota
	overRows
	overValue
)

// Row implements plugin.Compiler.
func (c *Compiler) Row(t spec.Text, want record.Kind) (plugin.Expr, diag.List) {
	return c.compile(t, newScope(c.schema.Fields(), true, -1), overRow, want)
}

// Rows implements plugin.Compiler. A set of rows is taken to hold at least one:
// first(rows) is not nil.
func (c *Compiler) Rows(t spec.Text, extra []record.Field, want record.Kind) (plugin.Expr, diag.List) {
	fields := append([]record.Field{{Name: "rows", Type: record.ListOf(c.schema.RowType())}}, extra...)
	return c.compile(t, newScope(fields, false, 0), overRows, want)
}

// Value implements plugin.Compiler.
func (c *Compiler) Value(t spec.Text, env []record.Field, want record.Kind) (plugin.Expr, diag.List) {
	sc := newScope(env, false, -1)
	sc.noRow = true
	return c.compile(t, sc, overValue, want)
}

func (c *Compiler) compile(t spec.Text, sc *scope, m mode, want record.Kind) (plugin.Expr, diag.List) {
	tree, diags := c.parse(t)
	if diags != nil {
		return nil, diags
	}
	e, diags := c.finish(c.checker(t, sc), tree.Node, m, want, tree.Source)
	if e == nil {
		return nil, diags
	}
	return e, diags
}

func (c *Compiler) checker(t spec.Text, sc *scope) *checker {
	return &checker{text: t, sc: sc, o: &c.o, funcs: c.funcs, rules: c.rules, info: map[ast.Node]info{}, calls: map[*ast.CallNode]*signature{},
		given: c.given, asked: map[condition]facts{}, places: map[*ast.BuiltinNode]string{}}
}

// finish checks a tree and makes it an expression.
func (c *Compiler) finish(ck *checker, root ast.Node, m mode, want record.Kind, src file.Source) (*Expr, diag.List) {
	in := ck.expr(root)
	if !ck.diags.HasErrors() {
		in = ck.wanted(root, in, want)
	}
	if ck.diags.HasErrors() {
		return nil, ck.diags.Sort()
	}
	e := &Expr{c: c, ck: ck, root: root, mode: m, typ: in.t, src: src, parts: map[ast.Node]*program{}}
	program, err := e.newProgram(e.root, e.typ, src)
	if err != nil {
		return nil, diag.List{diag.Errorf("expr.type", rangeOf(ck.text, 0, utf8.RuneCountInString(ck.text.S)), "This expression cannot be compiled", "%s.", err)}
	}
	e.program = program
	e.usage()
	e.kernels()
	return e, nil
}

// wanted checks the result against the kind that the caller needs.
func (c *checker) wanted(n ast.Node, in info, want record.Kind) info {
	n, got := result(n), in.t
	switch {
	case !storable(got):
		return c.failSpan(n, "expr.type", "A duration cannot be the result", "Turn it into a number or compare it with another duration.")
	case want == record.Invalid || got.Kind == want || want == record.Any:
		return in
	case got.Kind == record.Null:
		in.t = record.NullableOf(want)
		return in
	case got.Kind == record.Any:
		in.t = record.Type{Kind: want, Nullable: want != record.Bool}
		if want == record.List {
			in.t.Elem = &tAny
		}
		if want == record.Object {
			in.t = tAny
		}
		return in
	case want == record.Float && got.Kind == record.Int, want == record.Decimal && got.Kind == record.Int:
		in.t = record.Type{Kind: want, Nullable: got.Nullable}
		return in
	}
	return c.failSpan(n, "expr.type", fmt.Sprintf("This must be %s", want), "It is %s.", words(got))
}

// result is the part of n that gives its value.
func result(n ast.Node) ast.Node {
	switch m := n.(type) {
	case *ast.VariableDeclaratorNode:
		return result(m.Expr)
	case *ast.SequenceNode:
		return result(m.Nodes[len(m.Nodes)-1])
	}
	return n
}

// Expr is a compiled expression. It implements plugin.Expr and is immutable.
type Expr struct {
	c       *Compiler
	ck      *checker
	root    ast.Node
	mode    mode
	typ     record.Type
	src     file.Source
	reads   []record.Slot         // slots of the compiler's schema
	program *program              // all of it, for the VM
	parts   map[ast.Node]*program // those that have no kernel; not changed after compiling
	slow    string                // why all of it runs in the VM, "" when there are kernels
	notes   string                // what runs row by row beside kernels, for people
	pattern string                // of a path, for people
}

// Type implements plugin.Expr.
func (e *Expr) Type() record.Type { return e.typ }

// Reads implements plugin.Expr.
func (e *Expr) Reads() []record.Slot { return e.reads }

// Kernel tells whether the expression runs entirely as column kernels. If not,
// why names what makes all of it run row by row in the VM, or the parts that do
// and the functions that kernels call row by row, separated by semicolons.
func (e *Expr) Kernel() (fully bool, why string) {
	if e.slow != "" {
		return false, e.slow + " runs row by row"
	}
	return e.notes == "", e.notes
}

// usage finds out which slots are read.
func (e *Expr) usage() {
	switch e.mode {
	case overRow:
		for _, i := range e.program.refs {
			e.reads = append(e.reads, record.Slot(i))
		}
		if e.program.whole {
			e.reads = append(e.reads, e.c.schema.Visible()...)
		}
	case overRows:
		e.reads = e.rowsReads()
	}
	slices.Sort(e.reads)
	e.reads = slices.Compact(e.reads)
}
