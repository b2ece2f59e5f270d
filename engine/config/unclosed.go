package config

import (
	"bytes"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"weir/engine/diag"
)

// unclosed reports what is opened and never closed at the place where it opens: a text of
// several lines, or the block that lacks its brace, as its indentation tells. hcl notices
// either at the end of the file, or at the outermost block.
func unclosed(name string, src []byte) *diag.Diagnostic {
	tokens, _ := hclsyntax.LexConfig(src, name, hcl.InitialPos)
	if d := openHeredoc(tokens); d != nil {
		return d
	}
	at, ok := openBrace(tokens)
	if !ok {
		return nil
	}
	d := diag.Errorf("config.syntax", &at, "There is no closing brace", "What begins here is not closed, as the indentation of the lines below tells. Put a } on a line of its own after it.")
	return &d
}

func openHeredoc(tokens hclsyntax.Tokens) *diag.Diagnostic {
	var open *hclsyntax.Token
	for i, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenOHeredoc:
			open = &tokens[i]
		case hclsyntax.TokenCHeredoc:
			open = nil
		}
	}
	if open == nil {
		return nil
	}
	marker := string(bytes.TrimLeft(bytes.TrimSpace(open.Bytes), "<-"))
	at := open.Range
	if at.End.Line > at.Start.Line { // the token has the end of its line
		at.End = at.Start
		at.End.Byte += len(bytes.TrimRight(open.Bytes, "\r\n"))
		at.End.Column += len(bytes.TrimRight(open.Bytes, "\r\n"))
	}
	d := diag.Errorf("config.syntax", &at, "The text is not closed", "It ends at a line that has %s and nothing else, and there is none below.", marker)
	return &d
}

// brace is one that is open.
type brace struct {
	column int // of the first word of its line
	line   hcl.Range
}

// openBrace returns the line of the innermost brace that, as the indentation of what comes
// after it tells, was to be closed and is not.
func openBrace(tokens hclsyntax.Tokens) (at hcl.Range, ok bool) {
	var open []brace
	var first *hclsyntax.Token // of the line
	for i := range tokens {
		t := &tokens[i]
		if t.Type == hclsyntax.TokenNewline || t.Type == hclsyntax.TokenComment {
			first = nil
			continue
		}
		begins := first == nil
		if begins {
			first = t
		}
		if n := len(open); begins && n > 0 {
			top := open[n-1].column
			closes := t.Type == hclsyntax.TokenCBrace && t.Range.Start.Column < top
			if next := t.Type == hclsyntax.TokenIdent && t.Range.Start.Column <= top; closes || next {
				return open[n-1].line, true
			}
		}
		switch t.Type {
		case hclsyntax.TokenOBrace:
			line := first.Range
			line.End = t.Range.End
			open = append(open, brace{first.Range.Start.Column, line})
		case hclsyntax.TokenCBrace:
			if len(open) > 0 {
				open = open[:len(open)-1]
			}
		}
	}
	if len(open) == 0 {
		return at, false
	}
	return open[len(open)-1].line, true
}
