package compute

import (
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"

	"weir/engine/record"
)

// program is an expression, or a part of one that has no kernel, for the VM.
type program struct {
	vm    *vm.Program
	typ   record.Type
	check record.Type // what a value must conform to
	refs  []int       // fields of the scope that are read, ascending
	whole bool        // the whole row is read as an object
}

// newProgram compiles n, whose values become ones of type t.
func (e *Expr) newProgram(n ast.Node, t record.Type, src file.Source) (*program, error) {
	p := &program{typ: t, check: t}
	seen := map[int]bool{}
	ast.Walk(&n, visitFunc(func(m ast.Node) {
		in := e.ck.info[m]
		if in.ref > 0 {
			seen[in.ref-1] = true
		}
		p.whole = p.whole || in.whole
	}))
	for i := range seen {
		p.refs = append(p.refs, i)
	}
	slices.Sort(p.refs)
	var err error
	p.vm, err = e.compileVM(n, t, src)
	return p, err
}

// part lowers n to a program that is evaluated as a column, when something in it
// has no kernel; mark is the number of notes before n was looked at. A part
// stands alone: it is in no loop and has a value that a column holds. Where that
// is not so, the node above is tried.
func (l *lowerer) part(n ast.Node, mark int) kernel {
	t := l.info(n).t
	if len(l.loops) > 0 || !storable(t) || t.Kind == record.Invalid || inChain(n) {
		return nil
	}
	p := l.e.parts[n]
	if p == nil {
		var err error
		if p, err = l.e.newProgram(n, t, l.e.src); err != nil {
			return nil
		}
		p.check = loose(t)
		l.e.parts[n] = p
	}
	l.notes = append(l.notes[:mark], l.why+" runs row by row, in "+short(n))
	l.why = ""
	m := newMachine(l.e, p)
	m.lets = l.used(n)
	return m
}

// loose is t with nullable fields: rows come with nulls in the place of fields
// that the expression does not read.
func loose(t record.Type) record.Type {
	switch t.Kind {
	case record.List:
		elem := loose(*t.Elem)
		t.Elem = &elem
	case record.Object:
		fields := slices.Clone(t.Fields)
		for i := range fields {
			fields[i].Type = nullable(loose(fields[i].Type))
		}
		t.Fields = fields
	}
	return t
}

// inChain tells whether a ?. in n ends a chain that goes on above n.
func inChain(n ast.Node) bool {
	for {
		switch m := n.(type) {
		case *ast.MemberNode:
			if m.Optional {
				return true
			}
			n = m.Node
		case *ast.SliceNode:
			n = m.Node
		case *ast.CallNode:
			n = m.Callee
		default:
			return false
		}
	}
}

// used lists the variables of lets around n that n names, the outer ones first.
func (l *lowerer) used(n ast.Node) []loweredLet {
	names := map[string]bool{}
	if len(l.lets) > 0 {
		ast.Walk(&n, visitFunc(func(m ast.Node) {
			if id, ok := m.(*ast.IdentifierNode); ok {
				names[id.Value] = true
			}
		}))
	}
	var out []loweredLet
	for _, v := range l.lets {
		if names[v.name] {
			out = append(out, v)
		}
	}
	return out
}

// loweredLet is a variable that let binds.
type loweredLet struct {
	name  string
	cell  *letCell
	depth int // the number of loops around the let
}

func (l *lowerer) let(n *ast.VariableDeclaratorNode) kernel {
	k := &letK{value: l.node(n.Value), cell: &letCell{}}
	l.lets = append(l.lets, loweredLet{n.Name, k.cell, len(l.loops)})
	k.body = l.node(n.Expr)
	l.lets = l.lets[:len(l.lets)-1]
	return k
}

func (l *lowerer) variable(n *ast.IdentifierNode, t record.Type) kernel {
	for i := len(l.lets) - 1; i >= 0; i-- {
		v := l.lets[i]
		if v.name != n.Value {
			continue
		}
		levels := len(l.loops) - v.depth
		if levels == 0 {
			return letRefK{v.cell}
		}
		if !copyable(t.Kind) {
			return l.none("%s of the row around a loop", words(t))
		}
		for _, loop := range l.loops[v.depth:] {
			loop.owned = true
		}
		return &outerK{cell: v.cell, levels: levels, typ: t}
	}
	return l.none("%s", n.Value)
}

func (l *lowerer) sequence(n *ast.SequenceNode) kernel {
	k := &sequenceK{}
	for _, m := range n.Nodes {
		k.kids = append(k.kids, l.node(m))
	}
	return k
}

// rowByRow says, for people, what does not run as a kernel.
func rowByRow(notes []string) string {
	slices.Sort(notes)
	return strings.Join(slices.Compact(notes), "; ")
}
