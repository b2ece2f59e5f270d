package function

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"weir/engine/record"
)

func (l *library) formatFunction() Function {
	return Function{
		Name:  "format",
		Usage: "format(pattern, ...)",
		Summary: "The pattern with its directives replaced by the other arguments, in order. `%s` is any text, number, bool, date or datetime as string() has it; `%d` a whole number; " +
			"`%f` a number with all its digits, `%.2f` with exactly two, rounded as round() does; `%x` a whole number in hexadecimal; `%%` a percent sign. " +
			"A width may come before the letter: `%8s` has at least 8 characters, `%-8s` is filled behind, `%05d` with zeros. " +
			"A directive too many or few, or of another type than its argument, is a problem of the plan. nil when any argument is nil.",
		Examples: []Example{
			{"format('%s-%05d', 'NL', 42)", `"NL-00042"`},
			{"format('%.2f EUR, 100%%', decimal('1234.5'))", `"1234.50 EUR, 100%"`},
			{"format('%-6s|%6s', 'Łódź', 'ab')", `"Łódź  |    ab"`},
			{"format('%s', nil)", "null"},
		},
		Types:   []any{new(func(string, ...any) *string)},
		Returns: asArgs(record.String),
		Call: strict(func(args []any) (any, error) {
			s, err := textArg("format", args, 0)
			if err != nil {
				return nil, err
			}
			p, err := l.printfs.get(s)
			if err != nil {
				return nil, err
			}
			return p.print(args[1:])
		}),
		Check: func(consts []any, types []record.Type) (int, error) {
			s, isText := consts[0].(string)
			if !isText {
				return 0, nil
			}
			p, err := parsePrintf(s)
			if err != nil {
				return 0, err
			}
			return p.check(types)
		},
	}
}

// printf is a pattern of format() in parts.
type printf []directive

// directive is a text, or what is written of the next argument.
type directive struct {
	text   string
	verb   byte // 0 for a text
	left   bool // filled behind
	zeros  bool // filled with zeros
	width  int
	places int // -1 when not given
}

// parsePrintf takes a pattern apart.
func parsePrintf(s string) (printf, error) {
	var out printf
	text := ""
	for i := 0; i < len(s); {
		if s[i] != '%' {
			text += s[i : i+1]
			i++
			continue
		}
		if i+1 < len(s) && s[i+1] == '%' {
			text += "%"
			i += 2
			continue
		}
		d, n, err := parseDirective(s[i:])
		if err != nil {
			return nil, err
		}
		if text != "" {
			out, text = append(out, directive{text: text}), ""
		}
		out, i = append(out, d), i+n
	}
	if text != "" {
		out = append(out, directive{text: text})
	}
	return out, nil
}

// parseDirective reads the one that s begins with, and its length.
func parseDirective(s string) (d directive, n int, err error) {
	d.places = -1
	n = 1
	for ; n < len(s) && (s[n] == '-' || s[n] == '0'); n++ {
		d.left, d.zeros = d.left || s[n] == '-', d.zeros || s[n] == '0'
	}
	number := func() int {
		from := n
		for n < len(s) && digit(s[n]) {
			n++
		}
		v, _ := strconv.Atoi(s[from:min(n, from+6)])
		return v
	}
	d.width = number()
	if n < len(s) && s[n] == '.' {
		n++
		d.places = number()
	}
	if n == len(s) {
		return d, n, fmt.Errorf("the pattern ends in the middle of %q; write %%%% for a percent sign", s)
	}
	_, size := utf8.DecodeRuneInString(s[n:])
	n += size
	d.verb = s[n-1]
	switch whole := s[:n]; {
	case size > 1 || d.verb != 's' && d.verb != 'd' && d.verb != 'f' && d.verb != 'x':
		return d, n, fmt.Errorf("%q is no directive of format(); there are %%s, %%d, %%f and %%x, and %%%% for a percent sign", whole)
	case d.places >= 0 && d.verb != 'f':
		return d, n, fmt.Errorf("%q: only %%f has a number of places; truncate() shortens a text", whole)
	case d.places > record.MaxScale:
		return d, n, fmt.Errorf("%q: %%f has at most %d places", whole, record.MaxScale)
	case d.width > maxPad:
		return d, n, fmt.Errorf("%q: a width is at most %d", whole, maxPad)
	case d.zeros && (d.left || d.verb == 's'):
		return d, n, fmt.Errorf("%q: zeros are filled in before a number only", whole)
	}
	return d, n, nil
}

