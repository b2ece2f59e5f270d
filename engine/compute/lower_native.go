package compute

import (
	"github.com/expr-lang/expr/ast"

	"weir/engine/function"
	"weir/engine/record"
)

// native lowers a call whose meaning there is a kernel for; nil when there is
// none for these arguments.
func (l *lowerer) native(n *ast.CallNode, sig *signature) kernel {
	t := l.info(n).t
	arg := func(i int) kernel { return l.as(n.Arguments[i], sig.args[i]) }
	kind := func(i int) record.Kind { return sig.in[i].t.Kind }
	switch sig.fn.Meaning {
	case function.Coalesce:
		return l.coalesce(n, sig, t)
	case function.Nullif:
		return l.nullif(n, sig, t)
	case function.Blank:
		return &blankK{x: arg(0)}
	case function.JoinNonempty:
		return l.joinNonempty(n, sig)
	case function.Round:
		return l.round(n, sig, t)
	case function.Fixed:
		if places, isK := sig.in[1].k.(int); isK && (kind(0) == record.Int || kind(0) == record.Decimal) {
			return &fixedK{x: arg(0), places: places, typ: t}
		}
	case function.YearOf, function.MonthOf, function.DayOf:
		if kind(0) == record.Time || kind(0) == record.Date {
			return &dayPartK{x: arg(0), of: dayPart(sig.fn.Meaning), typ: t}
		}
	case function.DateOf:
		if len(sig.in) == 1 && (kind(0) == record.Time || kind(0) == record.Date) {
			return &dayPartK{x: arg(0), of: dayPart(sig.fn.Meaning), typ: t}
		}
	case function.InZone:
		if name, _ := sig.in[1].k.(string); kind(0) == record.Time && name != "" {
			return &retypeK{x: arg(0), typ: t}
		}
	}
	return nil
}

func (l *lowerer) coalesce(n *ast.CallNode, sig *signature, t record.Type) kernel {
	k := &firstOfK{chooser: chooser{typ: t}}
	for i, in := range sig.in {
		if !storable(in.t) || in.t.Kind == record.Invalid {
			return nil
		}
		if k.reach == i && (i == 0 || maybeNull(sig.in[i-1].t)) {
			k.reach++
		}
	}
	for _, a := range n.Arguments {
		k.kids = append(k.kids, l.node(a))
	}
	return k
}

func maybeNull(t record.Type) bool {
	return t.Nullable || t.Kind == record.Null || t.Kind == record.Any
}

func (l *lowerer) nullif(n *ast.CallNode, sig *signature, t record.Type) kernel {
	x, y := sig.in[0].t, sig.in[1].t
	exact := x.Kind == y.Kind || y.Kind == record.Null || x.Kind == record.Decimal && (y.Kind == record.Int || y.Kind == record.Float && sig.in[1].isK)
	if !exact || !copyable(x.Kind) || x.Kind == record.Any {
		return nil
	}
	return &nullifK{x: l.node(n.Arguments[0]), y: l.as(n.Arguments[1], x), typ: t, same: sameCell(x.Kind)}
}

func (l *lowerer) round(n *ast.CallNode, sig *signature, t record.Type) kernel {
	places, isK := 0, true
	if len(sig.in) > 1 {
		places, isK = sig.in[1].k.(int)
	}
	if !isK {
		return nil
	}
	switch t.Kind {
	case record.Int:
		return l.node(n.Arguments[0])
	case record.Float, record.Decimal:
		return &roundK{x: l.as(n.Arguments[0], t), places: places, typ: t}
	}
	return nil
}

func (l *lowerer) joinNonempty(n *ast.CallNode, sig *signature) kernel {
	k := &joinNonemptyK{}
	for i, in := range sig.in {
		switch in.t.Kind {
		case record.String, record.Null:
		case record.Bool, record.Int, record.Float, record.Decimal, record.Date:
			if i == 0 {
				return nil
			}
		default:
			return nil
		}
	}
	k.sep = l.node(n.Arguments[0])
	for _, a := range n.Arguments[1:] {
		k.kids = append(k.kids, l.node(a))
	}
	return k
}
