package plan

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// variables are the variables of a module as its row expressions see them, as data.
type variables struct {
	names []string // sorted
	text  map[string]string
}

func describeVars(vars map[string]any) *variables {
	v := &variables{names: sortedKeys(vars), text: make(map[string]string, len(vars))}
	for _, n := range v.names {
		b, err := json.Marshal(vars[n])
		if err != nil { // values of HCL always can be
			b = []byte(err.Error())
		}
		v.text[n] = string(b)
	}
	return v
}

// mentions lists the variables that a row expression can read, sorted. When var,
// or the whole environment, is used as anything but var.NAME, all is true: every one may be read.
// A name in a string or a field called var counts too; that does no harm.
func mentions(expr string) (names []string, all bool) {
	for i := 0; i < len(expr); {
		r, n := utf8.DecodeRuneInString(expr[i:])
		if r == '$' {
			return nil, true
		}
		if !isWordRune(r) {
			i += n
			continue
		}
		end := wordEnd(expr, i)
		word := expr[i:end]
		i = end
		if word != "var" {
			continue
		}
		name, next, ok := member(expr, end)
		if !ok {
			return nil, true
		}
		names, i = append(names, name), next
	}
	slices.Sort(names)
	return slices.Compact(names), false
}

// member reads .NAME or ?.NAME at i.
func member(expr string, i int) (name string, next int, ok bool) {
	rest := strings.TrimLeftFunc(expr[i:], unicode.IsSpace)
	rest = strings.TrimPrefix(rest, "?")
	rest, ok = strings.CutPrefix(rest, ".")
	if !ok {
		return "", 0, false
	}
	rest = strings.TrimLeftFunc(rest, unicode.IsSpace)
	start := len(expr) - len(rest)
	end := wordEnd(expr, start)
	return expr[start:end], end, end > start
}

func wordEnd(s string, i int) int {
	for i < len(s) {
		r, n := utf8.DecodeRuneInString(s[i:])
		if !isWordRune(r) {
			break
		}
		i += n
	}
	return i
}

func isWordRune(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }
