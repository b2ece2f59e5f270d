package compute

import (
	"fmt"
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

// refused reports a constant argument. A text that is not written in the
// expression may come from a variable that is secret, and is not shown (I9).
func (c *checker) refused(n ast.Node, v any, err error) {
	msg := err.Error()
	if s, isText := v.(string); isText {
		if _, written := n.(*ast.StringNode); !written {
			msg = strings.ReplaceAll(msg, strconv.Quote(s), "The value")
			if s != "" && strings.Contains(msg, s) {
				msg = "The function does not accept its value"
			}
		}
	}
	c.failSpan(n, "expr.argument", "This argument cannot be used", "%s.", msg)
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
