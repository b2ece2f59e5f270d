package graph

import (
	"strings"
	"unicode"
)

// measure returns about how wide s is in a common sans-serif font of the given
// size. It errs on the wide side, so that text stays inside its box.
func measure(s string, size float64) float64 {
	w := 0.0
	for _, r := range s {
		w += runeEm(r)
	}
	return w * size
}

// runeEm is the width of r as a part of the font size.
func runeEm(r rune) float64 {
	switch {
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case r >= 0x1100 && (unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana) || r >= 0xFF00):
		return 1.05
	case strings.ContainsRune("iljI.,:;'|!`", r):
		return 0.3
	case strings.ContainsRune("frt()[]{}/\\-\" ", r):
		return 0.4
	case strings.ContainsRune("mwMW@%", r):
		return 0.92
	case unicode.IsUpper(r):
		return 0.72
	}
	return 0.6
}

// fit shortens s, with an ellipsis, to at most width.
func fit(s string, size, width float64) string {
	if measure(s, size) <= width {
		return s
	}
	w := runeEm('…') * size
	for i, r := range s {
		w += runeEm(r) * size
		if w > width {
			return strings.TrimRight(s[:i], " ") + "…"
		}
	}
	return s
}
