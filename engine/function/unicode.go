package function

import (
	"bytes"
	"fmt"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"

	"weir/engine/record"
)

func unicodeFunctions() []Function {
	text := func(name, summary string, c core, examples ...Example) Function {
		return Function{
			Name: name, Usage: name + "(x)", Summary: summary, Examples: examples,
			Types: []any{new(func(string) *string)}, Returns: asArgs(record.String), Call: textCall(name, c), Prepare: textPrepare(c),
		}
	}
	return []Function{
		text("unaccent", "The text x with its Latin letters without their accents: é is e, Ł is L, ß is ss. Everything else, also letters of other scripts, stays.", unaccent,
			Example{"unaccent('Crème Brûlée, Łódź, Straße')", `"Creme Brulee, Lodz, Strasse"`},
			Example{"unaccent('Ærø, Ørsted')", `"AEro, Orsted"`},
			Example{"unaccent('Москва, й')", `"Москва, й"`}),
		text("fold", "The text x in the form in which texts are compared without regard to case (Unicode case folding): unlike lower(), it makes ß and SS, and σ and ς, the same. "+
			"Not for people to read.", fold,
			Example{"fold('STRASSE') == fold('Straße')", "true"},
			Example{"fold('Łódź')", `"łódź"`}),
		normalizeFunction(),
		substrFunction(),
		truncateFunction(),
	}
}

func fold(dst, s []byte) ([]byte, bool, error) {
	if i := bytes.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }); i < 0 {
		for _, b := range s {
			if b >= 'A' && b <= 'Z' {
				b += 'a' - 'A'
			}
			dst = append(dst, b)
		}
		return dst, true, nil
	}
	out, _, err := transform.Append(cases.Fold(), dst, s)
	return out, err == nil, err
}

func unaccent(dst, s []byte) ([]byte, bool, error) {
	latin := false // the letter before
	for i := 0; i < len(s); {
		if s[i] < utf8.RuneSelf {
			latin = s[i] >= 'a' && s[i] <= 'z' || s[i] >= 'A' && s[i] <= 'Z'
			dst = append(dst, s[i])
			i++
			continue
		}
		r, size := utf8.DecodeRune(s[i:])
		letter := s[i : i+size]
		i += size
		if latin && unicode.Is(unicode.Mn, r) {
			continue // an accent that is written apart from its letter
		}
		parts := norm.NFD.Properties(letter).Decomposition()
		base, n := utf8.DecodeRune(parts)
		if latin = parts != nil && unicode.Is(unicode.Latin, base); latin {
			r, letter = base, parts[:n]
		}
		if p := bare(r); p != "" {
			dst, latin = append(dst, p...), true
			continue
		}
		dst = append(dst, letter...)
	}
	return dst, true, nil
}

// bare holds the Latin letters that Unicode does not take apart, in both cases.
func bare(r rune) string {
	p := plain(unicode.ToLower(r))
	if p == "" || !unicode.IsUpper(r) {
		return p
	}
	out := []byte(p)
	for i := range out {
		out[i] -= 'a' - 'A'
	}
	return string(out)
}

func normalizeFunction() Function {
	form := func(args []any) (norm.Form, error) {
		if len(args) < 2 {
			return norm.NFC, nil
		}
		name, err := textArg("normalize", args, 1)
		if err != nil {
			return 0, err
		}
		switch name {
		case "NFC":
			return norm.NFC, nil
		case "NFD":
			return norm.NFD, nil
		case "NFKC":
			return norm.NFKC, nil
		case "NFKD":
			return norm.NFKD, nil
		}
		return 0, fmt.Errorf("%q is not a form of normalize(); there are NFC, NFD, NFKC and NFKD", name)
	}
	normalCore := func(args []any) (core, error) {
		f, err := form(args)
		return func(dst, s []byte) ([]byte, bool, error) {
			if f.IsNormal(s) {
				return append(dst, s...), true, nil
			}
			out, _, err := transform.Append(f, dst, s)
			return out, err == nil, err
		}, err
	}
	return Function{
		Name:  "normalize",
		Usage: "normalize(x[, form])",
		Summary: "The text x in a normal form of Unicode, so that texts that look the same are the same: `NFC` (unless given) has é as one character, `NFD` as e and an accent; " +
			"`NFKC` and `NFKD` also replace variants, such as ligatures and full-width letters.",
		Examples: []Example{
			{`normalize("e\u0301") == 'é'`, "true"},
			{"len(normalize('é', 'NFD')) > len('é')", "true"},
			{"normalize('ﬁ Ａ', 'NFKC')", `"fi A"`},
		},
		Types:   []any{new(func(string) *string), new(func(string, string) *string)},
		Returns: asArgs(record.String),
		Call:    coreCall("normalize", normalCore),
		Prepare: func(args []any) (Fast, error) { return prepareAll(args, normalCore) },
	}
}

