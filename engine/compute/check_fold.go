package compute

import (
	"math/big"
	"strconv"
	"strings"

	"github.com/expr-lang/expr/ast"

	"weir/engine/record"
)

// known returns the number that in has in every row, when it is known while compiling.
func (in info) known() (any, bool) {
	v := in.calc
	if in.isK {
		v = in.k
	}
	return v, isNumber(v)
}

// calculated evaluates an operator of numbers that are known while compiling, to
// report what has no value in any row. The result stays what it is: only its
// number is remembered, for the operators around it.
func (c *checker) calculated(n *ast.BinaryNode, l, r, out info) info {
	x, known := l.known()
	y, also := r.known()
	if !known || !also || out.t.Kind == record.Invalid {
		return out
	}
	var v any
	var err error
	if isPower(n.Operator) && out.t.Kind == record.Int {
		v, err = power(x, y)
	} else {
		v, err = (&run{}).arith(n.Operator, x, y)
	}
	if err != nil {
		return c.noValue(n, err)
	}
	out.calc = v
	return out
}

// dividesByZero tells whether l is divided by what is 0 in every row. Nothing else that
// is wrong with l need be told then.
func dividesByZero(op string, l, r info) bool {
	y, ok := r.known()
	if !ok || !number(l.t) || op != "/" && (op != "%" || l.t.Kind != record.Int || r.t.Kind != record.Int) {
		return false
	}
	c, comparable := compareNumbers(y, 0)
	return comparable && c == 0
}

// negated is calculated for the unary minus.
func (c *checker) negated(n *ast.UnaryNode, in, out info) info {
	v, ok := in.known()
	if !ok {
		return out
	}
	v, err := numberOf("-", v)
	if err != nil {
		return c.noValue(n, err)
	}
	if in.isK {
		return konst(v)
	}
	out.calc = v
	return out
}

func (c *checker) noValue(n ast.Node, err error) info {
	return c.failSpan(n, "expr.constant", "This calculation has no value", "%s%s.", strings.ToUpper(err.Error()[:1]), err.Error()[1:])
}

// float types a number literal with a point or an exponent. One that loses digits
// as a float is refused: it would be another number than the one that is written.
func (c *checker) float(n *ast.FloatNode) info {
	loc, runes := n.Location(), []rune(c.text.S)
	if loc.From < 0 || loc.To > len(runes) || loc.From >= loc.To {
		return konst(n.Value)
	}
	written := strings.ReplaceAll(string(runes[loc.From:loc.To]), "_", "")
	kept := strconv.FormatFloat(n.Value, 'g', -1, 64)
	x, ok := new(big.Rat).SetString(written)
	y, ok2 := new(big.Rat).SetString(kept)
	if !ok || !ok2 || x.Cmp(y) == 0 {
		return konst(n.Value)
	}
	detail := "A float keeps 15 to 17 digits: write " + kept + "."
	if d, err := record.ParseDecimal([]byte(written), false); err == nil {
		detail = "A float keeps 15 to 17 digits: write decimal('" + d.String() + "') for this number, or " + kept + "."
	}
	return c.fail(n, "expr.constant", "This number has more digits than a float keeps", "%s", detail)
}
