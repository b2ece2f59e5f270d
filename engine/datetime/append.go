package datetime

import (
	"strconv"
	"time"

	"weir/engine/record"
)

// AppendTime appends an instant, microseconds since the epoch, as clocks in loc
// show it; nil is UTC. It looks up loc anew each time; a Printer is faster.
func (f *Format) AppendTime(dst []byte, micros int64, loc *time.Location) []byte {
	z := Zone{loc: orUTC(loc)}
	return f.appendTime(dst, micros, &z)
}

// AppendDate appends a day, days since 1970-01-01, as midnight UTC of that day.
func (f *Format) AppendDate(dst []byte, days int64) []byte {
	return f.append(dst, split(days*secondsPerDay, 0, 0))
}

func (f *Format) appendTime(dst []byte, micros int64, z *Zone) []byte {
	unix, micro := floorDiv(micros, microsPerSecond)
	return f.append(dst, split(unix, micro, z.Offset(unix)))
}

func floorDiv(a, b int64) (q, r int64) {
	q, r = a/b, a%b
	if r < 0 {
		q, r = q-1, r+b
	}
	return q, r
}

// clock is an instant taken apart for one zone.
type clock struct {
	days, unix, micro, offset              int64
	year, month, day, hour, minute, second int
}

func split(unix, micro, offset int64) clock {
	days, sec := floorDiv(unix+offset, secondsPerDay)
	c := clock{
		days: days, unix: unix, micro: micro, offset: offset,
		hour: int(sec / 3600), minute: int(sec / 60 % 60), second: int(sec % 60),
	}
	c.year, c.month, c.day = record.DateValue{Days: days}.Civil()
	return c
}

func (f *Format) append(dst []byte, c clock) []byte {
	if out, done := f.fixed.append(dst, &c); done {
		return out
	}
	for k := range f.items {
		it := &f.items[k]
		if it.verb == 0 {
			dst = append(dst, it.lit...)
			continue
		}
		dst = it.append(dst, &c)
	}
	return dst
}

func (it *item) append(dst []byte, c *clock) []byte {
	switch it.verb {
	case 'Y':
		return appendYear(dst, c.year)
	case 'y':
		return append2(dst, (c.year%100+100)%100)
	case 'm':
		return it.number2(dst, c.month)
	case 'd':
		return it.number2(dst, c.day)
	case 'e':
		if c.day < 10 {
			dst = append(dst, ' ')
		}
		return strconv.AppendInt(dst, int64(c.day), 10)
	case 'j':
		first, _ := record.DateOf(c.year, 1, 1)
		n := int(c.days-first.Days) + 1
		return append2(append(dst, byte('0'+n/100)), n%100)
	case 'b':
		return append(dst, monthNames[c.month-1][:3]...)
	case 'B':
		return append(dst, monthNames[c.month-1]...)
	case 'a':
		return append(dst, weekdayNames[weekday(c.days)-1][:3]...)
	case 'A':
		return append(dst, weekdayNames[weekday(c.days)-1]...)
	case 'H':
		return it.number2(dst, c.hour)
	case 'I':
		return it.number2(dst, (c.hour+11)%12+1)
	case 'p':
		return append(dst, halfNames[c.hour/12]...)
	case 'M':
		return it.number2(dst, c.minute)
	case 'S':
		return it.number2(dst, c.second)
	case 'f':
		return appendFraction(dst, c.micro, it.flag)
	case 'z':
		return appendOffset(dst, c.offset, it.flag == ':')
	}
	return strconv.AppendInt(dst, c.unix, 10)
}

func append2(dst []byte, v int) []byte { return append(dst, byte('0'+v/10), byte('0'+v%10)) }

func (it *item) number2(dst []byte, v int) []byte {
	if it.flag == '-' && v < 10 {
		return append(dst, byte('0'+v))
	}
	return append2(dst, v)
}

// appendYear writes at least four digits; a year before 0 has a minus sign.
func appendYear(dst []byte, y int) []byte {
	if y < 0 {
		dst, y = append(dst, '-'), -y
	}
	if y > 9999 {
		return strconv.AppendInt(dst, int64(y), 10)
	}
	return append2(append2(dst, y/100), y%100)
}

func appendFraction(dst []byte, micro int64, flag byte) []byte {
	digits := 6
	if flag != 0 {
		digits = int(flag - '0')
	}
	scale := int64(100_000)
	for range digits {
		if scale == 0 {
			dst = append(dst, '0')
			continue
		}
		dst = append(dst, byte('0'+micro/scale%10))
		scale /= 10
	}
	return dst
}

// appendOffset writes seconds only when there are any, as in zones before 1937.
func appendOffset(dst []byte, off int64, colon bool) []byte {
	sign := byte('+')
	if off < 0 {
		sign, off = '-', -off
	}
	dst = append2(append(dst, sign), int(off/3600))
	if colon {
		dst = append(dst, ':')
	}
	dst = append2(dst, int(off/60%60))
	if off%60 == 0 {
		return dst
	}
	if colon {
		dst = append(dst, ':')
	}
	return append2(dst, int(off%60))
}

// AppendRFC3339 appends an instant, microseconds since the epoch, as RFC 3339
// has it: with the offset of loc, or Z where that is UTC, and with a fraction,
// without trailing zeros, only when it is not zero. An offset with seconds, which
// RFC 3339 cannot express, and a year outside 0000 to 9999 are written out.
func AppendRFC3339(dst []byte, micros int64, loc *time.Location) []byte {
	z := Zone{loc: orUTC(loc)}
	return z.AppendRFC3339(dst, micros)
}

// AppendRFC3339 is the function of that name, in the zone z.
func (z *Zone) AppendRFC3339(dst []byte, micros int64) []byte {
	unix, micro := floorDiv(micros, microsPerSecond)
	c := split(unix, micro, z.Offset(unix))
	dst = append2(append(appendYear(dst, c.year), '-'), c.month)
	dst = append2(append(dst, '-'), c.day)
	dst = append2(append(dst, 'T'), c.hour)
	dst = append2(append(dst, ':'), c.minute)
	dst = append2(append(dst, ':'), c.second)
	if micro != 0 {
		dst = appendFraction(append(dst, '.'), micro, 0)
		for dst[len(dst)-1] == '0' {
			dst = dst[:len(dst)-1]
		}
	}
	if z.loc == time.UTC || c.offset == 0 {
		return append(dst, 'Z')
	}
	return appendOffset(dst, c.offset, true)
}
