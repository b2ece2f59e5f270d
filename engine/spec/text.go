package spec

import (
	"sort"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
)

// Origin is the place in a file where the text of a literal string was written.
// It travels with the value through variables, locals, modules and functions as
// a cty mark, so that a problem in a row expression is reported where somebody
// wrote it. An Origin describes a value only while the value's text equals Text.
type Origin struct {
	Text  string    // the decoded text
	Range hcl.Range // the whole literal, quotes or heredoc markers included
	in    *written  // nil when it stands there as it is, between quotes on one line
}

// written tells where the runes of a text stand.
type written struct {
	src  []byte // the file
	offs []int  // byte offset in src of each rune of the text, and of its end
}

// NewPlainOrigin returns the origin of a literal that is written as text is, on one line
// between quotes, as most are.
func NewPlainOrigin(text string, rng hcl.Range) *Origin { return &Origin{Text: text, Range: rng} }

// NewOrigin returns the origin of a literal whose i-th rune stands at byte offs[i] of src; offs has one more entry, for the end.
func NewOrigin(text string, rng hcl.Range, src []byte, offs []int) *Origin {
	return &Origin{Text: text, Range: rng, in: &written{src, offs}}
}

// RuneRange returns the range in the file of the runes from..to (exclusive) of Text.
func (o *Origin) RuneRange(from, to int) hcl.Range {
	last := utf8.RuneCountInString(o.Text)
	if o.in != nil {
		last = len(o.in.offs) - 1
	}
	from = max(0, min(from, last))
	to = max(from, min(to, last))
	return hcl.Range{Filename: o.Range.Filename, Start: o.pos(from), End: o.pos(to)}
}

// pos computes the place of the n-th rune, counting from the start of the literal.
func (o *Origin) pos(n int) hcl.Pos {
	p := o.Range.Start
	if o.in == nil {
		p.Byte, p.Column = p.Byte+1, p.Column+1+n // after the quote
		for i := 0; n > 0; n-- {
			_, w := utf8.DecodeRuneInString(o.Text[i:])
			i, p.Byte = i+w, p.Byte+w
		}
		return p
	}
	off := o.in.offs[n]
	for i := p.Byte; i < off && i < len(o.in.src); {
		r, n := utf8.DecodeRune(o.in.src[i:])
		i += n
		p.Byte = i
		p.Column++
		if r == '\n' {
			p.Line++
			p.Column = 1
		}
	}
	p.Byte = off
	return p
}

// Text is the text of a row expression together with the place it was written.
type Text struct {
	S      string
	Range  hcl.Range // where it is used or, when Origin is known, written
	Origin *Origin   // nil when S was computed
}

// RuneRange returns the file range of the runes from..to (exclusive) of S, or
// the whole range when S was computed rather than written.
func (t Text) RuneRange(from, to int) hcl.Range {
	if t.Origin == nil {
		return t.Range
	}
	return t.Origin.RuneRange(from, to)
}

// IsZero reports whether t was never set.
func (t Text) IsZero() bool { return t.S == "" && t.Range == (hcl.Range{}) }

// NamedText is one entry of a map of expressions.
type NamedText struct {
	Name string
	Text Text
}

// SortTexts orders entries by name.
func SortTexts(ts []NamedText) {
	sort.SliceStable(ts, func(i, j int) bool { return ts[i].Name < ts[j].Name })
}
