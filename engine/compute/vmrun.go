package compute

import (
	"errors"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"

	"weir/engine/record"
)

// compileVM compiles the rewritten tree of n for the VM, with a result of type t. The tree carries no expr
// types, so that every operator is compiled in its general form: the forms that
// expr picks for known types panic on nil. Nothing is optimized either: one of
// expr's optimizations finds nil in [”]. Types were checked before.
func (e *Expr) compileVM(n ast.Node, t record.Type, src file.Source) (*vm.Program, error) {
	cfg := conf.New(map[string]any{})
	cfg.Optimize = false
	cfg.Functions = vmFunctions()
	for name, f := range e.c.funcs {
		cfg.Functions[name] = &builtin.Function{Name: name, Func: f.Call}
	}
	w := &rewriter{c: e.ck}
	w.compile = func(n ast.Node) (*vm.Program, error) {
		p, err := compiler.Compile(&parser.Tree{Node: n, Source: src}, cfg)
		if err != nil {
			first, _, _ := strings.Cut(err.Error(), "\n")
			return nil, errors.New(first)
		}
		return p, nil
	}
	tree := w.as(n, t)
	if w.err != nil {
		return nil, w.err
	}
	return w.compile(tree)
}

// machine runs a program row by row. One goroutine at a time uses it.
type machine struct {
	e    *Expr
	p    *program
	vm   vm.VM
	env  map[string]any
	run  run
	lets []loweredLet // variables around that the program names
	out  record.Column
	vs   []any
}

func newMachine(e *Expr, p *program) *machine {
	m := &machine{e: e, p: p, env: map[string]any{}}
	m.env["$run"] = &m.run
	m.run.env, m.run.most = m.env, e.c.o.Elements
	m.vm.MemoryBudget = e.c.o.Elements
	return m
}

// value evaluates once with what is in env.
func (m *machine) value() (any, error) {
	m.run.steps, m.run.bytes, m.run.elements = m.e.c.o.Steps, m.e.c.o.Bytes, int(m.e.c.o.Elements)
	v, err := m.vm.Run(m.p.vm, m.env)
	if err != nil {
		return nil, plainError(err)
	}
	if err := m.run.bound(v); err != nil {
		return nil, err
	}
	return conform(v, m.p.check)
}

// load puts row i of the columns into env.
func (m *machine) load(f *frame, i int) {
	for _, r := range m.p.refs {
		m.env["@"+m.e.ck.sc.fields[r].Name] = valueAt(f.cols[r], i)
	}
	for _, v := range m.lets {
		m.env[v.name] = valueAt(v.cell.col, i)
	}
	if m.p.whole {
		row := map[string]any{}
		for _, s := range m.e.c.schema.Visible() {
			row[m.e.c.schema.Fields()[s].Name] = valueAt(f.cols[s], i)
		}
		m.env["@row"] = row
	}
}

// eval evaluates for the rows of sel, recording those that fail in f.
func (m *machine) eval(f *frame, sel []int32) *record.Column {
	m.vs = resize(m.vs, f.n)
	clear(m.vs)
	m.run.now = f.now
	for _, i := range sel {
		if f.failed(i) {
			continue
		}
		m.load(f, int(i))
		m.run.origin, m.run.row = f.place(i)
		v, err := m.value()
		if err != nil {
			f.fail(i, err.Error())
			continue
		}
		m.vs[i] = v
	}
	fill(&m.out, m.p.typ, m.vs)
	return &m.out
}

// plainError says in plain words what the VM complained about.
func plainError(err error) error {
	var fe *file.Error
	if !errors.As(err, &fe) {
		return err
	}
	if fe.Prev != nil {
		for _, known := range []error{errSteps, errBytes, errMany, errDivideByZero, errInt, errFloat, errInexact, errPower, errPowerFloat, record.ErrDecimalRange} {
			if errors.Is(fe.Prev, known) {
				return known
			}
		}
	}
	msg := fe.Message
	switch {
	case strings.HasPrefix(msg, "interface conversion: ") && strings.Contains(msg, "is nil, not"):
		msg = "a value is nil where one is needed"
	case strings.HasPrefix(msg, "interface conversion: "):
		msg = "a value has another type than the expression needs"
	case strings.HasPrefix(msg, "reflect"):
		msg = "a value is nil or no list where a list is needed"
	case strings.Contains(msg, "memory budget exceeded"):
		return errMany
	}
	return errors.New(msg)
}

func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n, n+n/4)
	}
	return s[:n]
}
