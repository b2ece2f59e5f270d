package compute

import (
	"bytes"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"weir/engine/function"
	"weir/engine/record"
)

func (l *lowerer) call(n *ast.CallNode) kernel {
	if m, ok := n.Callee.(*ast.MemberNode); ok {
		name, _ := m.Property.(*ast.StringNode)
		t := l.info(m.Node).t
		if name != nil && t.Kind == record.Time && !t.Nullable && len(n.Arguments) == 0 {
			if get := methodOf(name.Value); get != nil {
				return &methodK{x: l.node(m.Node), get: get}
			}
		}
		return l.none("a datetime's own function")
	}
	if isTry(n) {
		return l.try(n)
	}
	sig := l.e.ck.calls[n]
	if sig == nil {
		if n.Callee.(*ast.IdentifierNode).Value == "uuid" {
			return &uuidK{label: l.e.ck.labelOf(n)}
		}
		return &nowK{}
	}
	for _, form := range []func(*ast.CallNode, *signature) kernel{l.folded, l.native, l.fast} {
		if k := form(n, sig); k != nil || l.why != "" {
			return k
		}
	}
	if sig.secret() {
		return l.none("%s() with computed arguments", sig.fn.Name)
	}
	l.notes = append(l.notes, sig.fn.Name+"() is called row by row")
	k := &boxedK{fn: sig.fn, typ: l.info(n).t}
	for i, a := range n.Arguments {
		k.kids = append(k.kids, l.as(a, sig.args[i]))
	}
	return k
}

// folded calls a function once whose arguments are all constant; nil when they
// are not, or when it fails, which is then found row by row.
func (l *lowerer) folded(n *ast.CallNode, sig *signature) kernel {
	args := sig.constants()
	if slices.Contains(args, any(function.NotConst{})) {
		return nil
	}
	v, err := call(sig.fn, args)
	if err == nil {
		v, err = conform(v, l.info(n).t)
	}
	if err != nil {
		return nil
	}
	return &constK{v: v, typ: l.info(n).t}
}

// fast lowers a call to the function's fast form, when it has one for these
// arguments: a column first, constants behind.
func (l *lowerer) fast(n *ast.CallNode, sig *signature) kernel {
	fn := sig.fn
	if fn.Prepare == nil || len(n.Arguments) == 0 || sig.in[0].isK {
		return nil
	}
	args := sig.constants()
	args[0] = function.NotConst{}
	if slices.Contains(args[1:], any(function.NotConst{})) {
		return nil
	}
	fast, err := fn.Prepare(args)
	if err != nil || !fits(fast, sig.in[0].t.Kind, l.info(n).t.Kind) {
		return nil
	}
	return &callK{x: l.as(n.Arguments[0], sig.args[0]), fn: fn, fast: fast, typ: l.info(n).t, args: args}
}

func (l *lowerer) builtin(n *ast.BuiltinNode) kernel {
	if _, ok := loopOf(n); ok {
		return l.loop(n)
	}
	for _, a := range n.Arguments {
		if dynamic(l.info(a).t) {
			return l.none("%s() of a value whose type shows only at run time", n.Name)
		}
	}
	switch n.Name {
	case "first", "last":
		at := 0
		if n.Name == "last" {
			at = -1
		}
		t := l.info(n).t
		return &pickK{list: l.node(n.Arguments[0]), at: at, must: !t.Nullable && l.info(n.Arguments[0]).nonEmpty, typ: t, elemNull: elemOf(l.info(n.Arguments[0]).t).Nullable}
	case "min", "max":
		return l.extreme(n)
	case "mean":
		return l.mean(n)
	case "len":
		if k := l.info(n.Arguments[0]).t.Kind; k == record.String || k == record.List {
			return &lenK{x: l.node(n.Arguments[0])}
		}
		return l.none("len() of an object")
	case "abs", "round", "floor", "ceil", "int", "float", "string":
		return l.number(n)
	}
	return l.text(n)
}

func (l *lowerer) extreme(n *ast.BuiltinNode) kernel {
	list := l.info(n.Arguments[0])
	if len(n.Arguments) != 1 || list.t.Kind != record.List {
		return l.none("%s() of several values", n.Name)
	}
	switch list.t.Elem.Kind {
	case record.Int, record.Float, record.Decimal, record.String, record.Time, record.Date:
		return &extremeK{list: l.node(n.Arguments[0]), max: n.Name == "max", must: list.nonEmpty, typ: l.info(n).t}
	}
	return l.none("%s() of %s", n.Name, words(list.t))
}

func (l *lowerer) mean(n *ast.BuiltinNode) kernel {
	list := l.info(n.Arguments[0])
	if len(n.Arguments) != 1 || list.t.Kind != record.List || !number(*list.t.Elem) {
		return l.none("%s() of %s", n.Name, words(list.t))
	}
	sum := loopK{list: l.node(n.Arguments[0]), body: elemK{}}
	return &meanK{sumK: sumK{loopK: sum, typ: nonNull(*list.t.Elem)}}
}

func (l *lowerer) number(n *ast.BuiltinNode) kernel {
	t, out := l.info(n.Arguments[0]).t, l.info(n).t
	switch n.Name {
	case "string":
		switch t.Kind {
		case record.String:
			return l.node(n.Arguments[0])
		case record.List, record.Object:
			return l.none("string() of %s", words(t))
		}
		return &textOfK{x: l.node(n.Arguments[0])}
	case "int":
		if t.Kind == record.Int {
			return l.node(n.Arguments[0])
		}
		return &intOfK{x: l.node(n.Arguments[0])}
	case "float":
		if t.Kind == record.Float {
			return l.node(n.Arguments[0])
		}
		return &floatOfK{x: l.node(n.Arguments[0])}
	}
	return &numberK{x: l.as(n.Arguments[0], out), op: n.Name, typ: out}
}

