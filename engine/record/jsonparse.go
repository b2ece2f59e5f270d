package record

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// ErrJSONNumber is wrapped by the errors of JSON numbers that no value holds exactly.
var ErrJSONNumber = errors.New("has more digits than a number keeps; have it sent as text")

// maxJSONDepth bounds the nesting of what ParseJSON reads.
const maxJSONDepth = 1000

// ParseJSON reads one JSON value (RFC 8259) as the Go values of an Any column.
// Nothing in it changes: a number is as ParseJSONNumber gives it, and an error
// where that is not exact; so are a name given twice in one object, half a
// character (a lone surrogate) and bytes that are not UTF-8. An error says at which
// character it is, and does not repeat the text.
func ParseJSON(s []byte) (any, error) {
	p := jsonParser{s: s}
	v, err := p.value(0)
	if err == nil {
		if p.space(); p.i < len(s) {
			err = errors.New("something follows the value")
		}
	}
	if err != nil {
		what := "not JSON"
		if errors.Is(err, ErrJSONNumber) {
			what = "not JSON that can be kept"
		}
		return nil, fmt.Errorf("%s at character %d: %w", what, 1+utf8.RuneCount(s[:min(p.i, len(s))]), err)
	}
	return v, nil
}

// ParseJSONNumber returns the number s, which is JSON, as the value that is exactly
// it: a whole number is an int, another a DecimalValue or, where that cannot hold
// it, the float whose shortest notation is the same number. A whole number written
// out beyond 64 bits is an error that wraps ErrJSONNumber, and so is any other that
// would lose digits: ids do not change.
func ParseJSONNumber(s []byte) (any, error) {
	if n, ok := shortInt(s); ok {
		return n, nil
	}
	whole := true
	for _, c := range s {
		whole = whole && c != '.' && c != 'e' && c != 'E'
	}
	if whole {
		if n, err := strconv.ParseInt(string(s), 10, 64); err == nil {
			return int(n), nil
		}
		return nil, fmt.Errorf("a number of %d digits %w", len(s), ErrJSONNumber)
	}
	if d, err := ParseDecimal(s, false); err == nil {
		return d, nil
	}
	f, err := strconv.ParseFloat(string(s), 64)
	if err != nil {
		return nil, errors.New("a number is out of range for a float")
	}
	if f == 0 {
		return zeroNumber(s)
	}
	var buf [400]byte
	if d, err := ParseDecimal(strconv.AppendFloat(buf[:0], f, 'f', -1, 64), false); err == nil && sameNumber(string(s), d.String()) {
		return d, nil
	}
	if !sameNumber(string(s), strconv.FormatFloat(f, 'g', -1, 64)) {
		return nil, fmt.Errorf("a number of %d signs %w", len(s), ErrJSONNumber)
	}
	return f, nil
}

// zeroNumber is for what is nearest to 0 among floats: it must be 0.
func zeroNumber(s []byte) (any, error) {
	for _, c := range s {
		if c == 'e' || c == 'E' {
			break
		}
		if c-'1' < 9 {
			return nil, errors.New("a number is out of range for a float")
		}
	}
	return DecimalValue{}, nil
}

// sameNumber compares two numbers as written. Both are in the range of floats.
func sameNumber(a, b string) bool {
	x, ok := new(big.Rat).SetString(a)
	y, ok2 := new(big.Rat).SetString(b)
	return ok && ok2 && x.Cmp(y) == 0
}

