package record

import (
	"errors"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// rat returns d as an exact fraction.
func rat(d DecimalValue) *big.Rat {
	den := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(d.Scale)), nil)
	return new(big.Rat).SetFrac(big.NewInt(d.Coef), den)
}

// fromRat is the definition of a decimal result: exact, canonical, coefficient
// and scale in range.
func fromRat(r *big.Rat) (DecimalValue, error) {
	for scale := range uint8(MaxScale + 1) {
		n := new(big.Rat).Mul(r, new(big.Rat).SetInt64(pow10[scale]))
		if n.IsInt() {
			if c := n.Num(); c.IsInt64() && c.Int64() != math.MinInt64 {
				return DecimalValue{c.Int64(), scale}, nil
			}
			return DecimalValue{}, ErrDecimalRange
		}
	}
	return DecimalValue{}, ErrDecimalRange
}

// roundRat rounds r half away from zero to places digits.
func roundRat(r *big.Rat, places uint8) *big.Rat {
	p := new(big.Rat).SetInt64(pow10[places])
	n := new(big.Rat).Mul(new(big.Rat).Abs(r), p)
	n.Add(n, big.NewRat(1, 2))
	q := new(big.Int).Quo(n.Num(), n.Denom())
	out := new(big.Rat).Quo(new(big.Rat).SetInt(q), p)
	if r.Sign() < 0 {
		out.Neg(out)
	}
	return out
}

// decimals draws values of all sizes, among them those at the edges.
func decimals() *rapid.Generator[DecimalValue] {
	coef := rapid.OneOf(rapid.Int64(), rapid.Int64Range(-1000, 1000),
		rapid.SampledFrom([]int64{0, 1, -1, 5, 10, math.MaxInt64, -math.MaxInt64, math.MinInt64, 922337203685477580, 1e18, 5e18, -5e18, 1 << 62, 1 << 53}),
		rapid.Custom(func(t *rapid.T) int64 {
			return rapid.Int64Range(-99, 99).Draw(t, "n") * pow10[rapid.IntRange(0, 16).Draw(t, "zeros")]
		}))
	return rapid.Custom(func(t *rapid.T) DecimalValue {
		return NewDecimal(coef.Draw(t, "coef"), rapid.Uint8Range(0, MaxScale).Draw(t, "scale"))
	})
}

func TestDecimalArithmetic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, e := decimals().Draw(t, "d"), decimals().Draw(t, "e")
		if rapid.Bool().Draw(t, "same scale") {
			e = NewDecimal(e.Coef, d.Scale)
		}
		x, y := rat(d), rat(e)
		check := func(op string, got DecimalValue, err error, exact *big.Rat) {
			if want, wantErr := fromRat(exact); got != want || !errors.Is(err, wantErr) {
				t.Fatalf("%s %s %s is %v, %v, want %v, %v", d, op, e, got, err, want, wantErr)
			}
		}
		sum, err := d.Add(e)
		check("+", sum, err, new(big.Rat).Add(x, y))
		dif, err := d.Sub(e)
		check("-", dif, err, new(big.Rat).Sub(x, y))
		pro, err := d.Mul(e)
		check("*", pro, err, new(big.Rat).Mul(x, y))
		if got := d.Cmp(e); got != x.Cmp(y) {
			t.Fatalf("%s compared to %s is %d", d, e, got)
		}
		if (d == e) != (x.Cmp(y) == 0) {
			t.Fatalf("%v and %v: equal numbers are equal structs", d, e)
		}
		places := rapid.Uint8Range(0, MaxScale).Draw(t, "places")
		if got, err := fromRat(roundRat(x, places)); err == nil && d.Round(places) != got {
			t.Fatalf("%s rounded to %d is %s, want %s", d, places, d.Round(places), got)
		}
		quo, err := d.Div(e, places)
		if e.Coef == 0 {
			if !errors.Is(err, ErrDecimalZero) {
				t.Fatalf("division by zero: %v", err)
			}
			return
		}
		check("/", quo, err, roundRat(new(big.Rat).Quo(x, y), places))
	})
}

