package compute

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"

	"weir/engine/function"
	"weir/engine/record"
)

// constants returns the arguments that are constant, as the function takes them,
// with function.NotConst in the place of the others.
func (s *signature) constants() []any {
	args := make([]any, len(s.in))
	for i, in := range s.in {
		args[i] = function.NotConst{}
		if !in.isK {
			continue
		}
		args[i] = in.k
		if s.args[i].Kind == record.Any {
			continue
		}
		if v, err := convertConst(in.k, s.args[i].Kind); err == nil {
			args[i] = v
		}
	}
	return args
}

// prepare reports the constant argument that the function refuses, if any. A
// function checks constants from left to right and its last parameters are the
// optional ones, so that the shortest call that is refused ends with the culprit.
func (c *checker) prepare(n *ast.CallNode, sig *signature) bool {
	if sig.fn.Prepare == nil || len(sig.in) == 0 {
		return true
	}
	args := sig.constants()
	args[0] = function.NotConst{}
	if tryPrepare(sig.fn, args) == nil {
		return true
	}
	for i := 1; i < len(args); i++ {
		if err := tryPrepare(sig.fn, args[:i+1]); err != nil && sig.in[i].isK {
			c.refused(n.Arguments[i], sig.in[i].k, err)
			return false
		}
	}
	return true
}

// checked reports the argument that the function's own check refuses, if any.
func (c *checker) checked(n *ast.CallNode, sig *signature) bool {
	if sig.fn.Check == nil {
		return true
	}
	types := make([]record.Type, len(sig.in))
	for i, in := range sig.in {
		if types[i] = in.t; in.t.Kind == record.Invalid {
			return true // reported already
		}
	}
	i, err := sig.fn.Check(sig.constants(), types)
	if err != nil {
		c.refused(n.Arguments[i], sig.in[i].k, err)
	}
	return err == nil
}

// tryPrepare calls Prepare with what may be too few arguments.
func tryPrepare(fn *function.Function, args []any) (err error) {
	defer func() {
		if recover() != nil {
			err = nil
		}
	}()
	_, err = fn.Prepare(args)
	return err
}

// constant is a call of type t, with its value when all arguments are constants:
// a function gives the same for the same arguments, so what date('2026-01-01') is,
// and that date('2026-13-01') is nothing, shows while planning.
func (c *checker) constant(n *ast.CallNode, sig *signature, t record.Type) info {
	args := sig.constants()
	if len(args) == 0 || t.Kind == record.Any || t.Kind == record.Invalid || slices.Contains(args, any(function.NotConst{})) {
		return info{t: t}
	}
	v, err := call(sig.fn, args)
	if err == nil {
		v, err = conform(v, nullable(t))
	}
	switch {
	case err != nil && c.trying > 0:
		return info{t: t}
	case err != nil:
		return c.refusedAll(n, sig, err)
	case v == nil:
		return info{t: t}
	}
	return info{t: nonNull(t), isK: true, k: v}
}

// refusedAll reports a call whose constants the function refuses together: at its
// first argument, which is what it looks at.
func (c *checker) refusedAll(n *ast.CallNode, sig *signature, err error) info {
	msg := err.Error()
	for i, a := range n.Arguments {
		msg = unwritten(a, sig.in[i].k, msg)
	}
	return c.failSpan(n.Arguments[0], "expr.argument", "This argument cannot be used", "%s.", msg)
}

// refused reports a constant argument.
func (c *checker) refused(n ast.Node, v any, err error) {
	c.failSpan(n, "expr.argument", "This argument cannot be used", "%s.", unwritten(n, v, err.Error()))
}

// unwritten is msg without the text v of the argument n, when that is not written in
// the expression: it may come from a variable that is secret, and is not shown (I9).
func unwritten(n ast.Node, v any, msg string) string {
	s, isText := v.(string)
	if _, written := n.(*ast.StringNode); !isText || written {
		return msg
	}
	msg = strings.ReplaceAll(msg, strconv.Quote(s), "The value")
	if s != "" && strings.Contains(msg, s) {
		return "The function does not accept its value"
	}
	return msg
}

// zoned gives a datetime the zone that the function's zone argument names. The
// zone is part of the type: a column has one.
func (c *checker) zoned(n *ast.CallNode, sig *signature, t record.Type) record.Type {
	i := sig.fn.ZoneArg
	if t.Kind != record.Time || i == 0 || i >= len(sig.in) {
		return t
	}
	in := sig.in[i]
	if !in.isK {
		return c.failSpan(n.Arguments[i], "expr.argument", fmt.Sprintf("The zone of %s() must be a constant", sig.fn.Name),
			"A column of datetimes has one zone. Write it as text, such as 'Europe/Amsterdam', or as a variable of the configuration; strftime() takes a computed one.").t
	}
	name, isText := in.k.(string)
	if !isText {
		return t // nil: the result is nil
	}
	loc, err := function.Zone(name)
	if err != nil {
		c.refused(n.Arguments[i], in.k, err)
		return tBad
	}
	t.Zone = loc
	return t
}

// sameZone tells whether datetimes of types a and b are shown in one zone.
func sameZone(a, b record.Type) bool { return zoneName(a.Zone) == zoneName(b.Zone) }

func zoneName(loc *time.Location) string {
	if loc == nil {
		return "UTC"
	}
	return loc.String()
}
