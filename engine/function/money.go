package function

import (
	"bytes"
	"unicode"
	"unicode/utf8"

	"weir/engine/record"
)

func moneyFunction(lenient bool) Function {
	name, summary := suffix("money", "The amount of money that the text x is, as people and shops write it, or the number x as a decimal. "+
		"A currency sign or code (up to four letters) before or after the amount, white space, and a sign before or after it are understood; "+
		"parentheses around it mean minus; `,-` after it means no cents. "+
		"With both a point and a comma, the last is the decimal mark and the other groups thousands. One kind of mark, used once: it groups thousands when exactly three digits follow "+
		"and one to three digits, not starting with 0, come before it; else it is the decimal mark. Used more than once, it groups thousands. "+
		"Groups, also those made with spaces or apostrophes, must have three digits. "+
		"nil when x is empty; an error when x is anything else. Where the notation is known, decimal() is stricter.", lenient)
	examples := []Example{
		{name + "('€ 1.234,56')", "1234.56"},
		{name + "('$1,234.56')", "1234.56"},
		{name + "('1 234,50 zł')", "1234.5"},
		{name + "('1.234')", "1234"},
		{name + "('0.125')", "0.125"},
		{name + "('12,-')", "12"},
		{name + "('(5.00) EUR')", "-5"},
		{name + "('')", "null"},
	}
	if lenient {
		examples = append(examples, Example{name + "('free')", "null"})
	}
	f := form{"an amount of money", parseMoney}
	return Function{
		Name: name, Usage: name + "(x)", Summary: summary, Examples: examples,
		Types: []any{new(func(string) *record.DecimalValue), new(func(int) *record.DecimalValue),
			new(func(float64) *record.DecimalValue), new(func(record.DecimalValue) *record.DecimalValue)},
		Returns: decimalType,
		Call: strict(func(args []any) (any, error) {
			return toDecimal(name, args[0], lenient, f)
		}),
		Prepare: func([]any) (Fast, error) { return Fast{Dec: decimalCore(lenient, f)}, nil },
	}
}

// maxCode is the number of letters of the longest currency word, such as "SFr." or "CZK".
const maxCode = 4

// parseMoney reads an amount. It allocates nothing.
func parseMoney(s []byte) (record.DecimalValue, error) {
	fail := record.DecimalValue{}
	s, signs, neg := peel(s)
	if signs > 1 || len(s) == 0 {
		return fail, record.ErrDecimalSyntax
	}
	var buf [64]byte
	text, clean := tidy(append(buf[:0], '-'), s)
	if !clean {
		return fail, record.ErrDecimalSyntax
	}
	if !neg {
		text = text[1:]
	}
	comma, clean := decimalMark(text)
	if !clean {
		return fail, record.ErrDecimalSyntax
	}
	return record.ParseDecimal(text, comma)
}

// peel takes off currencies, signs and white space at both ends, each at most
// once a side, and returns the number of signs met and whether they mean minus.
func peel(s []byte) (rest []byte, signs int, neg bool) {
	codes := 0
	for len(s) > 0 {
		r, size := utf8.DecodeRune(s)
		n := 0
		switch {
		case unicode.IsSpace(r):
			n = size
		case r == '-' || r == '−' || r == '+':
			n, signs, neg = size, signs+1, r != '+'
		case r == '(':
			at := bytes.LastIndexByte(s, ')')
			if at < 0 || neg {
				return nil, signs, neg
			}
			// What follows the parenthesis, a currency, is taken off below.
			if tail, more, _ := peelEnd(s[at+1:], codes); len(tail) != 0 || more != 0 {
				return nil, signs, neg
			}
			s, signs, neg = s[1:at], signs+1, true
			continue
		case codes == 0:
			if n = currency(s); n > 0 {
				codes++
			}
		}
		if n == 0 {
			break
		}
		s = s[n:]
	}
	s, more, minus := peelEnd(s, codes)
	return s, signs + more, neg || minus
}