// TestDecimalEdges pins what random values rarely meet.
func TestDecimalEdges(t *testing.T) {
	div := func(places uint8) func(a, b DecimalValue) (DecimalValue, error) {
		return func(a, b DecimalValue) (DecimalValue, error) { return a.Div(b, places) }
	}
	for _, c := range []struct {
		name, a, b string
		op         func(a, b DecimalValue) (DecimalValue, error)
		want       string // "" is out of range
	}{
		{"add", "9223372036854775807", "9223372036854775807", DecimalValue.Add, ""},
		{"add", "9223372036854775807", "1", DecimalValue.Add, ""},
		{"add", "922337203685477580.7", "0.3", DecimalValue.Add, "922337203685477581"},
		{"add", "922337203685477581", "-0.5", DecimalValue.Add, "922337203685477580.5"},
		{"sub", "-9223372036854775807", "1", DecimalValue.Sub, ""},
		{"sub", "9223372036854775807", "9223372036854775807", DecimalValue.Sub, "0"},
		{"mul", "5000000000000000000", "0.2", DecimalValue.Mul, "1000000000000000000"},
		{"mul", "0.000000001", "0.0000000001", DecimalValue.Mul, ""},
		{"mul", "0.000000005", "0.0000000002", DecimalValue.Mul, "0.000000000000000001"},
		{"div 0", "1", "2", div(0), "1"},
		{"div 0", "-1", "2", div(0), "-1"},
		{"div 0", "0.4", "1", div(0), "0"},
		{"div 2", "0.005", "-1", div(2), "-0.01"},
		{"div 2", "2", "3", div(2), "0.67"},
		{"div 18", "1", "3", div(18), "0.333333333333333333"},
		{"div 18", "100", "3", div(18), ""},
		{"div 0", "1234567890123456789", "1.000000000000000001", div(0), "1234567890123456788"},
		{"div 0", "1", "0.000000000000000001", div(0), "1000000000000000000"},
		{"div 0", "10", "0.000000000000000001", div(0), ""},
	} {
		a, errA := ParseDecimal([]byte(c.a), false)
		b, errB := ParseDecimal([]byte(c.b), false)
		got, err := c.op(a, b)
		if errA != nil || errB != nil || c.want == "" && !errors.Is(err, ErrDecimalRange) || c.want != "" && (err != nil || got.String() != c.want) {
			t.Errorf("%s %s %s is %s, %v, want %q", c.a, c.name, c.b, got, err, c.want)
		}
	}
	for in, want := range map[string]string{"0.5": "1", "-0.5": "-1", "0.49": "0", "-1.5": "-2", "2.5": "3"} {
		if d, err := ParseDecimal([]byte(in), false); err != nil || d.Round(0).String() != want {
			t.Errorf("%s rounds to %s, want %s", in, d.Round(0), want)
		}
	}
}

func TestDecimalNegAbs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := decimals().Draw(t, "d")
		if d.Coef == math.MinInt64 {
			if d.Neg() != d {
				t.Fatalf("-%s is %s", d, d.Neg())
			}
			if _, err := (DecimalValue{}).Sub(d); d.Scale == 0 && !errors.Is(err, ErrDecimalRange) {
				t.Fatalf("0 - %s: %v", d, err)
			}
			return
		}
		if rat(d.Neg()).Cmp(new(big.Rat).Neg(rat(d))) != 0 || rat(d.Abs()).Cmp(new(big.Rat).Abs(rat(d))) != 0 {
			t.Fatalf("%s: negative %s, magnitude %s", d, d.Neg(), d.Abs())
		}
	})
}

func TestDecimalText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := decimals().Draw(t, "d")
		want := rat(d).FloatString(int(d.Scale))
		if d.String() != want {
			t.Fatalf("%v is written %s, want %s", d, d, want)
		}
		if d.Coef != math.MinInt64 {
			if back, err := ParseDecimal([]byte(want), false); err != nil || back != d {
				t.Fatalf("%s is read as %v, %v", want, back, err)
			}
			withComma := strings.Replace(want, ".", ",", 1)
			if back, err := ParseDecimal([]byte(withComma), true); err != nil || back != d {
				t.Fatalf("%s is read as %v, %v", withComma, back, err)
			}
		}
		nearest, err := strconv.ParseFloat(want, 64)
		if err != nil || d.Float() != nearest {
			t.Fatalf("%s as a float is %v, want %v, %v", d, d.Float(), nearest, err)
		}
	})
}

