package config

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"weir/engine/diag"
	"weir/engine/spec"
)

// prepare makes of a parsed file what the loader needs, in one walk over it. It gives
// every literal string its Origin as a mark, so that the place it was written travels
// with the value; see spec.Origin. Keys of objects are left alone: a mark there would
// cover the whole object. And it puts expressions under the budget, see meterer.
// It returns the names that are given twice.
func prepare(body *hclsyntax.Body, src []byte, b *budget) diag.List {
	p := &preparer{marker: originMarker{src: src, keys: map[hclsyntax.Node]bool{}}, meterer: meterer{b, src}}
	_ = hclsyntax.Walk(body, p)
	return p.twice.found
}

type preparer struct {
	marker originMarker
	twice  twice
	meterer
}

// Enter implements hclsyntax.Walker.
func (p *preparer) Enter(n hclsyntax.Node) hcl.Diagnostics {
	p.marker.enter(n)
	p.twice.enter(n)
	return p.meterer.Enter(n)
}

type originMarker struct {
	src  []byte
	keys map[hclsyntax.Node]bool
}

func (m *originMarker) enter(n hclsyntax.Node) {
	switch x := n.(type) {
	case *hclsyntax.ObjectConsExpr:
		for _, it := range x.Items {
			m.keys[it.KeyExpr] = true
			if k, ok := it.KeyExpr.(*hclsyntax.ObjectConsKeyExpr); ok {
				m.keys[k.Wrapped] = true
			}
		}
	case *hclsyntax.TemplateExpr:
		if !m.keys[n] {
			m.mark(x)
		}
	}
}

func (m *originMarker) mark(t *hclsyntax.TemplateExpr) {
	for _, p := range t.Parts {
		if l, ok := p.(*hclsyntax.LiteralValueExpr); !ok || l.Val.Type() != cty.String || l.Val.IsNull() {
			return
		}
	}
	o := m.origin(t)
	if o == nil {
		return
	}
	for _, p := range t.Parts {
		l, _ := p.(*hclsyntax.LiteralValueExpr)
		l.Val = l.Val.Mark(o)
	}
}

// origin returns that of a literal, nil when it cannot be told.
func (m *originMarker) origin(t *hclsyntax.TemplateExpr) *spec.Origin {
	raw := m.src[t.SrcRange.Start.Byte:t.SrcRange.End.Byte]
	if len(t.Parts) == 1 {
		l, _ := t.Parts[0].(*hclsyntax.LiteralValueExpr)
		if text := l.Val.AsString(); len(raw) == len(text)+2 && raw[0] == '"' && string(raw[1:len(raw)-1]) == text {
			return spec.NewPlainOrigin(text, t.SrcRange)
		}
	}
	var text strings.Builder
	for _, p := range t.Parts {
		l, _ := p.(*hclsyntax.LiteralValueExpr)
		text.WriteString(l.Val.AsString())
	}
	offs, ok := literalOffsets(raw, t.SrcRange.Start.Byte, text.String())
	if !ok {
		return nil
	}
	return spec.NewOrigin(text.String(), t.SrcRange, m.src, offs)
}

// literalOffsets returns the byte offset in the file of each rune of text, the
// decoded form of the literal raw that starts at base, and of its end.
func literalOffsets(raw []byte, base int, text string) ([]int, bool) {
	if len(raw) > 1 && raw[0] == '"' {
		body := raw[1:]
		if body[len(body)-1] == '"' {
			body = body[:len(body)-1]
		}
		offs, rest, ok := decodeLine(nil, body, base+1, text, true)
		return append(offs, base+1+len(body)), ok && rest == ""
	}
	if !bytes.HasPrefix(raw, []byte("<<")) {
		return nil, false
	}
	nl := bytes.IndexByte(raw, '\n')
	if nl < 0 {
		return nil, false
	}
	offs := make([]int, 0, len(text)+1)
	pos := nl + 1
	for text != "" {
		end := bytes.IndexByte(raw[pos:], '\n')
		if end < 0 {
			return nil, false
		}
		line, next := raw[pos:pos+end+1], pos+end+1
		want := text
		if i := strings.IndexByte(text, '\n'); i >= 0 {
			want = text[:i+1]
		}
		// <<- strips the indentation that all lines share.
		strip := max(0, blanks(line)-blanks([]byte(want)))
		got, rest, ok := decodeLine(offs, line[strip:], base+pos+strip, want, false)
		if !ok || rest != "" {
			return nil, false
		}
		offs = got
		text, pos = text[len(want):], next
	}
	return append(offs, base+pos), true
}

// blanks counts the spaces and tabs that line begins with.
func blanks(line []byte) int { return len(line) - len(bytes.TrimLeft(line, " \t")) }

// decodeLine walks raw and the text it decodes to together, appending the
// offset of each rune. It returns the text that raw does not cover.
func decodeLine(offs []int, raw []byte, base int, text string, quoted bool) ([]int, string, bool) {
	i := 0
	for text != "" && i < len(raw) {
		r, n := utf8.DecodeRuneInString(text)
		got, w := decodeRune(raw[i:], quoted)
		if got != r {
			return offs, text, false
		}
		offs = append(offs, base+i)
		i += w
		text = text[n:]
	}
	return offs, text, i == len(raw)
}

func decodeRune(raw []byte, quoted bool) (rune, int) {
	if quoted && raw[0] == '\\' && len(raw) > 1 {
		switch raw[1] {
		case 'n':
			return '\n', 2
		case 'r':
			return '\r', 2
		case 't':
			return '\t', 2
		case '"', '\\':
			return rune(raw[1]), 2
		case 'u', 'U':
			n := 4
			if raw[1] == 'U' {
				n = 8
			}
			if len(raw) >= 2+n {
				if v, err := strconv.ParseUint(string(raw[2:2+n]), 16, 32); err == nil {
					return rune(v), 2 + n
				}
			}
		}
	}
	if len(raw) > 2 && (raw[0] == '$' || raw[0] == '%') && raw[1] == raw[0] && raw[2] == '{' {
		return rune(raw[0]), 2
	}
	return utf8.DecodeRune(raw)
}
