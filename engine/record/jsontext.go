package record

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

const (
	ones = 0x0101010101010101
	tops = 0x8080808080808080
)

// unsafeBytes has a bit set when one of the eight bytes of w is a control
// character, a quote, a backslash or not ASCII. It may also be set when none is
// above such a byte, never the other way round.
func unsafeBytes(w uint64) uint64 {
	quote, slash := w^(ones*'"'), w^(ones*'\\')
	return (w | (w-ones*0x20)&^w | (quote-ones)&^quote | (slash-ones)&^slash) & tops
}

// AppendJSONString appends s as a JSON string (RFC 8259). Bytes that are not
// UTF-8 are written as U+FFFD.
func AppendJSONString(dst []byte, s string) []byte { return AppendJSONBytes(dst, []byte(s)) }

// AppendJSONBytes is AppendJSONString for bytes.
func AppendJSONBytes(dst, s []byte) []byte { return appendJSONText(append(dst, '"'), s) }

// appendJSONText appends s and the closing quote.
func appendJSONText(dst, s []byte) []byte {
	done, i := 0, 0
	for i < len(s) {
		if i+8 <= len(s) && unsafeBytes(binary.LittleEndian.Uint64(s[i:])) == 0 {
			i += 8
			continue
		}
		c := s[i]
		if c >= 0x20 && c < utf8.RuneSelf && c != '"' && c != '\\' {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			dst = append(dst, s[done:i]...)
			dst = appendEscape(dst, c)
			i++
			done = i
			continue
		}
		r, n := utf8.DecodeRune(s[i:])
		if r == utf8.RuneError && n == 1 {
			dst = append(dst, s[done:i]...)
			dst = append(dst, "\uFFFD"...)
			done = i + 1
		}
		i += n
	}
	dst = append(dst, s[done:]...)
	return append(dst, '"')
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	const hex = "0123456789abcdef"
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}

// zoneSpan remembers the offset of a zone between two of its changes: rows that
// follow one another mostly share it.
type zoneSpan struct {
	loc      *time.Location
	from, to int64 // Unix seconds; valid when from < to
	offset   int
}

// at returns the offset east of UTC, in seconds, at the Unix time sec.
func (z *zoneSpan) at(sec int64) int {
	if z.loc == nil || z.loc == time.UTC {
		return 0
	}
	if z.from <= sec && sec < z.to {
		return z.offset
	}
	t := time.Unix(sec, 0).In(z.loc)
	_, z.offset = t.Zone()
	z.from, z.to = math.MinInt64, math.MaxInt64
	start, end := t.ZoneBounds()
	if !start.IsZero() {
		z.from = start.Unix()
	}
	if !end.IsZero() {
		z.to = end.Unix()
	}
	return z.offset
}

// appendTime appends the instant micros as RFC 3339 in the zone.
func appendTime(dst []byte, micros int64, z *zoneSpan) ([]byte, error) {
	sec, frac := micros/1e6, micros%1e6
	if frac < 0 {
		sec, frac = sec-1, frac+1e6
	}
	return appendInstant(dst, sec, int(frac)*1000, z.at(sec))
}

// appendInstant appends an instant as RFC 3339. Offsets there have whole minutes:
// one with seconds (local mean time, before about 1940) is cut to minutes and the
// clock reading moved with it, so that the instant stays right.
func appendInstant(dst []byte, sec int64, nanos, offset int) ([]byte, error) {
	offset -= offset % 60
	sec += int64(offset)
	days, rest := sec/86400, int(sec%86400)
	if rest < 0 {
		days, rest = days-1, rest+86400
	}
	dst, err := appendDate(dst, DateValue{days})
	if err != nil {
		return dst, err
	}
	h, m, s := rest/3600, rest/60%60, rest%60
	dst = append(dst, 'T', byte('0'+h/10), byte('0'+h%10), ':', byte('0'+m/10), byte('0'+m%10), ':', byte('0'+s/10), byte('0'+s%10))
	if nanos != 0 {
		dst = append(dst, '.')
		for unit := int(1e8); nanos > 0; unit /= 10 {
			dst = append(dst, byte('0'+nanos/unit))
			nanos %= unit
		}
	}
	if offset == 0 {
		return append(dst, 'Z'), nil
	}
	sign := byte('+')
	if offset < 0 {
		sign, offset = '-', -offset
	}
	h, m = offset/3600, offset/60%60
	return append(dst, sign, byte('0'+h/10), byte('0'+h%10), ':', byte('0'+m/10), byte('0'+m%10)), nil
}

// Days of 0000-01-01 and of 9999-12-31: what four digits of year can say.
const minDay, maxDay = -719528, 2932896

func appendDate(dst []byte, d DateValue) ([]byte, error) {
	if d.Days < minDay || d.Days > maxDay {
		return dst, fmt.Errorf("the day %s of the calendar %w: years have four digits", strconv.FormatInt(d.Days, 10), ErrNotJSON)
	}
	return d.Append(dst), nil
}

func appendQuotedDate(dst []byte, d DateValue) ([]byte, error) {
	dst, err := appendDate(append(dst, '"'), d)
	return append(dst, '"'), err
}

func appendQuotedTime(dst []byte, micros int64, z *zoneSpan) ([]byte, error) {
	dst, err := appendTime(append(dst, '"'), micros, z)
	return append(dst, '"'), err
}

func appendQuotedInstant(dst []byte, sec int64, nanos, offset int) ([]byte, error) {
	dst, err := appendInstant(append(dst, '"'), sec, nanos, offset)
	return append(dst, '"'), err
}