// text lowers the functions of strings.
func (l *lowerer) text(n *ast.BuiltinNode) kernel {
	arg := func(i int) (string, bool) {
		s, ok := l.info(n.Arguments[i]).k.(string)
		return s, ok
	}
	second, isK := " ", true
	if len(n.Arguments) > 1 {
		second, isK = arg(1)
	}
	two := func() (a, b kernel) { return l.node(n.Arguments[0]), l.node(n.Arguments[1]) }
	switch n.Name {
	case "lower":
		return &mapTextK{x: l.node(n.Arguments[0]), f: appendLower, limit: l.e.c.o.Bytes}
	case "upper":
		return &mapTextK{x: l.node(n.Arguments[0]), f: appendUpper, limit: l.e.c.o.Bytes}
	case "hasPrefix":
		a, b := two()
		return &textTestK{a: a, b: b, test: bytes.HasPrefix}
	case "hasSuffix":
		a, b := two()
		return &textTestK{a: a, b: b, test: bytes.HasSuffix}
	case "indexOf":
		a, b := two()
		return &indexK{a: a, b: b, find: indexOf}
	case "lastIndexOf":
		a, b := two()
		return &indexK{a: a, b: b, find: lastIndexOf}
	case "replace":
		return l.replace(n)
	case "split":
		if len(n.Arguments) == 2 {
			a, b := two()
			return &splitK{x: a, sep: b, typ: l.info(n).t, limit: int(l.e.c.o.Elements)}
		}
	case "join":
		return l.join(n)
	}
	if !isK {
		return l.none("%s() with computed arguments", n.Name)
	}
	switch n.Name {
	case "trim":
		if len(n.Arguments) == 1 {
			return &cutK{x: l.node(n.Arguments[0]), cut: cutSpace, blanks: true}
		}
		return &cutK{x: l.node(n.Arguments[0]), cut: cutSet(second)}
	case "trimPrefix":
		return &cutK{x: l.node(n.Arguments[0]), cut: cutPrefix([]byte(second))}
	case "trimSuffix":
		return &cutK{x: l.node(n.Arguments[0]), cut: cutSuffix([]byte(second))}
	}
	return l.none("%s()", n.Name)
}

func (l *lowerer) join(n *ast.BuiltinNode) kernel {
	list := l.info(n.Arguments[0]).t
	if list.Kind != record.List || list.Elem.Kind != record.String || list.Elem.Nullable {
		return l.none("join() of %s", words(list))
	}
	k := &joinK{list: l.node(n.Arguments[0]), limit: l.e.c.o.Bytes}
	if len(n.Arguments) == 2 {
		k.sep = l.node(n.Arguments[1])
	}
	return k
}

func (l *lowerer) replace(n *ast.BuiltinNode) kernel {
	from, ok1 := l.info(n.Arguments[1]).k.(string)
	to, ok2 := l.info(n.Arguments[2]).k.(string)
	limit, ok3 := -1, true
	if len(n.Arguments) == 4 {
		limit, ok3 = l.info(n.Arguments[3]).k.(int)
	}
	if !ok1 || !ok2 || !ok3 || from == "" {
		return l.none("replace() with computed arguments")
	}
	return &mapTextK{x: l.node(n.Arguments[0]), f: replacer([]byte(from), []byte(to), limit), limit: l.e.c.o.Bytes,
		size: replacedSize([]byte(from), []byte(to), limit, 1<<16)}
}

// loop lowers the functions that evaluate a body for each element.
func (l *lowerer) loop(n *ast.BuiltinNode) kernel {
	list := l.info(n.Arguments[0])
	if list.t.Kind != record.List {
		return l.none("%s() over a value whose type shows only at run time", n.Name)
	}
	in := &loopInfo{}
	k := loopK{list: l.node(n.Arguments[0]), body: elemK{}}
	body := *list.t.Elem
	if len(n.Arguments) > 1 {
		l.loops = append(l.loops, in)
		k.body = l.node(bodyOf(n.Arguments[1]))
		l.loops = l.loops[:len(l.loops)-1]
		body = l.info(bodyOf(n.Arguments[1])).t
	}
	k.owned = in.owned
	t := l.info(n).t
	switch n.Name {
	case "map":
		return &mapK{loopK: k, typ: t}
	case "sum":
		if !number(body) {
			return l.none("sum() of values whose type shows only at run time")
		}
		return &sumK{loopK: k, typ: t}
	}
	if info, _ := loopOf(n); info.predicate && body.Kind != record.Bool {
		return l.none("%s() with a condition whose type shows only at run time", n.Name)
	}
	switch n.Name {
	case "all":
		return &testK{loopK: k, stop: false, result: false}
	case "any":
		return &testK{loopK: k, stop: true, result: true}
	case "none":
		return &testK{loopK: k, stop: true, result: false}
	case "count", "one":
		return &countK{loopK: k, one: n.Name == "one"}
	case "filter":
		return &filterK{loopK: k, typ: t}
	case "find", "findLast", "findIndex", "findLastIndex":
		return &findK{loopK: k, last: strings.HasPrefix(n.Name, "findLast"), index: strings.HasSuffix(n.Name, "Index"), typ: t}
	}
	return l.none("%s()", n.Name)
}