// peelEnd is peel for the end of s.
func peelEnd(s []byte, codes int) (rest []byte, signs int, neg bool) {
	for len(s) > 0 {
		r, size := utf8.DecodeLastRune(s)
		n := 0
		switch {
		case unicode.IsSpace(r):
			n = size
		case r == '-' || r == '−' || r == '–' || r == '—' || r == '+':
			n = size
			if k := len(s) - size; k > 1 && (s[k-1] == ',' || s[k-1] == ':' || s[k-1] == '.') && s[k-1-1]-'0' < 10 {
				n++ // "12,-": no cents
			} else {
				signs, neg = signs+1, r != '+'
			}
		case codes == 0:
			if n = currencyEnd(s); n > 0 {
				codes++
			}
		}
		if n == 0 {
			break
		}
		s = s[:len(s)-n]
	}
	return s, signs, neg
}

// currency returns the length of the currency at the start of s: a sign, or up to
// four letters and a point.
func currency(s []byte) int {
	n, letters := 0, 0
	for n < len(s) {
		r, size := utf8.DecodeRune(s[n:])
		if unicode.Is(unicode.Sc, r) {
			return n + size // also "US$"
		}
		if !unicode.IsLetter(r) {
			break
		}
		if letters++; letters > maxCode {
			return 0
		}
		n += size
	}
	if n > 0 && n < len(s) && s[n] == '.' && (n+1 == len(s) || s[n+1]-'0' > 9) {
		n++ // "kr. 12"
	}
	return n
}

// currencyEnd is currency for the end of s.
func currencyEnd(s []byte) int {
	k := len(s)
	if k > 1 && s[k-1] == '.' && s[k-2]-'0' > 9 {
		k-- // "12 kr."
	}
	letters := 0
	for k > 0 {
		r, size := utf8.DecodeLastRune(s[:k])
		if unicode.Is(unicode.Sc, r) && letters == 0 && k == len(s) {
			return size
		}
		if !unicode.IsLetter(r) {
			break
		}
		if letters++; letters > maxCode {
			return 0
		}
		k -= size
	}
	if letters == 0 {
		return 0
	}
	return len(s) - k
}

// tidy appends s with every space as ' ' and every apostrophe as '\”; clean is
// false when s holds anything but digits, marks and those.
func tidy(dst, s []byte) (out []byte, clean bool) {
	if len(s) > 48 {
		return dst, false // beyond any number, and beyond the buffer of the caller
	}
	for len(s) > 0 {
		r, size := utf8.DecodeRune(s)
		switch {
		case r == '.' || r == ',' || '0' <= r && r <= '9':
			dst = append(dst, byte(r))
		case unicode.IsSpace(r):
			dst = append(dst, ' ')
		case r == '\'' || r == '’':
			dst = append(dst, '\'')
		default:
			return dst, false
		}
		s = s[size:]
	}
	return dst, true
}

// decimalMark reports whether the decimal mark of an amount is a comma; clean is
// false when no reading fits.
func decimalMark(s []byte) (comma, clean bool) {
	points, commas := bytes.Count(s, []byte{'.'}), bytes.Count(s, []byte{','})
	lastPoint, lastComma := bytes.LastIndexByte(s, '.'), bytes.LastIndexByte(s, ',')
	switch {
	case points > 1 && commas > 1:
		return false, false
	case points > 0 && commas > 0:
		return lastComma > lastPoint, true // what groups twice after the mark fails when parsed
	case points+commas == 0:
		return false, true
	case points > 1:
		return true, true
	case commas > 1:
		return false, true
	}
	at := max(lastPoint, lastComma)
	before := bytes.TrimLeft(s[:at], "-")
	groups := len(s)-at-1 == 3 && len(before) >= 1 && len(before) <= 3 && before[0] != '0' &&
		!bytes.ContainsAny(s, " '")
	// The mark of thousands is the one that is not the decimal mark.
	return (commas == 1) != groups, true
}