func TestDecimalFromFloat(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.OneOf(rapid.Float64(), rapid.Float64Range(-1e6, 1e6), rapid.Map(rapid.IntRange(-1e6, 1e6), func(n int) float64 { return float64(n) / 100 })).Draw(t, "f")
		d, err := DecimalFromFloat(f)
		exact, _ := new(big.Rat).SetString(strconv.FormatFloat(f, 'f', -1, 64))
		want, wantErr := fromRat(exact)
		if value := new(big.Rat).SetFloat64(f); wantErr == nil && value.IsInt() && value.Cmp(exact) != 0 {
			want, wantErr = DecimalValue{}, ErrFloatDigits
		}
		if d != want || err == nil && d.Float() != f {
			t.Fatalf("%v is %s, want %s", f, d, want)
		}
		if !errors.Is(err, wantErr) {
			t.Fatalf("%v: %v, want %s", f, err, want)
		}
	})
	for _, f := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e19, 1e-19, math.MaxFloat64, math.SmallestNonzeroFloat64} {
		if d, err := DecimalFromFloat(f); !errors.Is(err, ErrDecimalRange) {
			t.Errorf("%v is %v, %v", f, d, err)
		}
	}
	for f, want := range map[float64]error{1 << 53: nil, 1<<53 + 2: nil, 1e18: nil, -1e18: nil, 1 << 60: ErrFloatDigits, -1 << 60: ErrFloatDigits, 1<<63 - 1024: ErrFloatDigits} {
		d, err := DecimalFromFloat(f)
		if !errors.Is(err, want) || err == nil && d != DecimalFromInt(int64(f)) {
			t.Errorf("%v is %v, %v", f, d, err)
		}
	}
	if d, err := DecimalFromFloat(math.Copysign(0, -1)); err != nil || d != (DecimalValue{}) {
		t.Errorf("minus zero is %v, %v", d, err)
	}
}

func TestParseDecimal(t *testing.T) {
	for _, c := range []struct {
		in    string
		comma bool
		want  string
	}{
		{"1234.50", false, "1234.5"}, {"+1", false, "1"}, {"-0.0", false, "0"}, {".5", false, "0.5"}, {"5.", false, "5"}, {"007", false, "7"},
		{"1,234,567.8", false, "1234567.8"}, {"1.234.567,8", true, "1234567.8"}, {"1 234", true, "1234"}, {"1'234.5", false, "1234.5"},
		{"1\u00a0234,5", true, "1234.5"}, {"1\u202f234\u00a0567,5", true, "1234567.5"}, {"−12", false, "-12"}, {"1.000000000000000000000", false, "1"},
		{"922337203685477580.7", false, "922337203685477580.7"}, {"-9223372036854775807.00", false, "-9223372036854775807"}, {"1844674407370955160.0", false, "1844674407370955160"},
	} {
		d, err := ParseDecimal([]byte(c.in), c.comma)
		if err != nil || d.String() != c.want {
			t.Errorf("%q is %s, %v, want %s", c.in, d, err, c.want)
		}
	}
	for _, in := range []string{"", "-", ".", "+.", "1..2", "1.2.3", "1,23", "1,2345", "12345,678", ",123", "1,234,", "1,,234", "1,234 567", "0,125", "00,125",
		"1.5,000", " 1", "1 ", "1e5", "0x1", "١", "\u00a01", "1-", "--1", "1\xe2\x80", "\xe2\x88", "NaN"} {
		if d, err := ParseDecimal([]byte(in), false); !errors.Is(err, ErrDecimalSyntax) {
			t.Errorf("%q is %v, %v", in, d, err)
		}
	}
	for _, in := range []string{"99999999999999999999", "0.0000000000000000001", "123456789012345678.99", "-9999999999999999999", "9223372036854775808", "18446744073709551616"} {
		if d, err := ParseDecimal([]byte(in), false); !errors.Is(err, ErrDecimalRange) {
			t.Errorf("%q is %v, %v", in, d, err)
		}
	}
}

