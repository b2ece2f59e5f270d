package compute

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/hashicorp/hcl/v2"

	"weir/engine/diag"
	"weir/engine/spec"
)

// removed are built-ins of expr that depend on the machine or are replaced by ours.
var removed = [...]string{"now", "date", "timezone"}

// parse reads t after checking what could exhaust the parser: its length and nesting.
func (c *Compiler) parse(t spec.Text) (*parser.Tree, diag.List) {
	if n := len(t.S); n > c.o.MaxSource {
		return nil, diag.List{diag.Errorf("expr.too_long", rangeOf(t, 0, utf8.RuneCountInString(t.S)), "This expression is too long",
			"It has %d bytes; at most %d are allowed. Split it over several fields or steps.", n, c.o.MaxSource)}
	}
	if strings.TrimSpace(t.S) == "" {
		return nil, diag.List{diag.Errorf("expr.syntax", rangeOf(t, 0, len(t.S)), "This expression is empty", "Write a column's name, a literal such as '' or nil, or a calculation.")}
	}
	if at := tooDeep(t.S, c.o.MaxDepth); at >= 0 {
		return nil, diag.List{diag.Errorf("expr.too_deep", rangeOf(t, at, at+1), "This expression is nested too deeply",
			"More than %d brackets are open here. Split it over several fields or steps.", c.o.MaxDepth)}
	}
	if at := hiddenRest(t.S); at >= 0 {
		return nil, diag.List{diag.Errorf("expr.comment", rangeOf(t, at, at+2), "A comment hides the rest of this expression",
			"// and /* begin one, so what follows does not count. A whole quotient is int(a / b); a comment stands on a line of its own, in an expression of several lines.")}
	}
	tree, err := parser.ParseWithConfig(c.ownNames(t.S), c.parserConfig())
	if err != nil {
		return nil, diag.List{syntaxError(t, err)}
	}
	return tree, nil
}

func (c *Compiler) parserConfig() *conf.Config {
	cfg := conf.CreateNew()
	cfg.MaxNodes = c.o.MaxNodes
	for _, name := range removed {
		cfg.Disabled[name] = true
	}
	// Only names matter to the parser: a listed function hides the built-in.
	for name := range c.funcs {
		cfg.Functions[name] = &builtin.Function{Name: name}
	}
	return cfg
}

// tooDeep returns the rune at which more than limit brackets are open, or -1.
// It must not recurse: it guards those who do.
func tooDeep(s string, limit int) int {
	var q quotes
	depth, pos := 0, 0
	for _, r := range s {
		if !q.next(r) {
			switch r {
			case '(', '[', '{':
				if depth++; depth > limit {
					return pos
				}
			case ')', ']', '}':
				depth--
			}
		}
		pos++
	}
	return -1
}

// quotes follows the string literals of an expression, rune by rune.
type quotes struct {
	open    rune // the quote that closes the present literal, 0 outside
	escaped bool
}

// next tells whether r belongs to a literal.
func (q *quotes) next(r rune) bool {
	switch {
	case q.open == 0:
		if r == '\'' || r == '"' || r == '`' {
			q.open = r
			return true
		}
		return false
	case q.escaped:
		q.escaped = false
	case r == '\\' && q.open != '`':
		q.escaped = true
	case r == q.open:
		q.open = 0
	}
	return true
}

// openQuote returns the rune at which the literal starts that s does not close.
func openQuote(s string) int {
	var q quotes
	start, pos := 0, 0
	for _, r := range s {
		was := q.open
		q.next(r)
		if was == 0 && q.open != 0 {
			start = pos
		}
		pos++
	}
	return start
}

var unexpected = regexp.MustCompile(`^unexpected token (\w+)(?:\("(.*)"\))?$`)

// syntaxError says in plain words what expr's parser did not understand.
func syntaxError(t spec.Text, err error) diag.Diagnostic {
	var fe *file.Error
	if !errors.As(err, &fe) {
		return diag.Errorf("expr.syntax", rangeOf(t, 0, utf8.RuneCountInString(t.S)), "This expression cannot be read", "%s", err)
	}
	from, to := fe.From, fe.To
	if to <= from {
		to = from + 1
	}
	rng := rangeOf(t, from, to)
	m := unexpected.FindStringSubmatch(fe.Message)
	if word := habit(t.S, from, fe.Message, m); word != "" {
		summary := "This expression cannot be read"
		if m != nil {
			summary = fmt.Sprintf("Did not expect %q here", m[2])
		}
		return diag.Errorf("expr.syntax", rng, summary, "%s", word)
	}
	switch {
	case m != nil && m[1] == "EOF":
		return diag.Errorf("expr.syntax", rng, "The expression ends too early", "Something is missing at its end: a value after an operator, or a closing bracket.")
	case m != nil && m[2] == "=":
		return diag.Errorf("expr.syntax", rng, `Did not expect "=" here`, `Write "==" to compare.`)
	case m != nil && m[1] == "String" && strings.Count(t.S, "'")%2 == 1:
		return diag.Errorf("expr.syntax", rng, fmt.Sprintf("Did not expect %q here", m[2]), "The expression has an odd number of ': a string before this place has no end.")
	case m != nil && foreignOperator(m[2]) != "":
		return diag.Errorf("expr.syntax", rng, fmt.Sprintf("Did not expect %q here", m[2]), "%s", foreignOperator(m[2]))
	case m != nil:
		return diag.Errorf("expr.syntax", rng, fmt.Sprintf("Did not expect %q here", m[2]), "An operator, a comma or a closing bracket may be missing before it.")
	case strings.Contains(fe.Message, "maximum allowed nodes"):
		return diag.Errorf("expr.too_long", rangeOf(t, 0, utf8.RuneCountInString(t.S)), "This expression has too many parts", "Split it over several fields or steps.")
	case strings.HasPrefix(fe.Message, "invalid integer literal"):
		return diag.Errorf("expr.constant", literal(t, fe), "This number is out of range for a whole number",
			"Whole numbers have at most 64 bits: up to 9223372036854775807. An id with more digits is a text, in quotes.")
	case strings.HasPrefix(fe.Message, "invalid float literal"), fe.Message == "float literal is too large":
		return diag.Errorf("expr.constant", literal(t, fe), "This number is out of range for a float", "The largest is about 1.8e308.")
	case fe.Message == "literal not terminated":
		return diag.Errorf("expr.syntax", rangeOf(t, openQuote(t.S), utf8.RuneCountInString(t.S)), "This string has no end", "Close it with the quote that it starts with.")
	}
	return diag.Errorf("expr.syntax", rng, "This expression cannot be read", "%s.", fe.Message)
}

var parsing = regexp.MustCompile(`parsing "([^"]*)"`)

// literal is the range of the number that the parser could not keep. It reports the
// token behind it.
func literal(t spec.Text, fe *file.Error) *hcl.Range {
	if m := parsing.FindStringSubmatch(fe.Message); m != nil {
		if at := strings.LastIndex(t.S, m[1]); at >= 0 {
			from := utf8.RuneCountInString(t.S[:at])
			return rangeOf(t, from, from+len(m[1]))
		}
	}
	return rangeOf(t, fe.From, max(fe.To, fe.From+1))
}

// rangeOf returns the file range of the runes from..to of t.
func rangeOf(t spec.Text, from, to int) *hcl.Range {
	r := t.RuneRange(from, to)
	return &r
}
