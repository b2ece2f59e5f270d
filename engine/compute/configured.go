package compute

import (
	"fmt"
	"maps"
	"slices"

	"github.com/expr-lang/expr/ast"

	"weir/engine/diag"
	"weir/engine/record"
	"weir/engine/spec"
)

// configured are values of the configuration: those under var, or under local.
type configured struct {
	kind   string // variable or local
	open   map[string]any
	sealed map[string]any // sensitive ones: a spec.Secret, or spec.Sensitive for what is no text
}

func newConfigured(kind string, values map[string]any) *configured {
	out := &configured{kind: kind, open: make(map[string]any, len(values))}
	for name, v := range values {
		_, secret := v.(spec.Secret)
		if secret || v == any(spec.Sensitive) {
			if out.sealed == nil {
				out.sealed = map[string]any{}
			}
			out.sealed[name] = v
			continue
		}
		out.open[name] = v
	}
	return out
}

// configuredBy returns the values that the name n stands for, nil when it is no such
// name or a column or a variable of let has it.
func (c *checker) configuredBy(n ast.Node) *configured {
	id, ok := n.(*ast.IdentifierNode)
	if !ok || c.given[id.Value] == nil {
		return nil
	}
	if _, column := c.sc.index[id.Value]; column || slices.ContainsFunc(c.lets, func(l letVar) bool { return l.name == id.Value }) {
		return nil
	}
	return c.given[id.Value]
}

// value types n, a value of the configuration with a name that is not among the
// open ones: sensitive, or not there.
func (v *configured) value(c *checker, n *ast.MemberNode, name string) info {
	secret, sealed := v.sealed[name]
	if !sealed {
		names := slices.Sorted(maps.Keys(v.open))
		c.named(n.Property, fmt.Sprintf("There is no %s %q", v.kind, name), name, names, map[string]string{"variable": "Variables", "local": "Locals"}[v.kind], names)
		return info{t: tBad}
	}
	loc := n.Property.Location()
	at := c.at(loc.From, loc.To)
	if _, text := secret.(spec.Secret); !text {
		c.diags = append(c.diags, diag.Errorf("expr.sensitive", at, fmt.Sprintf("The %s %q is sensitive", v.kind, name),
			"The values of expressions end in rows, logs and rejects, where a sensitive value must never be. A sensitive text can be the key of hmac(); this is no text."))
		return info{t: tBad}
	}
	if c.keyHere != n {
		c.diags = append(c.diags, diag.Errorf("expr.sensitive", at, fmt.Sprintf("The %s %q is sensitive", v.kind, name),
			"The values of expressions end in rows, logs and rejects, where a sensitive value must never be. It can only be the key of hmac(), by itself: hmac(x, %s).", c.source(n)))
		return info{t: tBad}
	}
	return info{t: tString, isK: true, k: secret}
}

// keyArgument is the argument of a call that may be sensitive, nil when there is none.
func (c *checker) keyArgument(n *ast.CallNode) ast.Node {
	id, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		return nil
	}
	f := c.funcs[id.Value]
	if f == nil || f.KeyArg == 0 || f.KeyArg >= len(n.Arguments) {
		return nil
	}
	return n.Arguments[f.KeyArg]
}

// secret tells whether an argument of a call is sensitive. Such a value is in no column.
func (s *signature) secret() bool {
	return slices.ContainsFunc(s.in, func(in info) bool {
		_, is := in.k.(spec.Secret)
		return is && in.t.Kind == record.String
	})
}
