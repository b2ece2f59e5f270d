package compute

import (
	"strings"
	"unicode"

	"github.com/expr-lang/expr/builtin"
)

// ownNames writes the built-ins of expr that are called by names such as sort_by as
// expr has them, sortBy, in as many characters: the places of all else stay. A listed
// function of that name wins.
func (c *Compiler) ownNames(s string) string {
	if !strings.Contains(s, "_") {
		return s
	}
	runes := []rune(s)
	var q quotes
	for i := 0; i < len(runes); i++ {
		if q.next(runes[i]) || !wordRune(runes[i]) {
			continue
		}
		end := i
		for end < len(runes) && wordRune(runes[end]) {
			end++
		}
		word := string(runes[i:end])
		name := builtinOf(word)
		if c.funcs[word] == nil && name != "" && called(runes[end:]) && (i == 0 || runes[i-1] != '.') {
			n := copy(runes[i:end], []rune(name))
			for j := i + n; j < end; j++ {
				runes[j] = ' '
			}
		}
		i = end - 1
	}
	return string(runes)
}

func wordRune(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

// called tells whether a bracket follows.
func called(rest []rune) bool {
	for _, r := range rest {
		if !unicode.IsSpace(r) {
			return r == '('
		}
	}
	return false
}

// builtinOf is the built-in of expr that is written as word with underscores, "" for none.
func builtinOf(word string) string {
	if !strings.Contains(word, "_") {
		return ""
	}
	for _, name := range builtin.Names {
		if snake(name) == word {
			return name
		}
	}
	return ""
}

// snake is sort_by for sortBy; a run of capitals is one word.
func snake(name string) string {
	var sb strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 && !unicode.IsUpper(rune(name[i-1])) {
			sb.WriteByte('_')
		}
		sb.WriteRune(unicode.ToLower(r))
	}
	return sb.String()
}
