package scenario

import (
	"reflect"
	"time"

	"github.com/expr-lang/expr/ast"
)

// equalName is the function that == becomes; no expression can write it.
const equalName = "\x00equal"

// equality makes == and != compare numbers by value wherever they stand: JSON
// has one kind of number, so {n: 1} equals {n: 1.0}.
type equality struct{}

// Visit implements ast.Visitor.
func (equality) Visit(n *ast.Node) {
	b, ok := (*n).(*ast.BinaryNode)
	if !ok || b.Operator != "==" && b.Operator != "!=" {
		return
	}
	var call ast.Node = &ast.CallNode{Callee: &ast.IdentifierNode{Value: equalName}, Arguments: []ast.Node{b.Left, b.Right}}
	if b.Operator == "!=" {
		call = &ast.UnaryNode{Operator: "not", Node: call}
	}
	ast.Patch(n, call)
}

func equalFunction(args ...any) (any, error) {
	return equal(reflect.ValueOf(args[0]), reflect.ValueOf(args[1])), nil
}

func equal(a, b reflect.Value) bool {
	a, b = bare(a), bare(b)
	if !a.IsValid() || !b.IsValid() {
		return a.IsValid() == b.IsValid()
	}
	if a.CanInt() && b.CanInt() {
		return a.Int() == b.Int()
	}
	if x, ok := number(a); ok {
		y, ok := number(b)
		return ok && x == y
	}
	switch {
	case isList(a) && isList(b):
		if a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !equal(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	case a.Kind() == reflect.Map && b.Kind() == reflect.Map:
		if a.Len() != b.Len() {
			return false
		}
		for it := a.MapRange(); it.Next(); {
			v := b.MapIndex(it.Key())
			if !v.IsValid() || !equal(it.Value(), v) {
				return false
			}
		}
		return true
	}
	x, isTime := reflect.TypeAssert[time.Time](a)
	if y, ok := reflect.TypeAssert[time.Time](b); ok && isTime {
		return x.Equal(y)
	}
	return a.Type() == b.Type() && reflect.DeepEqual(a.Interface(), b.Interface())
}

// bare takes the value out of an interface; nil is the zero Value.
func bare(v reflect.Value) reflect.Value {
	for v.IsValid() && v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	return v
}

func number(v reflect.Value) (float64, bool) {
	switch {
	case v.CanInt():
		return float64(v.Int()), true
	case v.CanUint():
		return float64(v.Uint()), true
	case v.CanFloat():
		return v.Float(), true
	}
	return 0, false
}

func isList(v reflect.Value) bool { return v.Kind() == reflect.Slice || v.Kind() == reflect.Array }