// FuzzParseDecimal: what is accepted is what math/big reads without the groups.
func FuzzParseDecimal(f *testing.F) {
	for _, s := range []string{"1,234.5", "-0.1", "1 234", "9223372036854775807", "0,125", "−1"} {
		f.Add(s, false)
	}
	f.Add("1.234,5", true)
	f.Fuzz(func(t *testing.T, s string, comma bool) {
		d, err := ParseDecimal([]byte(s), comma)
		if err != nil {
			if !errors.Is(err, ErrDecimalRange) && !errors.Is(err, ErrDecimalSyntax) {
				t.Fatal(err)
			}
			return
		}
		group, mark := ",", "."
		if comma {
			group, mark = ".", ","
		}
		plain := strings.NewReplacer(group, "", mark, ".", " ", "", "'", "", "\u00a0", "", "\u202f", "", "−", "-").Replace(s)
		want, isNumber := new(big.Rat).SetString(plain)
		if !isNumber || want.Cmp(rat(d)) != 0 {
			t.Fatalf("%q is read as %s", s, d)
		}
		if canonical := NewDecimal(d.Coef, d.Scale); canonical != d {
			t.Fatalf("%q gives %v, which is not canonical", s, d)
		}
	})
}

func TestDecimalDoesNotAllocate(t *testing.T) {
	a, b := NewDecimal(123456, 2), NewDecimal(789, 3)
	text, buf := []byte("1.234.567,89"), make([]byte, 0, 64)
	if n := testing.AllocsPerRun(100, func() {
		_, _ = ParseDecimal(text, true)
		_, _ = DecimalFromFloat(0.1)
		_, _ = a.Add(b)
		_, _ = a.Mul(b)
		_, _ = a.Div(b, 10)
		_ = a.Float()
		_ = a.Append(buf)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestParseShort: the short way gives what the long way gives, which a plus sign forces.
func TestParseShort(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringOfN(rapid.RuneFrom([]rune("00123456789.,")), 0, 22, -1).Draw(t, "s")
		for _, comma := range []bool{false, true} {
			short, err := ParseDecimal([]byte(s), comma)
			long, want := ParseDecimal([]byte("+"+s), comma)
			if short != long || !errors.Is(err, want) {
				t.Fatalf("%q is %v, %v, and %v, %v with a sign", s, short, err, long, want)
			}
			if neg, err := ParseDecimal([]byte("-"+s), comma); neg != long.Neg() || !errors.Is(err, want) {
				t.Fatalf("-%s is %v, %v", s, neg, err)
			}
		}
	})
}

// TestAddScales: sums of numbers of different scales are those of the long way.
func TestAddScales(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size, most := int64(1<<42), 6 // sums have 18 digits at most
		if rapid.Bool().Draw(t, "large") {
			size, most = 1<<51, 3
		}
		draw := func(name string) DecimalValue {
			return NewDecimal(rapid.Int64Range(-size, size).Draw(t, name), uint8(rapid.IntRange(0, most).Draw(t, "scale of "+name)))
		}
		a, b := draw("a"), draw("b")
		sum, err := a.Add(b)
		if err != nil {
			t.Fatal(err)
		}
		scale := int64(1e6)
		unit := func(d DecimalValue) *big.Int {
			return new(big.Int).Mul(big.NewInt(d.Coef), big.NewInt(scale/pow10[d.Scale]))
		}
		if want := new(big.Int).Add(unit(a), unit(b)); unit(sum).Cmp(want) != 0 || sum != NewDecimal(sum.Coef, sum.Scale) {
			t.Fatalf("%v + %v is %v", a, b, sum)
		}
		if back, err := sum.Sub(b); err != nil || back != a {
			t.Fatalf("%v - %v is %v, %v, want %v", sum, b, back, err, a)
		}
	})
}

// TestSumDecimals: a sum is what adding one by one gives, errors included.
func TestSumDecimals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var coefs []int64
		var scales []uint8
		var want DecimalValue
		var wantErr error
		most := rapid.SampledFrom([]int64{1000, 1 << 40, math.MaxInt64}).Draw(t, "most")
		for range rapid.IntRange(0, 6).Draw(t, "n") {
			d := NewDecimal(rapid.Int64Range(-most, most).Draw(t, "coef"), uint8(rapid.IntRange(0, 5).Draw(t, "scale")))
			coefs, scales = append(coefs, d.Coef), append(scales, d.Scale)
			if wantErr == nil {
				want, wantErr = want.Add(d)
			}
		}
		if sum, err := SumDecimals(coefs, scales); sum != want || !errors.Is(err, wantErr) {
			t.Fatalf("the sum of %v, scales %v, is %v, %v, want %v, %v", coefs, scales, sum, err, want, wantErr)
		}
	})
}
