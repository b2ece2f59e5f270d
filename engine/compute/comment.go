package compute

import "strings"

// hiddenRest returns the rune at which a comment begins behind a part of the expression on
// the same line, with more behind it: mostly it is meant to divide, as in other languages. It
// is -1 when there is none such. A comment on a line of its own is one.
func hiddenRest(s string) int {
	if !strings.Contains(s, "//") && !strings.Contains(s, "/*") {
		return -1
	}
	var q quotes
	runes := []rune(s)
	said := false // something stands on the line already
	for i := 0; i < len(runes); i++ {
		r := runes[i]
		switch literal := q.next(r); {
		case literal:
			said = true
		case r == '\n':
			said = false
		case r == '/' && i+1 < len(runes) && (runes[i+1] == '/' || runes[i+1] == '*'):
			end := "\n"
			if runes[i+1] == '*' {
				end = "*/"
			}
			hidden, after, _ := strings.Cut(string(runes[i+2:]), end)
			if said && strings.TrimSpace(hidden) != "" && !strings.Contains(s, "\n") {
				return i
			}
			i = len(runes) - len([]rune(after)) - 1
			said = said && end != "\n"
		default:
			said = said || r != ' ' && r != '\t' && r != '\r'
		}
	}
	return -1
}
