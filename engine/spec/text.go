package spec

import (
	"slices"
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
	parts []Piece   // of a template, nil for a literal
}

// Piece is a part of the text of a template: what is written out, or a value in it.
type Piece struct {
	Text   string
	Range  hcl.Range // in the template
	Origin *Origin   // where the text stands rune by rune, in the template or elsewhere; nil when that is not known
}

// NewComposedOrigin returns the origin of a text that a template at rng came to.
func NewComposedOrigin(text string, rng hcl.Range, pieces []Piece) *Origin {
	return &Origin{Text: text, Range: rng, parts: pieces}
}

// Same reports whether o and p tell of the same text at the same place.
func (o *Origin) Same(p *Origin) bool {
	return o == p || o.Text == p.Text && o.Range == p.Range && (o.in == nil) == (p.in == nil) &&
		slices.EqualFunc(o.parts, p.parts, func(a, b Piece) bool {
			return a.Text == b.Text && a.Range == b.Range && (a.Origin == nil) == (b.Origin == nil) && (a.Origin == nil || a.Origin.Same(b.Origin))
		})
}

// composedRange is RuneRange for a template: within one piece the place of its text,
// otherwise from the first to the last in the template.
func (o *Origin) composedRange(from, to int) hcl.Range {
	to = max(to, from+1)
	out := o.Range
	at := 0
	for i, p := range o.parts {
		n := utf8.RuneCountInString(p.Text)
		last := i == len(o.parts)-1
		begins := from >= at && (from < at+n || last)
		if begins && (to <= at+n || last) {
			if p.Origin == nil {
				return p.Range
			}
			return p.Origin.RuneRange(from-at, to-at)
		}
		own := p.Range
		if p.Origin != nil && within(p.Origin.Range, p.Range) {
			own = p.Origin.RuneRange(max(from-at, 0), min(to-at, n))
		}
		if begins {
			out.Start = own.Start
		}
		if to > at && to <= at+n {
			out.End = own.End
			break
		}
		at += n
	}
	return out
}

func within(a, b hcl.Range) bool {
	return a.Filename == b.Filename && a.Start.Byte >= b.Start.Byte && a.End.Byte <= b.End.Byte
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
	if o.parts != nil {
		return o.composedRange(from, to)
	}
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
