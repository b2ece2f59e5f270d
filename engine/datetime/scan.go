package datetime

// scan matches s with the format and stores what it says in v, without checking
// that the numbers make sense.
func (f *Format) scan(s []byte, v *fields) failure {
	at := 0
	for k := range f.items {
		it := &f.items[k]
		if it.verb == 0 {
			if len(s)-at < len(it.lit) || string(s[at:at+len(it.lit)]) != it.lit {
				return failure{cause: badLiteral, at: at, item: k}
			}
			at += len(it.lit)
			continue
		}
		n, matched := it.scan(s[at:], v)
		if !matched {
			return failure{cause: badDirective, at: at, item: k}
		}
		at += n
	}
	if at != len(s) {
		return failure{cause: leftOver, at: at}
	}
	return failure{}
}

// scan reads one directive at the start of s and returns the bytes it took.
func (it *item) scan(s []byte, v *fields) (n int, matched bool) {
	switch it.verb {
	case 'Y':
		if len(s) < 4 {
			return 0, false
		}
		hi, hiOK := two(s)
		lo, loOK := two(s[2:])
		v.year = hi*100 + lo
		return 4, hiOK && loOK
	case 'y':
		v.year, matched = two(s)
		if v.year += 1900; v.year < 1969 {
			v.year += 100
		}
		return 2, matched
	case 'm':
		v.month, n, matched = it.number(s)
	case 'd':
		v.day, n, matched = it.number(s)
	case 'e':
		v.day, n, matched = padded(s)
	case 'H', 'I':
		v.hour, n, matched = it.number(s)
	case 'M':
		v.min, n, matched = it.number(s)
	case 'S':
		v.sec, n, matched = it.number(s)
	case 'f':
		v.micro, n, matched = fraction(s, it.flag)
	case 'b':
		v.month, n = name(s, monthNames[:], 3)
		return n, n > 0
	case 'B':
		v.month, n = name(s, monthNames[:], 0)
		return n, n > 0
	case 'a':
		v.weekday, n = name(s, weekdayNames[:], 3)
		return n, n > 0
	case 'A':
		v.weekday, n = name(s, weekdayNames[:], 0)
		return n, n > 0
	case 'p':
		v.half, n = name(s, halfNames[:], 0)
		return n, n > 0
	case 'j':
		if len(s) < 3 || s[2]-'0' > 9 {
			return 0, false
		}
		v.yday, matched = two(s)
		v.yday = v.yday*10 + int(s[2]-'0')
		return 3, matched
	case 'z':
		v.offset, n, matched = offset(s)
	case 's':
		v.unix, n, matched = unixSeconds(s)
	}
	return n, matched
}

// two reads two digits.
func two(s []byte) (int, bool) {
	if len(s) < 2 {
		return 0, false
	}
	a, b := s[0]-'0', s[1]-'0'
	return int(a)*10 + int(b), a <= 9 && b <= 9
}

// number reads two digits, or one or two without padding.
func (it *item) number(s []byte) (v, n int, matched bool) {
	v, matched = two(s)
	if matched || it.flag != '-' {
		return v, 2, matched
	}
	if len(s) > 0 && s[0]-'0' <= 9 {
		return int(s[0] - '0'), 1, true
	}
	return 0, 0, false
}

// padded reads one or two digits, or a space and one digit.
func padded(s []byte) (v, n int, matched bool) {
	space := 0
	if len(s) > 1 && s[0] == ' ' {
		s, space = s[1:], 1
	}
	if v, matched = two(s); matched && space == 0 {
		return v, 2, true
	}
	if len(s) > 0 && s[0]-'0' <= 9 {
		return int(s[0] - '0'), 1 + space, true
	}
	return 0, 0, false
}

// fraction reads the digits after the point: exactly width of them, or 1 to 9.
func fraction(s []byte, width byte) (micro, n int, matched bool) {
	scale := 100_000
	for n < len(s) && n < 9 && s[n]-'0' <= 9 {
		micro += int(s[n]-'0') * scale
		scale /= 10
		n++
		if width != 0 && n == int(width-'0') {
			return micro, n, true
		}
	}
	return micro, n, n > 0 && width == 0
}

// offset reads Z, or a sign and hh, hhmm, hh:mm, hhmmss or hh:mm:ss.
func offset(s []byte) (seconds, n int, matched bool) {
	if len(s) == 0 {
		return 0, 0, false
	}
	if s[0] == 'Z' || s[0] == 'z' {
		return 0, 1, true
	}
	if s[0] != '+' && s[0] != '-' {
		return 0, 0, false
	}
	v, matched := two(s[1:])
	if !matched || v > 23 {
		return 0, 0, false
	}
	seconds, n = v*3600, 3
	colon := n < len(s) && s[n] == ':'
	for unit := 60; unit > 0; unit /= 60 {
		k := n
		if colon {
			if k == len(s) || s[k] != ':' {
				break
			}
			k++
		}
		v, matched = two(s[k:])
		if !matched {
			break
		}
		if v > 59 {
			return 0, 0, false
		}
		seconds += v * unit
		n = k + 2
	}
	if s[0] == '-' {
		seconds = -seconds
	}
	return seconds, n, true
}

// unixSeconds reads an optional minus sign and digits, within what microseconds
// can hold.
func unixSeconds(s []byte) (v int64, n int, matched bool) {
	const limit = 9_223_372_036_853 // in microseconds, with a fraction, still an int64
	neg := len(s) > 0 && s[0] == '-'
	if neg {
		n = 1
	}
	first := n
	for n < len(s) && s[n]-'0' <= 9 {
		v = v*10 + int64(s[n]-'0')
		if v > limit {
			return 0, 0, false
		}
		n++
	}
	if neg {
		v = -v
	}
	return v, n, n > first
}

var (
	monthNames = [...]string{"January", "February", "March", "April", "May", "June", "July",
		"August", "September", "October", "November", "December"}
	weekdayNames = [...]string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}
	halfNames    = [...]string{"AM", "PM"}
)

// name reads one of names, of which only the first short letters count when short
// is not 0, and returns its place, the first being 1, and the bytes taken.
func name(s []byte, names []string, short int) (place, n int) {
	for i, w := range names {
		if short > 0 {
			w = w[:short]
		}
		if len(s) >= len(w) && sameFold(s, w) {
			return i + 1, len(w)
		}
	}
	return 0, 0
}

// sameFold reports whether s starts with the ASCII letters of w in any case.
func sameFold(s []byte, w string) bool {
	for i := range len(w) {
		if s[i]|0x20 != w[i]|0x20 {
			return false
		}
	}
	return true
}
