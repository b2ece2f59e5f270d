package record

import (
	"math/big"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// A text becomes a float when that has its whole part.
func TestFloatKeeps(t *testing.T) {
	for s, want := range map[string]bool{
		"0.1": true, "3.14159265358979323846": true, "9007199254740991.4": true, "9007199254740992": true, "9007199254740993": false, "-9007199254740993": false,
		"9007199254740993.0": false, "9007199254740994": true, "+009007199254740994.000": true, "90071992547409930e-1": false, "1e23": true, "1e300": true, "123456789012345678e10": false,
		"1152921504606847000": true, "1152921504606846976": true, "1152921504606846977": false, "9223372036854775808.00": true, "1152921504606847000.5": false, "100000000000000000000": true, "1000000000000000000000000000000000000001": false, "0.1e17": true,
	} {
		f, err := strconv.ParseFloat(s, 64)
		if got := FloatKeeps(s, f); err != nil || got != want {
			t.Errorf("%s: %v, %v", s, got, err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s := strconv.FormatInt(rapid.Int64().Draw(t, "n"), 10) + rapid.SampledFrom([]string{"", "e3", "000", ".0"}).Draw(t, "end")
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatal(err)
		}
		x, _ := new(big.Rat).SetString(s)
		y, _ := new(big.Rat).SetString(strconv.FormatFloat(f, 'e', -1, 64))
		exact := new(big.Rat).SetFloat64(f)
		if got := FloatKeeps(s, f); got != (x.Cmp(y) == 0 || x.Cmp(exact) == 0) {
			t.Fatalf("%s as %v: %v", s, f, got)
		}
	})
	s := "9007199254740994"
	if n := testing.AllocsPerRun(10, func() { _ = FloatKeeps(s, 9007199254740994) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
