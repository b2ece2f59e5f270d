package compute

import (
	"math/big"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"weir/engine/function"
	"weir/engine/record"
)

// Powers of whole numbers are exact or an error, whatever calculates them.
func TestPowers(t *testing.T) {
	s := valueSchema()
	c := New(s, Options{Now: fixed, Functions: function.All()})
	b := batchOf(s, [][]any{{"", 7, 0.5, dec("0.1"), nil, []any{}, []any{}, nil}})
	const power, float = "error: out of range for a whole number; float(x) ** y keeps the first digits of a power", "error: the power of a whole number has more digits than a float holds; float(x) ** y keeps the first ones"
	const zero, digits = "error: division by zero", "error: 1.152921504606847e+18: a float this large has no last digits; int() gives the whole number that it is, decimal('...') the one that is written"
	for src, want := range map[string]any{
		"2 ** 53 + 1": 9007199254740993, "2 ^ 62 - 1 + 2 ^ 62": 9223372036854775807, "(-2) ** 63": minInt, "(0 - 3) ** (1 + 2)": -27, "0 ** 0": 1, "7 ** 0": 1, "(-1) ** 9007199254740993": -1, "(-1) ** 4": 1,
		"2 ** 53 + 1 == 2 ** 53": false, "2 ** 53 + 1 > 2.0 ** 53": true, "2 ** 53 == 2.0 ** 53": true, "decimal(2 ** 60)": dec("1152921504606846976"), "int(2.0 ** 60)": 1152921504606846976,
		"try(decimal(2.0 ** 60), nil)": nil, "decimal(2.0 ** 60)": digits, "decimal(1e18)": dec("1000000000000000000"), "2 ** -1": 0.5, "3.0 ** 50": 7.178979876918526e+23, "2 ** 0.5": 1.4142135623730951,
		"float('9007199254740993')": "error: a whole number has more digits than a float holds; convert it with decimal()", "float('9007199254740994')": 9007199254740994.0, "float('0.1')": 0.1, "float('3.14159265358979323846')": 3.141592653589793,
		"map([2], # ** 62)[0]": 1 << 62, "map([3], # ** 40)[0]": power, "map([3], 3 ** #)[0]": 27.0, "map([40], 3 ** #)[0]": float, "map([70], 2 ** #)[0]": 1180591620717411303424.0, "map([2000], 2 ** #)[0]": "error: out of range for a float",
		"map([-1], 0 ** #)[0]": zero, "map([-2], (-2) ** #)[0]": 0.25, "map([9007199254740993], # ** 1)[0]": 9007199254740993, "map([9007199254740993], 1 ** #)[0]": 1.0, "map([9007199254740993], 0 ** #)[0]": 0.0,
		"map([1], 9007199254740993 ** #)[0]": float, "map([3], fromJSON(string(#)) ** 2)[0]": 9.0, "map([3], fromJSON(string(#)) ** 40)[0]": float, "map([63], (-2) ** #)[0]": -9223372036854775808.0,
	} {
		if d := cmp.Diff(want, everyWay(t, c, b, src)[0]); d != "" {
			t.Errorf("%s (-want +got):\n%s", src, d)
		}
	}
	for src, want := range map[string]string{"2 ** 64 == n": "Out of range for a whole number; float(x) ** y", "n + 10 ** 19": "Out of range for a whole number", "0 ** -1": "Division by zero", "maybe / 0": "Division by zero", "maybe % 0": "Division by zero", "d / 0.0": "Division by zero", "3 ** 2 ** 40": "Out of range"} {
		if _, ds := c.Row(txt(src), record.Invalid); len(ds) != 1 || ds[0].Code != "expr.constant" || !strings.HasPrefix(ds[0].Detail, want) {
			t.Errorf("%s: %s", src, show(ds))
		}
	}
}

// powInt and powWhole agree with calculations of any size.
func TestPowerOfAnySize(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.OneOf(rapid.Int64(), rapid.Int64Range(-40, 40)).Draw(t, "v")
		n := rapid.Int64Range(0, 80).Draw(t, "n")
		exact := new(big.Int).Exp(big.NewInt(v), big.NewInt(n), nil)
		p, ok := powInt(v, n)
		if ok != exact.IsInt64() || ok && p != exact.Int64() {
			t.Fatalf("%d ** %d is %d, %v, not %s", v, n, p, ok, exact)
		}
		want, off := new(big.Float).SetInt(exact).Float64()
		f, err := powWhole(v, n)
		if holds := off == big.Exact && finite(want); (err == nil) != holds || holds && f != want {
			t.Fatalf("%d ** %d is the float %v, %v, not %s", v, n, f, err, exact)
		}
	})
}
