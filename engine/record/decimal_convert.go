package record

import (
	"math"
	"strconv"
)

// DecimalFromFloat returns the decimal with the shortest notation that reads back
// as f: 0.1 is 0.1. It returns ErrDecimalRange when that has too many digits, and
// for infinities and NaN. It allocates nothing.
func DecimalFromFloat(f float64) (DecimalValue, error) {
	if math.Abs(f) >= 1e19 || math.IsNaN(f) {
		return DecimalValue{}, ErrDecimalRange
	}
	var buf [400]byte
	return ParseDecimal(strconv.AppendFloat(buf[:0], f, 'f', -1, 64), false)
}
