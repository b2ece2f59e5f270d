package config

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"

	"weir/engine/diag"
)

// syntaxProblems says in plain words what hcl found wrong with the form of src. A
// quote that is not closed makes the reader lose its way, so what it finds after
// that is left out, as is all but the first problem of a line.
func syntaxProblems(name string, src []byte, hd hcl.Diagnostics) diag.List {
	list := diag.FromHCL("config.syntax", hd)
	out := list[:0]
	told := map[int]bool{}
	for _, d := range list {
		if d.Subject == nil {
			out = append(out, d)
			continue
		}
		line := d.Subject.Start.Line
		if d.Severity != diag.Error {
			out = append(out, d)
			continue
		}
		if told[line] {
			continue
		}
		told[line] = true
		if d.Summary == "Invalid multi-line string" || d.Summary == "Unterminated template string" {
			if at, ok := openQuote(name, src, d.Subject.Start); ok {
				d.Summary, d.Subject, d.Context = "The text is not closed", &at, nil
				d.Detail = `Its line has a " without a second one: put one where the text begins or ends. A text of several lines is written with <<EOT.`
				return append(out, d)
			}
		}
		if endsOpen(d.Summary) {
			if at := unclosed(name, src); at != nil {
				return append(out, *at)
			}
		}
		if d.Summary == "Invalid character" {
			d.Detail = character(src, *d.Subject, d.Detail)
		}
		d.Detail = elsewhere().ReplaceAllString(d.Detail, "$1:$2:$3")
		out = append(out, d)
	}
	return out
}

// endsOpen reports whether a problem is that the file ends before what it opened.
func endsOpen(summary string) bool {
	return summary == "Unterminated template string" || strings.HasPrefix(summary, "Unclosed ") || strings.HasPrefix(summary, "Unterminated ") ||
		summary == "Missing closing brace for block"
}

// elsewhere matches a range as hcl writes it in texts.
func elsewhere() *regexp.Regexp {
	return regexp.MustCompile(`(\S+):(\d+),(\d+)-(?:\d+,)?\d+\b`)
}

// openQuote returns the range from the quote of at's line that has no second one to the
// end of the line.
func openQuote(name string, src []byte, at hcl.Pos) (r hcl.Range, ok bool) {
	begin := bytes.LastIndexByte(src[:min(at.Byte, len(src))], '\n') + 1
	end := len(src)
	if n := bytes.IndexByte(src[begin:], '\n'); n >= 0 {
		end = begin + n
	}
	line := bytes.TrimRight(src[begin:end], "\r")
	open, depth := -1, 0 // depth counts braces of ${ } within the text
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case open < 0 && (c == '#' || bytes.HasPrefix(line[i:], []byte("//"))):
			return r, false
		case c == '"' && open < 0:
			open = i
		case open >= 0 && c == '\\':
			i++
		case open >= 0 && (bytes.HasPrefix(line[i:], []byte("${")) || bytes.HasPrefix(line[i:], []byte("%{"))):
			depth++
			i++
		case depth > 0 && c == '}':
			depth--
		case c == '"' && depth == 0:
			open = -1
		}
	}
	if open < 0 {
		return r, false
	}
	pos := func(n int) hcl.Pos {
		return hcl.Pos{Line: at.Line, Column: 1 + utf8.RuneCount(line[:n]), Byte: begin + n}
	}
	return hcl.Range{Filename: name, Start: pos(open), End: pos(len(line))}, true
}

// character says more of a character that means nothing, when people cannot see what it is.
func character(src []byte, at hcl.Range, detail string) string {
	if at.Start.Byte >= len(src) || !strings.Contains(detail, "not used") {
		return detail
	}
	r, _ := utf8.DecodeRune(src[at.Start.Byte:])
	switch {
	case r == '\u00a0' || r >= '\u2000' && r <= '\u200f' || r == '\u202f' || r == '\u3000' || r == '\ufeff':
		return fmt.Sprintf("It looks like a space and is the character U+%04X, as web pages and text processors have it. Put a common space in its place.", r)
	case r < ' ':
		return fmt.Sprintf("It is the control character U+%04X. Remove it.", r)
	}
	return fmt.Sprintf("%q means nothing here. Text stands between double quotes.", r)
}

// otherEncoding says which encoding src may have, which is not UTF-8.
func otherEncoding(src []byte) string {
	switch {
	case bytes.HasPrefix(src, []byte{0xFF, 0xFE}), bytes.HasPrefix(src, []byte{0xFE, 0xFF}):
		return " It is UTF-16, which some editors call Unicode."
	}
	return ""
}
