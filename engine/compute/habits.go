package compute

import (
	"fmt"
	"strings"
	"unicode"
)

// habit says what is written here for what was most likely meant, where the parser
// stumbled at the rune at of s; "" when nothing is known of it. m is the token that
// it did not expect, nil when it said something else.
func habit(s string, at int, message string, m []string) string {
	runes := []rune(s)
	if m == nil {
		switch {
		case strings.Contains(message, "invalid char escape"):
			return "A backslash in quotes begins a sign such as \\n. For a pattern write backticks, such as `\\d`, or the backslash twice, such as '\\\\d'. " +
				"In a quoted string of HCL each of these is written twice again, in a heredoc it is not."
		case at < len(runes) && strings.ContainsRune("“”„‘’‚«»´", runes[at]):
			return fmt.Sprintf("%c is no quote that begins a text: write ' or \".", runes[at])
		}
		return ""
	}
	previous, next := signAt(runes, at-1), signAt(runes, at+1)
	switch token := m[2]; {
	case token == ":" && inBody(runes, at):
		return "A brace behind a comma begins the body of a loop. An object in it needs brackets around it: ({name: .x})."
	case token == ":" && next == '=':
		return "A variable is made with `let name = value; ...`; == compares."
	case token == "#":
		return "# is the present element inside map(), filter() and the like. A comment begins with // or /*."
	case token == "=" && next == '>':
		return "A loop names no parameter: the element is #, and its fields are .name, as in map(rows, .name)."
	case token == "=" && previous == '=' && signAt(runes, at-2) == '!':
		return `Write "!=" to compare.`
	case token == ">" && previous == '<':
		return `Write "!=" to compare.`
	case token == "&":
		return `Write "and".`
	case m[1] == "Identifier" && foreignOperator(token) == "" && onlyWords(s):
		return fmt.Sprintf("If this is a text and no calculation, write it in quotes of its own: '%s'.", strings.TrimSpace(s))
	}
	return ""
}

// signAt is the rune at i of s, 0 when there is none.
func signAt(s []rune, i int) rune {
	if i < 0 || i >= len(s) {
		return 0
	}
	return s[i]
}

// inBody tells whether the rune at of s lies in braces that open behind a comma of a
// call, where expr takes them for the body of a loop.
func inBody(s []rune, at int) bool {
	type open struct{ sign, before rune }
	var q quotes
	var stack []open
	last := rune(0)
	for _, r := range s[:min(at, len(s))] {
		if !q.next(r) {
			switch r {
			case '(', '[', '{':
				stack = append(stack, open{r, last})
			case ')', ']', '}':
				if len(stack) > 0 {
					stack = stack[:len(stack)-1]
				}
			}
		}
		if !unicode.IsSpace(r) {
			last = r
		}
	}
	n := len(stack)
	return n > 1 && stack[n-1] == open{'{', ','} && stack[n-2].sign == '('
}

// onlyWords tells whether s is several words and nothing else.
func onlyWords(s string) bool {
	return strings.ContainsFunc(strings.TrimSpace(s), unicode.IsSpace) && !strings.ContainsFunc(s, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsSpace(r) && r != '-' && r != '.'
	})
}
