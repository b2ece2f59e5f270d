package record

import (
	"encoding/binary"
	"slices"
	"time"
)

// DateValue is a calendar day without a zone: days since 1970-01-01.
type DateValue struct{ Days int64 }

// DateOf returns the day with the given year, month and day of month, and
// whether such a day exists.
func DateOf(year, month, day int) (DateValue, bool) {
	if month < 1 || month > 12 || day < 1 || day > 28 && day > daysIn(year, month) {
		return DateValue{}, false
	}
	// Shifted by whole cycles of 400 years into what 32 bits without a sign hold, and
	// with years that begin in March, so that the leap day is the last of its year.
	shift := int64(0)
	if year < 0 || year > maxShifted {
		shift = floorDiv(int64(year), 400)
		year -= int(shift * 400)
	}
	y, m := uint32(year)+400, uint32(month)
	if m <= 2 {
		y, m = y-1, m+12
	}
	century := y / 100
	n := 1461*y/4 - century + century/4 + (979*m-2919)/32 + uint32(day) - 1
	return DateValue{int64(n) - epochShift + shift*cycleDays}, true
}

const (
	cycleDays  = 146097             // of 400 years
	epochShift = 719468 + cycleDays // days from 1 March of the year -400 to the epoch
	maxShifted = 1 << 20            // years below it need no shift
)

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// Civil returns the year, month and day of month of d.
func (d DateValue) Civil() (year, month, day int) {
	shift := int64(0)
	days := d.Days
	if days < -cycleDays || days > maxShifted*365 {
		shift = floorDiv(days, cycleDays)
		days -= shift * cycleDays
	}
	// Neri and Schneider, "Euclidean affine functions and their application to
	// calendar algorithms": divisions become multiplications.
	n1 := 4*uint32(days+epochShift) + 3
	century := n1 / cycleDays
	n2 := n1%cycleDays | 3
	p := uint64(2939745) * uint64(n2)
	n3 := 2141*(uint32(p)/2939745/4) + 197913
	y, m := 100*century+uint32(p>>32), n3>>16
	day = int(n3&0xFFFF)/2141 + 1
	if m > 12 { // January and February of the next year
		y, m = y+1, m-12
	}
	return int(y) - 400 + int(shift)*400, int(m), day
}

// Time returns midnight UTC of d.
func (d DateValue) Time() time.Time { return time.Unix(d.Days*86400, 0).UTC() }

// Append appends d as YYYY-MM-DD.
func (d DateValue) Append(b []byte) []byte {
	if d.Days < minDay || d.Days > maxDay {
		return d.Time().AppendFormat(b, "2006-01-02")
	}
	n := len(b)
	b = slices.Grow(b, 10)[:n+10]
	d.put((*[10]byte)(b[n:]))
	return b
}

// put writes d, a day from minDay to maxDay, as YYYY-MM-DD.
func (d DateValue) put(b *[10]byte) {
	y, m, day := d.Civil()
	hi, lo, mm, dd := uint32(y)/100, uint32(y)%100, uint32(m), uint32(day)
	// n/10 is n*103>>10 for n below 100; tens go to the lower byte, units to the next.
	pair := func(n uint32) uint64 { t := n * 103 >> 10; return uint64(t | (n-10*t)<<8) }
	first := pair(hi) | pair(lo)<<16 | pair(mm)<<40 | 0x2D_3030_2D_30303030
	binary.LittleEndian.PutUint64(b[:], first)
	binary.LittleEndian.PutUint16(b[8:], uint16(pair(dd)|0x3030))
}

// String returns d as YYYY-MM-DD.
func (d DateValue) String() string { return string(d.Append(nil)) }
