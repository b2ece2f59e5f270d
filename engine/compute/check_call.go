package compute

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/builtin"

	"weir/engine/diag"
	"weir/engine/function"
	"weir/engine/record"
)

// signature is the overload of a listed function that a call uses.
type signature struct {
	fn   *function.Function
	args []record.Type // what each argument is converted to; Any leaves it as it is
	in   []info        // what the checker knows of each argument

	strict []bool // for which arguments nil gives nil
}

func (c *checker) isFunction(name string) bool {
	_, listed := c.funcs[name]
	_, built := builtin.Index[name]
	return listed || built && !slices.Contains(removed[:], name) || name == "now" && c.o.Now != nil || name == "try" || name == "uuid"
}

func (c *checker) functionNames() []string {
	out := []string{"try", "uuid"}
	for name := range c.funcs {
		out = append(out, name)
	}
	for _, name := range builtin.Names {
		if c.isFunction(name) {
			out = append(out, name)
		}
	}
	if c.o.Now != nil {
		out = append(out, "now")
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// nearFunctions returns the function that name most likely is, "" for none, and what to
// say of it.
func (c *checker) nearFunctions(name string) (near, detail string) {
	all := c.functionNames()
	const more = "weir docs function lists all functions."
	bare := func(s string) string { return strings.ReplaceAll(strings.ToLower(s), "_", "") }
	if i := slices.IndexFunc(all, func(s string) bool { return bare(s) == bare(name) }); i >= 0 {
		return all[i], fmt.Sprintf("Did you mean %s()?", all[i])
	}
	if word := foreignFunction(name); word != "" {
		return "", word + " " + more
	}
	near = diag.Suggest(name, all)
	var alike []string
	for _, s := range all {
		a, b := bare(s), bare(name)
		if s != near && len(alike) < 3 && min(len(a), len(b)) > 3 && (strings.Contains(a, b) || strings.Contains(b, a)) {
			alike = append(alike, s+"()")
		}
	}
	switch {
	case near != "" && len(alike) > 0:
		return near, fmt.Sprintf("Did you mean %s()? There are also %s.", near, strings.Join(alike, ", "))
	case near != "":
		return near, fmt.Sprintf("Did you mean %s()?", near)
	case len(alike) > 0:
		return "", fmt.Sprintf("There are %s. %s", strings.Join(alike, ", "), more)
	}
	return "", more
}

func (c *checker) call(n *ast.CallNode) info {
	id, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		return c.method(n)
	}
	if isTry(n) {
		return c.try(n)
	}
	args := make([]info, len(n.Arguments))
	key := c.keyArgument(n)
	for i, a := range n.Arguments {
		if a == key {
			c.keyHere = a
		}
		args[i] = c.expr(a)
	}
	if id.Value == "now" && c.o.Now != nil {
		if len(args) > 0 {
			return c.fail(n, "expr.type", "now() takes nothing", "Remove the arguments.")
		}
		return info{t: tTime}
	}
	f, ok := c.funcs[id.Value]
	if !ok && id.Value == "uuid" {
		return c.uuid(n, args)
	}
	if !ok {
		near, detail := c.nearFunctions(id.Value)
		loc := id.Location()
		d := diag.Errorf("expr.unknown_function", c.at(loc.From, loc.To), fmt.Sprintf("There is no function %s()", id.Value), "%s", detail)
		d.Fix = near
		c.diags = append(c.diags, d)
		return info{t: tBad}
	}
	return c.listed(n, f, args)
}

// listed picks the overload of f that fits the arguments.
func (c *checker) listed(n *ast.CallNode, f *function.Function, args []info) info {
	var problem func() info
	for _, proto := range f.Types {
		t := reflect.TypeOf(proto)
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		to, strict, bad := c.fit(n, f, t, args)
		if bad != nil {
			problem = bad
			continue
		}
		sig := &signature{fn: f, args: to, in: args, strict: strict}
		c.calls[n] = sig
		out := typeOfGo(t.Out(0))
		if f.Returns != nil {
			ts := make([]record.Type, len(args))
			for i := range args {
				ts[i] = args[i].t
			}
			out = f.Returns(ts)
		}
		if !out.Nullable {
			sig.strict = nil
		}
		if !c.prepare(n, sig) || !c.checked(n, sig) {
			return info{t: tBad}
		}
		return c.constant(n, sig, c.zoned(n, sig, out))
	}
	if problem == nil {
		return c.fail(n, "expr.type", fmt.Sprintf("%s() cannot be called", f.Name), "It declares no types.")
	}
	return problem()
}

// fit tells what each argument becomes when f is called as t and which may be nil, or
// how to report why it cannot be called so.
func (c *checker) fit(n *ast.CallNode, f *function.Function, t reflect.Type, args []info) (to []record.Type, strict []bool, problem func() info) {
	least := t.NumIn()
	if t.IsVariadic() {
		least--
	}
	if len(args) < least || len(args) > t.NumIn() && !t.IsVariadic() {
		return nil, nil, func() info {
			return c.fail(n, "expr.type", fmt.Sprintf("%s() takes %s", f.Name, count(least, t)), "It was given %d. %s", len(args), f.Summary)
		}
	}
	to, strict = make([]record.Type, len(args)), make([]bool, len(args))
	for i, in := range args {
		param := t.In(min(i, t.NumIn()-1))
		if t.IsVariadic() && i >= t.NumIn()-1 {
			param = param.Elem()
		}
		want := typeOfGo(param)
		to[i], strict[i] = tAny, want.Nullable
		if want.Kind == record.Any || dynamic(in.t) {
			continue
		}
		if conv, ok := convert(in, want); ok {
			to[i] = conv
			continue
		}
		return nil, nil, func() info { return c.badArgument(n, f.Name, i, in, want) }
	}
	return to, strict, nil
}

func count(least int, t reflect.Type) string {
	switch {
	case t.IsVariadic():
		return fmt.Sprintf("at least %d arguments", least)
	case least == 1:
		return "1 argument"
	}
	return fmt.Sprintf("%d arguments", least)
}

// convert tells whether a value of in can be handed over as want, and what it must be turned into for that.
func convert(in info, want record.Type) (record.Type, bool) {
	null := in.t.Nullable || in.t.Kind == record.Null
	if null && !want.Nullable {
		return tAny, false
	}
	switch {
	case in.t.Kind == record.Null:
		return tAny, true
	case want.Kind == record.Float && in.t.Kind == record.Int:
		return tFloat, true
	case want.Kind == record.Decimal && (in.t.Kind == record.Int || in.t.Kind == record.Float && in.isK):
		return tDec, true
	}
	return tAny, in.t.Kind == want.Kind
}

func (c *checker) badArgument(n *ast.CallNode, name string, i int, in info, want record.Type) info {
	arg := n.Arguments[i]
	if in.t.Kind == want.Kind || in.t.Kind == record.Null {
		c.solid(arg, in, name+"()", n)
		return info{t: tBad}
	}
	return c.failSpan(arg, "expr.type", fmt.Sprintf("%s() needs %s here", name, words(want)), "This is %s.", words(in.t))
}

// method types the calls that datetimes allow.
func (c *checker) method(n *ast.CallNode) info {
	m, ok := n.Callee.(*ast.MemberNode)
	if !ok {
		return c.failSpan(n.Callee, "expr.type", "This is not a function", "")
	}
	base := c.expr(m.Node)
	for _, a := range n.Arguments {
		c.expr(a)
	}
	name, _ := m.Property.(*ast.StringNode)
	if name == nil || base.t.Kind != record.Time && base.t.Kind != duration && !dynamic(base.t) {
		return c.fail(m, "expr.type", fmt.Sprintf("%s has no functions", words(base.t)), "Write function(value) instead of value.function().")
	}
	if base.t.Nullable && !m.Optional {
		c.solid(m.Node, base, "A call", n)
		return info{t: tBad}
	}
	if t, ok := methodResult(base.t, name.Value); ok {
		return info{t: t}
	}
	has := "Year, Month, Day, Hour, Minute, Second, Weekday, YearDay, Unix, UnixMilli, Format, Add, AddDate, Sub, Before, After, Equal, Truncate, Round, UTC"
	if base.t.Kind == duration {
		has = "Hours, Minutes, Seconds, Milliseconds"
	}
	return c.fail(m, "expr.unknown_function", fmt.Sprintf("%s has no %s()", words(base.t), name.Value), "It has %s.", has)
}

// methodResult is the type that a datetime's or a duration's own function gives.
func methodResult(base record.Type, name string) (record.Type, bool) {
	if base.Kind == duration {
		switch name {
		case "Hours", "Minutes", "Seconds":
			return tFloat, true
		case "Milliseconds":
			return tInt, true
		}
		return tBad, false
	}
	switch name {
	case "Year", "Day", "Hour", "Minute", "Second", "YearDay", "Unix", "UnixMilli", "Month", "Weekday", "Nanosecond":
		return tInt, true
	case "Format":
		return tString, true
	case "Before", "After", "Equal", "IsZero":
		return tBool, true
	case "Add", "AddDate", "Truncate", "Round":
		return base, true
	case "UTC":
		return tTime, true
	case "Sub":
		return tDur, true
	}
	return tBad, false
}