// name is the directive as it is written, without width.
func (d directive) name() string { return "%" + string(rune(d.verb)) }

// check compares the directives with the types of all arguments, the pattern first.
func (p printf) check(types []record.Type) (arg int, err error) {
	for _, d := range p {
		if d.verb == 0 {
			continue
		}
		if arg++; arg >= len(types) {
			return 0, fmt.Errorf("the pattern has a %s more than there are arguments for it", d.name())
		}
		if !d.takes(types[arg].Kind) {
			return arg, fmt.Errorf("%s needs %s here, not %s", d.name(), d.needs(), types[arg])
		}
	}
	if arg+1 < len(types) {
		return arg + 1, errors.New("the pattern has no directive for this argument")
	}
	return 0, nil
}

func (d directive) takes(k record.Kind) bool {
	switch k {
	case record.Any, record.Null, record.Invalid, record.Int:
		return true
	case record.Float, record.Decimal:
		return d.verb == 's' || d.verb == 'f'
	case record.String, record.Bool, record.Date, record.Time:
		return d.verb == 's'
	}
	return false
}

func (d directive) needs() string {
	switch d.verb {
	case 's':
		return "text, a number, a bool, a date or a datetime"
	case 'f':
		return "a number"
	}
	return "a whole number"
}

func (p printf) print(args []any) (any, error) {
	var out []byte
	next := 0
	for _, d := range p {
		if d.verb == 0 {
			out = append(out, d.text...)
			continue
		}
		if next == len(args) {
			return nil, fmt.Errorf("format() has %d arguments for more directives", len(args))
		}
		cell, err := d.append(nil, args[next])
		if err != nil {
			return nil, fmt.Errorf("format(): %w", err)
		}
		next++
		out = d.fill(out, cell)
	}
	if next < len(args) {
		return nil, fmt.Errorf("format() has %d arguments for %d directives", len(args), next)
	}
	return string(out), nil
}

// append writes one value.
func (d directive) append(dst []byte, v any) ([]byte, error) {
	bad := fmt.Errorf("%s needs %s, not %s", d.name(), d.needs(), kindOf(v))
	switch d.verb {
	case 's':
		if out, scalar := appendScalar(dst, v); scalar {
			return out, nil
		}
		return dst, bad
	case 'f':
		n, isNumber := number(v)
		if !isNumber {
			if f, isFloat := v.(float64); isFloat && !math.IsNaN(f) && !math.IsInf(f, 0) {
				return strconv.AppendFloat(dst, f, 'f', d.places, 64), nil
			}
			return dst, bad
		}
		if d.places < 0 {
			return n.Append(dst), nil
		}
		return AppendFixed(dst, n, d.places), nil
	}
	if _, isFloat := v.(float64); isFloat {
		return dst, bad
	}
	n, err := intArg("format", []any{v}, 0)
	if err != nil {
		return dst, bad
	}
	base := 10
	if d.verb == 'x' {
		base = 16
	}
	return strconv.AppendInt(dst, int64(n), base), nil
}

// fill appends cell with as many signs as its width asks for.
func (d directive) fill(dst, cell []byte) []byte {
	if d.zeros {
		if len(cell) > 0 && cell[0] == '-' {
			dst, cell = append(dst, '-'), cell[1:]
			d.width--
		}
		return appendPadded(dst, cell, d.width, "0", true)
	}
	return appendPadded(dst, cell, d.width, " ", !d.left)
}
