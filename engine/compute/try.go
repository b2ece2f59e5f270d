package compute

import (
	"errors"
	"fmt"
	"slices"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm"

	"weir/engine/record"
)

// try(x, fallback) is x or, where x fails, fallback. Kernels evaluate x over a frame
// whose failures are its own. The VM cannot go on behind a failure, so that x is a
// program by itself there, called with the names that it needs from around.

// try types a call of try().
func (c *checker) try(n *ast.CallNode) info {
	if len(n.Arguments) != 2 {
		for _, a := range n.Arguments {
			c.expr(a)
		}
		return c.fail(n, "expr.type", "try() takes 2 arguments", "It was given %d. try(x, fallback) is fallback where x fails.", len(n.Arguments))
	}
	c.trying++
	x := c.expr(n.Arguments[0])
	c.trying--
	y := c.expr(n.Arguments[1])
	if x.t.Kind == record.Invalid || y.t.Kind == record.Invalid {
		return info{t: tBad}
	}
	return info{t: unify(x.t, y.t)}
}

func isTry(n *ast.CallNode) bool {
	id, ok := n.Callee.(*ast.IdentifierNode)
	return ok && id.Value == "try"
}

// limit tells whether reason is that an evaluation used more than it may: try() is
// no way around that.
func limit(reason string) bool {
	return reason == errSteps.Error() || reason == errBytes.Error() || reason == errMany.Error()
}

// tryK is try().
type tryK struct {
	x, y    kernel
	sub     frame
	yes, no []int32
	chooser
}

func (l *lowerer) try(n *ast.CallNode) kernel {
	t := l.info(n).t
	if !storable(t) || t.Kind == record.Invalid {
		return l.none("try() of values of type %s", words(t))
	}
	return &tryK{x: l.as(n.Arguments[0], t), y: l.as(n.Arguments[1], t), chooser: chooser{typ: t}}
}

func (k *tryK) eval(f *frame, sel []int32) *record.Column {
	k.yes = k.yes[:0]
	for _, i := range sel {
		if !f.failed(i) {
			k.yes = append(k.yes, i)
		}
	}
	errs, own := k.sub.errs, k.sub.own
	k.sub = *f
	k.sub.bad, k.sub.errs, k.sub.own = nil, errs[:0], own
	x := k.x.eval(&k.sub, k.yes)
	k.start(f.n, sel)
	k.no = k.no[:0]
	if k.sub.bad != nil {
		for _, e := range k.sub.errs {
			if limit(e.reason) {
				f.fail(e.row, e.reason)
			} else {
				k.no = append(k.no, e.row)
			}
		}
		slices.Sort(k.no)
		k.yes = slices.DeleteFunc(k.yes, k.sub.failed)
	}
	k.take(x, k.yes)
	k.side(f, k.y, k.no)
	return k.finish(f, sel)
}

// failedTry stands for the value of an x that failed.
type failedTry struct{}

// tryFunctions are those of the VM for try().
func tryFunctions(add func(name string, f func(r *run, a []any) (any, error))) {
	add("try", func(r *run, a []any) (any, error) { return r.try(a[0].(*vm.Program), a[1].([]string), a[2:]) })
	add("failed", func(_ *run, a []any) (any, error) { return a[0] == any(failedTry{}), nil })
}

// try runs p with names set to values.
func (r *run) try(p *vm.Program, names []string, values []any) (any, error) {
	before := make([]any, len(names))
	for i, name := range names {
		before[i] = r.env[name]
		r.env[name] = values[i]
	}
	if r.depth == len(r.vms) {
		r.vms = append(r.vms, &vm.VM{MemoryBudget: r.most})
	}
	inner := r.vms[r.depth]
	r.depth++
	v, err := inner.Run(p, r.env)
	r.depth--
	for i, name := range names {
		r.env[name] = before[i]
	}
	if err == nil {
		return v, nil
	}
	for _, over := range []error{errSteps, errBytes, errMany} {
		if plain := plainError(err); errors.Is(plain, over) || plain.Error() == over.Error() {
			return nil, over
		}
	}
	return failedTry{}, nil
}

// try rewrites a call of try() for the VM.
func (w *rewriter) try(n *ast.CallNode) ast.Node {
	t := w.c.info[n].t
	sub := &rewriter{c: w.c, compile: w.compile, alone: true}
	body := sub.as(n.Arguments[0], t)
	p, err := w.compile(body)
	if err != nil {
		w.err = err
		return n
	}
	var names []string
	var values []ast.Node
	for _, name := range sub.free {
		names = append(names, name)
		if pointer, ok := pointerNames[name]; ok {
			values = append(values, w.pointer(at(&ast.PointerNode{Name: pointer}, n)))
		} else {
			values = append(values, w.named(at(&ast.IdentifierNode{Value: name}, n)))
		}
	}
	args := append([]ast.Node{at(&ast.ConstantNode{Value: p}, n), at(&ast.ConstantNode{Value: names}, n)}, values...)
	w.lists++
	got := at(&ast.IdentifierNode{Value: fmt.Sprintf("$try%d", w.lists)}, n)
	return at(&ast.VariableDeclaratorNode{Name: got.Value, Value: dollar(n, "try", args...), Expr: at(&ast.ConditionalNode{
		Ternary: true, Cond: dollar(n, "failed", got), Exp1: w.as(n.Arguments[1], t), Exp2: at(&ast.IdentifierNode{Value: got.Value}, n),
	}, n)}, n)
}
