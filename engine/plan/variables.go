package plan

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"weir/engine/spec"
)

// variables are the variables and locals of a module as its row expressions see them,
// as data, by names such as var.x and local.x.
type variables struct {
	names   []string // sorted
	text    map[string]string
	secrets map[string]spec.Secret // those whose text is not shown
}

func describeValues(vs Values) *variables {
	v := &variables{text: make(map[string]string, len(vs.Vars)+len(vs.Locals)), secrets: map[string]spec.Secret{}}
	v.add("var.", vs.Vars)
	v.add("local.", vs.Locals)
	v.names = sortedKeys(v.text)
	return v
}

func (v *variables) add(prefix string, values map[string]any) {
	for n, value := range values {
		name := prefix + n
		if secret, ok := value.(spec.Secret); ok {
			v.secrets[name], v.text[name] = secret, "(sensitive)"
			continue
		}
		if value == any(spec.Sensitive) {
			v.text[name] = "(sensitive)"
			continue
		}
		b, err := json.Marshal(value)
		if err != nil { // values of HCL always can be
			b = []byte(err.Error())
		}
		v.text[name] = string(b)
	}
}

// appendValue adds the value of a name to b, for a digest: a secret as its HMAC with
// key, so that whoever sees the digest without the key cannot try guesses (I9).
func (v *variables) appendValue(b []byte, name string, key []byte) []byte {
	if secret, ok := v.secrets[name]; ok {
		mac := hmac.New(sha256.New, key)
		_, _ = mac.Write([]byte(secret.Reveal())) // a hash takes everything
		return mac.Sum(append(b, 's'))
	}
	return append(b, v.text[name]...)
}

// mentions lists the variables and locals that a row expression can read, sorted. When var,
// local, or the whole environment, is used as anything but var.NAME, all is true: every one may be read.
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
		if word != "var" && word != "local" {
			continue
		}
		name, next, ok := member(expr, end)
		if !ok {
			return nil, true
		}
		names, i = append(names, word+"."+name), next
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
