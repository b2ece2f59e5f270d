package function

import (
	"bytes"
	"fmt"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"weir/engine/record"
)

func textFunctions() []Function {
	text := func(name, summary string, c core, examples ...Example) Function {
		return Function{
			Name: name, Usage: name + "(x)", Summary: summary, Examples: examples,
			Types: []any{new(func(string) *string)}, Returns: asArgs(record.String), Call: textCall(name, c), Prepare: textPrepare(c),
		}
	}
	return []Function{
		text("slug", "The text x as part of a URL or file name: in lower case, Latin letters without their accents, and one hyphen for each run of "+
			"anything but letters and digits, none at the ends. Letters of other scripts stay.", slug,
			Example{"slug('  Crème Brûlée & Łódź! ')", `"creme-brulee-lodz"`},
			Example{"slug('Straße 12/b')", `"strasse-12-b"`}),
		text("title", "The text x with the first letter of each word in upper case and the others in lower case. "+
			"A word begins after anything but a letter, digit or apostrophe, and after the apostrophe that follows a single letter.", title,
			Example{"title('JAN de vries-smit')", `"Jan De Vries-Smit"`},
			Example{`title("o'brien's élan")`, `"O'Brien's Élan"`}),
		pad("pad_left", "before", Example{"pad_left('42', 5, '0')", `"00042"`}, Example{"pad_left(7, 3, '0')", `"007"`},
			Example{"pad_left('12345', 3)", `"12345"`}),
		pad("pad_right", "after", Example{"pad_right('ab', 4, '.')", `"ab.."`}),
		{
			Name:  "join_nonempty",
			Usage: "join_nonempty(separator, ...)",
			Summary: "The text of the other arguments joined by separator, without those that are nil or only white space; " +
				"`''` when nothing is left. The parts themselves are not trimmed.",
			Examples: []Example{
				{"join_nonempty(' ', 'Jan', nil, '', 'Jansen')", `"Jan Jansen"`},
				{"join_nonempty(', ', ' ', nil)", `""`},
			},
			Types:   []any{new(func(string, ...any) string)},
			Returns: always(record.String),
			Meaning: JoinNonempty,
			Call:    joinNonempty,
		},
	}
}

// plain holds Latin letters that Unicode does not take apart into a letter and a mark.
func plain(r rune) string {
	switch r {
	case 'ł':
		return "l"
	case 'ø':
		return "o"
	case 'đ', 'ð':
		return "d"
	case 'ß':
		return "ss"
	case 'æ':
		return "ae"
	case 'œ':
		return "oe"
	case 'þ':
		return "th"
	case 'ı':
		return "i"
	case 'ħ':
		return "h"
	}
	return ""
}

// slugger builds a slug.
type slugger struct {
	dst   []byte
	start int  // of the slug in dst
	gap   bool // something was left out since the last letter
}

// put adds r, or leaves it out.
func (g *slugger) put(r rune) {
	switch {
	case r-'a' < 26 && r >= 'a', r-'0' < 10 && r >= '0':
	case r == utf8.RuneError || !unicode.IsLetter(r) && !unicode.IsDigit(r):
		g.gap = true
		return
	default:
		r = unicode.ToLower(r)
	}
	if g.gap && len(g.dst) > g.start {
		g.dst = append(g.dst, '-')
	}
	g.gap = false
	if p := plain(r); p != "" {
		g.dst = append(g.dst, p...)
		return
	}
	g.dst = utf8.AppendRune(g.dst, r)
}

func slug(dst, s []byte) ([]byte, bool, error) {
	g := slugger{dst: dst, start: len(dst)}
	for i := 0; i < len(s); {
		if s[i] < utf8.RuneSelf {
			g.put(rune(s[i]))
			i++
			continue
		}
		_, size := utf8.DecodeRune(s[i:])
		letters := s[i : i+size]
		if parts := norm.NFKD.Properties(letters).Decomposition(); parts != nil {
			if base, _ := utf8.DecodeRune(parts); unicode.Is(unicode.Latin, base) || !unicode.IsLetter(base) {
				letters = parts // the base letter and its accents
			}
		}
		for j := 0; j < len(letters); {
			r, n := utf8.DecodeRune(letters[j:])
			if !unicode.Is(unicode.Mn, r) { // an accent belongs to the letter before it
				g.put(r)
			}
			j += n
		}
		i += size
	}
	return g.dst, true, nil
}

func title(dst, s []byte) ([]byte, bool, error) {
	letters := 0 // of the word so far
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRune(s[i:])
		switch {
		case unicode.IsLetter(r) && letters == 0:
			dst = utf8.AppendRune(dst, unicode.ToTitle(r))
			letters++
		case unicode.IsLetter(r):
			dst = utf8.AppendRune(dst, unicode.ToLower(r))
			letters++
		default:
			dst = append(dst, s[i:i+size]...)
			switch {
			case r == '\'' || r == '’':
				if letters == 1 {
					letters = 0
				}
			case unicode.IsDigit(r):
				letters++
			case !unicode.Is(unicode.Mn, r):
				letters = 0
			}
		}
		i += size
	}
	return dst, true, nil
}

// maxPad bounds what one row can ask for.
const maxPad = 10_000

func pad(name, where string, examples ...Example) Function {
	return Function{
		Name:  name,
		Usage: name + "(x, length[, sign])",
		Summary: "The text or number x with sign, a space unless given, repeated " + where + " it until it has length characters. " +
			"A longer text is returned whole.",
		Examples: examples,
		Types: []any{
			new(func(string, int) *string), new(func(string, int, string) *string),
			new(func(int, int) *string), new(func(int, int, string) *string),
		},
		Returns: asArgs(record.String),
		Call: strict(func(args []any) (any, error) {
			s, scalar := appendScalar(nil, args[0])
			if !scalar {
				return nil, wrongKind(name, 0, "text or a number", args[0])
			}
			n, fill, err := padArgs(name, args)
			if err != nil {
				return nil, err
			}
			return string(appendPadded(nil, s, n, fill, where == "before")), nil
		}),
		Prepare: func(args []any) (Fast, error) {
			for _, a := range args[1:] {
				if _, not := a.(NotConst); not || a == nil {
					return Fast{}, nil
				}
			}
			n, fill, err := padArgs(name, args)
			if err != nil {
				return Fast{}, err
			}
			return Fast{Str: func(dst, s []byte) ([]byte, bool, error) {
				return appendPadded(dst, s, n, fill, where == "before"), true, nil
			}}, nil
		},
	}
}

func padArgs(name string, args []any) (n int, fill string, err error) {
	if n, err = intArg(name, args, 1); err != nil {
		return 0, "", err
	}
	fill = " "
	if len(args) > 2 {
		if fill, err = textArg(name, args, 2); err != nil {
			return 0, "", err
		}
	}
	if n < 0 || n > maxPad {
		return 0, "", fmt.Errorf("%s() makes texts of 0 to %d characters, not %d", name, maxPad, n)
	}
	if utf8.RuneCountInString(fill) != 1 {
		return 0, "", fmt.Errorf("%s() fills with one character, not %q", name, fill)
	}
	return n, fill, nil
}

func appendPadded(dst, s []byte, n int, fill string, before bool) []byte {
	if !before {
		dst = append(dst, s...)
	}
	for range n - utf8.RuneCount(s) {
		dst = append(dst, fill...)
	}
	if before {
		dst = append(dst, s...)
	}
	return dst
}

func joinNonempty(args ...any) (any, error) {
	sep := ""
	if args[0] != nil {
		var err error
		if sep, err = textArg("join_nonempty", args, 0); err != nil {
			return nil, err
		}
	}
	var out []byte
	some := false
	for i, a := range args[1:] {
		if a == nil {
			continue
		}
		mark := len(out)
		if some {
			out = append(out, sep...)
		}
		from := len(out)
		var scalar bool
		if out, scalar = appendScalar(out, a); !scalar {
			return nil, wrongKind("join_nonempty", i+1, "text, a number, a date or a bool", a)
		}
		if len(bytes.TrimSpace(out[from:])) == 0 {
			out = out[:mark]
			continue
		}
		some = true
	}
	return string(out), nil
}