// coreCall is the scalar form of a function from text to text whose other arguments
// make its core.
func coreCall(name string, make func(args []any) (core, error)) func(args ...any) (any, error) {
	return strict(func(args []any) (any, error) {
		s, err := textArg(name, args, 0)
		if err != nil {
			return nil, err
		}
		c, err := make(args)
		if err != nil {
			return nil, err
		}
		return fromCore(c(nil, []byte(s)))
	})
}

func substrFunction() Function {
	part := func(args []any) (core, error) {
		from, err := intArg("substr", args, 1)
		if err != nil {
			return nil, err
		}
		length := -1
		if len(args) > 2 {
			if length, err = intArg("substr", args, 2); err == nil && length < 0 {
				err = fmt.Errorf("substr() takes a length of 0 or more, not %d", length)
			}
		}
		return func(dst, s []byte) ([]byte, bool, error) {
			start := from
			if start < 0 {
				start = max(0, utf8.RuneCount(s)+start)
			}
			s = s[afterRunes(s, start):]
			if length >= 0 {
				s = s[:afterRunes(s, length)]
			}
			return append(dst, s...), true, nil
		}, err
	}
	return Function{
		Name:  "substr",
		Usage: "substr(x, start[, length])",
		Summary: "The characters of the text x from the one at start, at most length of them. The first character is at 0; a negative start counts from the end. " +
			"What lies outside of x is left out.",
		Examples: []Example{
			{"substr('Łódź 12', 0, 4)", `"Łódź"`},
			{"substr('Łódź 12', -2)", `"12"`},
			{"substr('ab', 5, 2)", `""`},
		},
		Types:   []any{new(func(string, int) *string), new(func(string, int, int) *string)},
		Returns: asArgs(record.String),
		Call:    coreCall("substr", part),
		Prepare: func(args []any) (Fast, error) { return prepareAll(args, part) },
	}
}

// afterRunes is the byte behind the first n characters of s.
func afterRunes(s []byte, n int) int {
	if n >= len(s) {
		return len(s)
	}
	at := 0
	for ; n > 0 && at < len(s); n-- {
		_, size := utf8.DecodeRune(s[at:])
		at += size
	}
	return at
}

func truncateFunction() Function {
	cut := func(args []any) (core, error) {
		n, err := intArg("truncate", args, 1)
		if err == nil && n < 0 {
			err = fmt.Errorf("truncate() takes a length of 0 or more, not %d", n)
		}
		mark := ""
		if err == nil && len(args) > 2 {
			mark, err = textArg("truncate", args, 2)
		}
		if room := n - utf8.RuneCountInString(mark); err == nil && room < 0 {
			err = fmt.Errorf("%q does not fit in the %d characters that truncate() leaves", mark, n)
		}
		if err != nil {
			return nil, err
		}
		return func(dst, s []byte) ([]byte, bool, error) {
			if afterRunes(s, n) == len(s) {
				return append(dst, s...), true, nil
			}
			s = s[:afterRunes(s, n-utf8.RuneCountInString(mark))]
			return append(append(dst, s...), mark...), true, nil
		}, nil
	}
	return Function{
		Name:    "truncate",
		Usage:   "truncate(x, length[, mark])",
		Summary: "The text x, cut so that it has at most length characters. mark, such as '…', is put at the end of a text that was cut, and counts.",
		Examples: []Example{
			{"truncate('Łódź centrum', 4)", `"Łódź"`},
			{"truncate('Amsterdam', 5, '…')", `"Amst…"`},
			{"truncate('short', 10, '…')", `"short"`},
		},
		Types:   []any{new(func(string, int) *string), new(func(string, int, string) *string)},
		Returns: asArgs(record.String),
		Call:    coreCall("truncate", cut),
		Prepare: func(args []any) (Fast, error) { return prepareAll(args, cut) },
	}
}