// shortInt reads up to 18 digits, perhaps behind a minus sign.
func shortInt(s []byte) (int, bool) {
	digits, neg := s, len(s) > 0 && s[0] == '-'
	if neg {
		digits = s[1:]
	}
	if len(digits) == 0 || len(digits) > 18 {
		return 0, false
	}
	n := 0
	for _, c := range digits {
		if c-'0' > 9 {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	if neg {
		return -n, true
	}
	return n, true
}

// jsonParser stands at byte i of s.
type jsonParser struct {
	s []byte
	i int
}

func (p *jsonParser) space() {
	for p.i < len(p.s) && (p.s[p.i] == ' ' || p.s[p.i] == '\n' || p.s[p.i] == '\r' || p.s[p.i] == '\t') {
		p.i++
	}
}

// next passes c when it comes next, behind white space.
func (p *jsonParser) next(c byte) bool {
	p.space()
	if p.i < len(p.s) && p.s[p.i] == c {
		p.i++
		return true
	}
	return false
}

func (p *jsonParser) value(depth int) (any, error) {
	if depth > maxJSONDepth {
		return nil, fmt.Errorf("more than %d levels", maxJSONDepth)
	}
	p.space()
	if p.i == len(p.s) {
		return nil, errors.New("it ends too early")
	}
	switch c := p.s[p.i]; {
	case c == '{':
		return p.object(depth)
	case c == '[':
		return p.list(depth)
	case c == '"':
		p.i++
		return p.text()
	case c == '-' || c-'0' < 10:
		return p.number()
	}
	for word, v := range map[string]any{"true": true, "false": false, "null": nil} {
		if len(p.s)-p.i >= len(word) && string(p.s[p.i:p.i+len(word)]) == word {
			p.i += len(word)
			return v, nil
		}
	}
	return nil, errors.New("a value is expected here")
}

func (p *jsonParser) object(depth int) (any, error) {
	p.i++
	out := map[string]any{}
	if p.next('}') {
		return out, nil
	}
	for {
		if !p.next('"') {
			return nil, errors.New("a name in double quotes is expected here")
		}
		start := p.i
		name, err := p.text()
		if err != nil {
			return nil, err
		}
		if _, twice := out[name]; twice {
			p.i = start
			return nil, errors.New("this name was given before in the same object")
		}
		if !p.next(':') {
			return nil, errors.New(`":" is expected here`)
		}
		if out[name], err = p.value(depth + 1); err != nil {
			return nil, err
		}
		if p.next('}') {
			return out, nil
		}
		if !p.next(',') {
			return nil, errors.New(`"," or "}" is expected here`)
		}
	}
}

func (p *jsonParser) list(depth int) (any, error) {
	p.i++
	out := []any{}
	if p.next(']') {
		return out, nil
	}
	for {
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
		if p.next(']') {
			return out, nil
		}
		if !p.next(',') {
			return nil, errors.New(`"," or "]" is expected here`)
		}
	}
}

// digits passes digits and returns how many.
func (p *jsonParser) digits() int {
	start := p.i
	for p.i < len(p.s) && p.s[p.i]-'0' < 10 {
		p.i++
	}
	return p.i - start
}

func (p *jsonParser) number() (any, error) {
	start := p.i
	if p.s[p.i] == '-' {
		p.i++
	}
	zero := p.i < len(p.s) && p.s[p.i] == '0'
	n := p.digits()
	ok := n == 1 || n > 1 && !zero
	if ok && p.i < len(p.s) && p.s[p.i] == '.' {
		p.i++
		ok = p.digits() > 0
	}
	if ok && p.i < len(p.s) && (p.s[p.i] == 'e' || p.s[p.i] == 'E') {
		p.i++
		if p.i < len(p.s) && (p.s[p.i] == '+' || p.s[p.i] == '-') {
			p.i++
		}
		ok = p.digits() > 0
	}
	if !ok {
		return nil, errors.New("this is no number")
	}
	v, err := ParseJSONNumber(p.s[start:p.i])
	if err != nil {
		p.i = start
	}
	return v, err
}

// text reads a string behind its opening quote.
func (p *jsonParser) text() (string, error) {
	start := p.i
	for p.i < len(p.s) && p.s[p.i] != '"' && p.s[p.i] != '\\' && p.s[p.i] >= ' ' {
		p.i++
	}
	if p.i < len(p.s) && p.s[p.i] == '"' { // most have no escapes
		return p.checked(start, p.s[start:p.i])
	}
	out := append([]byte(nil), p.s[start:p.i]...)
	for p.i < len(p.s) {
		switch c := p.s[p.i]; {
		case c == '"':
			return p.checked(start, out)
		case c < ' ':
			return "", errors.New("a control character in text must be escaped")
		case c != '\\':
			out = append(out, c)
			p.i++
		default:
			var err error
			if out, err = p.escape(out); err != nil {
				return "", err
			}
		}
	}
	return "", errors.New("a text has no end")
}

// checked passes the closing quote of text, which began at start.
func (p *jsonParser) checked(start int, text []byte) (string, error) {
	if !utf8.Valid(text) {
		p.i = start
		return "", errors.New("this text is not UTF-8")
	}
	p.i++
	return string(text), nil
}

func (p *jsonParser) escape(out []byte) ([]byte, error) {
	if p.i+1 == len(p.s) {
		return out, errors.New("a text has no end")
	}
	const escapes, values = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	c := p.s[p.i+1]
	for k := range len(escapes) {
		if escapes[k] == c {
			p.i += 2
			return append(out, values[k]), nil
		}
	}
	r, ok := p.unit(p.i)
	if !ok {
		return out, errors.New(`there is no such escape; a backslash itself is \\`)
	}
	size := 6
	if utf16.IsSurrogate(r) {
		second, _ := p.unit(p.i + 6)
		if r = utf16.DecodeRune(r, second); r == utf8.RuneError {
			return out, errors.New("half a character: the other half of this surrogate is missing")
		}
		size = 12
	}
	p.i += size
	return utf8.AppendRune(out, r), nil
}

// unit reads \u and four digits at byte i.
func (p *jsonParser) unit(i int) (rune, bool) {
	if i+6 > len(p.s) || p.s[i] != '\\' || p.s[i+1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(p.s[i+2:i+6]), 16, 16)
	return rune(n), err == nil
}
