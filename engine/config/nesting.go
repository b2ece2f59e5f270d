package config

import (
	"encoding/json"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"weir/engine/diag"
)

// Limits on the form of what is parsed. The parsers of HCL and JSON, and what
// walks their trees, recurse; Go cannot recover from an exhausted stack.
const (
	maxDepth     = 200 // brackets, templates and blocks within each other
	maxOperators = 500 // operators and indexes in one operand: each is a level of the tree
	maxExponent  = 400 // decimal exponent of a number
)

// nesting follows the tokens of a source.
type nesting struct {
	levels   []level
	controls int // open %{ if } and %{ for }
	last     hclsyntax.TokenType
}

// level is an open bracket, template or block.
type level struct {
	operators int
	lines     bool // a new line ends what came before
}

// next returns what is wrong with t, "" for nothing.
func (n *nesting) next(t hclsyntax.Token) string {
	top := &n.levels[len(n.levels)-1]
	switch t.Type {
	case hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenOBrace, hclsyntax.TokenTemplateInterp,
		hclsyntax.TokenTemplateControl, hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc:
		top.operators++ // an index applies to what stands before it
		n.levels = append(n.levels, level{lines: t.Type == hclsyntax.TokenOBrace})
	case hclsyntax.TokenCParen, hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenTemplateSeqEnd,
		hclsyntax.TokenCQuote, hclsyntax.TokenCHeredoc:
		if len(n.levels) > 1 {
			n.levels = n.levels[:len(n.levels)-1]
		}
	case hclsyntax.TokenComma, hclsyntax.TokenEqual, hclsyntax.TokenFatArrow:
		top.operators = 0
	case hclsyntax.TokenNewline:
		if top.lines {
			top.operators = 0
		}
		return "" // a block's first word may stand on the next line
	case hclsyntax.TokenIdent:
		n.word(string(t.Bytes), top)
	case hclsyntax.TokenBang, hclsyntax.TokenMinus, hclsyntax.TokenQuestion, hclsyntax.TokenPlus, hclsyntax.TokenStar,
		hclsyntax.TokenSlash, hclsyntax.TokenPercent, hclsyntax.TokenAnd, hclsyntax.TokenOr, hclsyntax.TokenEqualOp,
		hclsyntax.TokenNotEqual, hclsyntax.TokenLessThan, hclsyntax.TokenLessThanEq, hclsyntax.TokenGreaterThan, hclsyntax.TokenGreaterThanEq:
		top.operators++
	case hclsyntax.TokenNumberLit:
		if hugeNumber(string(t.Bytes)) {
			return "This number is out of range"
		}
	}
	n.last = t.Type
	if len(n.levels)+n.controls > maxDepth || n.levels[len(n.levels)-1].operators > maxOperators {
		return "Nesting is too deep"
	}
	return ""
}

// word follows the words that change how what comes after them nests.
func (n *nesting) word(w string, top *level) {
	switch {
	case n.last == hclsyntax.TokenOBrace && w == "for":
		top.lines = false // { for ... } goes on over line ends
	case n.last == hclsyntax.TokenTemplateControl && (w == "if" || w == "for"):
		n.controls++
	case n.last == hclsyntax.TokenTemplateControl && (w == "endif" || w == "endfor") && n.controls > 0:
		n.controls--
	}
}

// hugeNumber tells whether a number literal is too large to be written out.
func hugeNumber(s string) bool {
	i := strings.IndexAny(s, "eE")
	if i < 0 {
		return len(s) > maxExponent
	}
	exp := strings.TrimLeft(s[i+1:], "+-0")
	return i > maxExponent || len(exp) > 3 || len(exp) == 3 && exp > "400"
}

// tooDeep refuses native syntax that would exhaust the parser.
func tooDeep(name string, src []byte) diag.List {
	if plainlyFlat(src) {
		return nil
	}
	tokens, _ := hclsyntax.LexConfig(src, name, hcl.InitialPos)
	return tooDeepTokens(tokens)
}

func tooDeepTokens(tokens hclsyntax.Tokens) diag.List {
	n := nesting{levels: []level{{lines: true}}}
	for _, t := range tokens {
		if what := n.next(t); what != "" {
			return diag.List{diag.Errorf("config.too_deep", &t.Range, what,
				"Brackets, templates and blocks may be nested %d deep, one value may have %d operators, and a number %d digits.", maxDepth, maxOperators, maxExponent)}
		}
	}
	return nil
}

// tooDeepJSON does the same for JSON syntax, whether valid or not, and for the
// templates in its strings.
func tooDeepJSON(name string, src []byte) diag.List {
	depth := 0
	fail := func(at int, what, detail string, args ...any) diag.List {
		rng := posAt(name, src, at)
		return diag.List{diag.Errorf("config.too_deep", &rng, what, detail, args...)}
	}
	for i := 0; i < len(src); i++ {
		switch c := src[i]; {
		case c == '[' || c == '{':
			if depth++; depth > maxDepth {
				return fail(i, "Nesting is too deep", "Brackets may be nested %d deep.", maxDepth)
			}
		case c == ']' || c == '}':
			depth--
		case c == '-' || c >= '0' && c <= '9':
			end := i + 1
			for end < len(src) && strings.IndexByte("0123456789+-.eE", src[end]) >= 0 {
				end++
			}
			if hugeNumber(string(src[i:end])) {
				return fail(i, "This number is out of range", "A number has %d digits at most.", maxExponent)
			}
			i = end - 1
		case c == '"':
			end := stringEnd(src, i)
			if what := templateTooDeep(src[i:end]); what != "" {
				return fail(i, "This text is too complex for JSON syntax", "%s. Write it in a file ending in .hcl.", what)
			}
			i = end - 1
		}
	}
	return nil
}

// stringEnd returns the offset after the JSON string that starts at i.
func stringEnd(src []byte, i int) int {
	for i++; i < len(src); i++ {
		switch src[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(src)
}

// templateTooDeep returns what is wrong with the template in a quoted string of
// JSON. Such templates are evaluated without the budget of native syntax, so
// nothing that repeats is let through.
func templateTooDeep(quoted []byte) string {
	var s string
	if json.Unmarshal(quoted, &s) != nil || !strings.Contains(s, "${") && !strings.Contains(s, "%{") {
		return ""
	}
	tokens, _ := hclsyntax.LexTemplate([]byte(s), "", hcl.InitialPos)
	if ds := tooDeepTokens(tokens); ds != nil {
		return ds[0].Summary
	}
	parts := 0
	for _, t := range tokens {
		switch {
		case t.Type == hclsyntax.TokenTemplateInterp:
			parts++
		case t.Type == hclsyntax.TokenIdent && string(t.Bytes) == "for":
			return "It has a for in it"
		}
	}
	if parts > 100 {
		return "It has more than 100 values in it"
	}
	return ""
}
