package columns

import (
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"

	"weir/engine/diag"
	"weir/engine/spec"
)

// token is a word or a text in quotes of a declaration.
type token struct {
	s        string
	quoted   bool
	from, to int // runes of the declaration
}

// decl reads one declaration.
type decl struct {
	name  string
	text  spec.Text
	toks  []token
	diags diag.List
}

// lex splits the declaration into tokens.
func (d *decl) lex() {
	rs := []rune(d.text.S)
	for i := 0; i < len(rs); {
		from := i
		switch {
		case rs[i] == ' ' || rs[i] == '\t' || rs[i] == '\n' || rs[i] == '\r':
			i++
		case rs[i] == '\'':
			var sb strings.Builder
			closed := false
			for i++; i < len(rs); i++ {
				if rs[i] == '\'' {
					if i+1 == len(rs) || rs[i+1] != '\'' {
						closed = true
						i++
						break
					}
					i++
				}
				sb.WriteRune(rs[i])
			}
			if !closed {
				d.fail(from, len(rs), "A quote is not closed", "The text that begins here has no ' at its end.")
			}
			d.toks = append(d.toks, token{sb.String(), true, from, i})
		default:
			for i < len(rs) && !strings.ContainsRune(" \t\n\r'", rs[i]) {
				i++
			}
			d.toks = append(d.toks, token{string(rs[from:i]), false, from, i})
		}
	}
}

func (d *decl) rng(from, to int) *hcl.Range {
	r := d.text.RuneRange(from, to)
	return &r
}

// fail reports a problem with the runes from..to of the declaration.
func (d *decl) fail(from, to int, summary, detail string, args ...any) {
	d.diags = append(d.diags, diag.Errorf("config.invalid_column", d.rng(from, to), summary, "Column "+d.name+": "+detail, args...))
}

func (d *decl) failTok(t token, summary, detail string, args ...any) {
	d.fail(t.from, t.to, summary, detail, args...)
}

// missing reports that something should follow the token.
func (d *decl) missing(after token, what string, args ...any) {
	d.fail(after.from, after.to, "The column declaration is incomplete", after.s+" must be followed by "+what, args...)
}

func (d *decl) more() bool { return len(d.toks) > 0 }

func (d *decl) next() token {
	t := d.toks[0]
	d.toks = d.toks[1:]
	return t
}

// quoted takes the next token when it is a text in quotes.
func (d *decl) quoted() (token, bool) {
	if d.more() && d.toks[0].quoted {
		return d.next(), true
	}
	return token{}, false
}

// word takes the next token when it is the given word.
func (d *decl) word(w string) bool {
	if d.more() && !d.toks[0].quoted && d.toks[0].s == w {
		d.next()
		return true
	}
	return false
}

// argument takes the next token unless it is a modifier.
func (d *decl) argument() (token, bool) {
	if !d.more() || !d.toks[0].quoted && isModifier(d.toks[0].s) {
		return token{}, false
	}
	return d.next(), true
}

// length returns the number of runes of the declaration.
func (d *decl) length() int { return utf8.RuneCountInString(d.text.S) }
