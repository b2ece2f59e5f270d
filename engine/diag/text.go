package diag

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// TextOptions say how Text prints.
type TextOptions struct {
	Color bool // colour with ANSI sequences; the marks under the source are printed either way
	Width int  // cells a line may take; 0 means 100
}

// Text writes l to w for people: severity, summary and code, the place, the
// source line with marks under the exact characters, the detail wrapped to the
// width, what to write instead where that is certain, and a line of counts at
// the end. sources holds the bytes of the files by the names that ranges carry;
// a file that is missing there is printed without its line. An empty l prints nothing.
//
// Only lines that hold a Subject, and the first line of its Context, are
// shown: a neighbouring line has nothing to say about the problem and may hold
// a credential (I9).
func Text(w io.Writer, l List, sources map[string][]byte, o TextOptions) error {
	if len(l) == 0 {
		return nil
	}
	if o.Width <= 0 {
		o.Width = 100
	}
	p := &printer{w: bufio.NewWriter(w), o: o, sources: sources}
	errs := 0
	for _, d := range l {
		if d.Severity == Error {
			errs++
		}
	}
	left := [2]int{Error: maxPrinted, Warning: max(maxPrinted-errs, 0)} // no warning keeps an error out
	for _, d := range l {
		if left[d.Severity]--; left[d.Severity] >= 0 {
			p.diagnostic(d)
		}
	}
	if more := len(l) - maxPrinted; more > 0 {
		p.printf("… and %d more; --json has them all\n\n", more)
	}
	p.printf("%s\n", Counts(l))
	return p.w.Flush()
}

// maxPrinted is how many diagnostics are printed for people, errors before warnings.
const maxPrinted = 500

// Counts returns how many errors and warnings l holds, such as "3 errors, 1 warning".
func Counts(l List) string {
	var n [2]int
	for _, d := range l {
		n[d.Severity] += max(1, d.More)
	}
	var parts []string
	for _, s := range []Severity{Error, Warning} {
		switch {
		case n[s] == 1:
			parts = append(parts, "1 "+s.String())
		case n[s] > 1:
			parts = append(parts, strconv.Itoa(n[s])+" "+s.String()+"s")
		}
	}
	if len(parts) == 0 {
		return "no problems"
	}
	return strings.Join(parts, ", ")
}

type printer struct {
	w       *bufio.Writer
	o       TextOptions
	sources map[string][]byte
}

// printf leaves errors to the final Flush, which reports the first one.
func (p *printer) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(p.w, format, args...)
}

const (
	ansiBold   = "1"
	ansiRed    = "1;31"
	ansiYellow = "1;33"
	ansiFaint  = "2"
)

func (p *printer) paint(ansi, s string) string {
	if !p.o.Color || s == "" {
		return s
	}
	return "\x1b[" + ansi + "m" + s + "\x1b[0m"
}

func severityColor(s Severity) string {
	if s == Warning {
		return ansiYellow
	}
	return ansiRed
}

func (p *printer) diagnostic(d Diagnostic) {
	head := p.paint(severityColor(d.Severity), d.Severity.String()) + ": " + p.paint(ansiBold, clean(d.Summary))
	if d.Code != "" {
		head += p.paint(ansiFaint, " ["+string(d.Code)+"]")
	}
	p.printf("%s\n", head)
	if d.Subject != nil {
		p.printf("  at %s:%d:%d\n", clean(d.Subject.Filename), d.Subject.Start.Line, d.Subject.Start.Column)
		p.snippet(d)
	}
	if d.Row != nil {
		p.printf("  in %s\n", clean(rowPlace(*d.Row)))
	}
	p.wrapped(d.Detail)
	if d.Fix != "" && !strings.Contains(d.Detail, d.Fix) && !strings.Contains(d.Summary, d.Fix) {
		p.wrapped("Fix: write " + d.Fix)
	}
	p.printf("\n")
}

// rowPlace is a place in data in words.
func rowPlace(r RowRef) string {
	s := r.Object
	if r.Row > 0 {
		s += fmt.Sprintf(", row %d", r.Row)
	}
	if r.Line > 0 {
		s += fmt.Sprintf(" (line %d)", r.Line)
	}
	if r.Column != "" {
		s += fmt.Sprintf(", column %q", r.Column)
	}
	return strings.TrimPrefix(s, ", ")
}

// snippet prints the lines of the subject, marked.
func (p *printer) snippet(d Diagnostic) {
	src, ok := p.sources[d.Subject.Filename]
	if !ok {
		return
	}
	marks := markedLines(src, *d.Subject)
	if len(marks) == 0 {
		return
	}
	gutter := max(3, len(strconv.Itoa(marks[len(marks)-1].number)))
	if c := contextLine(src, d.Context, *d.Subject); c != nil {
		p.sourceLine(*c, gutter, d.Severity)
		if marks[0].number > c.number+1 {
			p.elided(gutter)
		}
	}
	for i, m := range marks {
		if i > 0 && m.number > marks[i-1].number+1 {
			p.elided(gutter)
		}
		p.sourceLine(m, gutter, d.Severity)
	}
}

func (p *printer) elided(gutter int) {
	p.printf("  %s\n", p.paint(ansiFaint, strings.Repeat(" ", gutter)+" | ..."))
}

func (p *printer) sourceLine(m markedLine, gutter int, sev Severity) {
	text, marks := m.render(max(20, p.o.Width-gutter-5))
	p.printf("  %s%s\n", p.paint(ansiFaint, fmt.Sprintf("%*d |", gutter, m.number)), spaced(text))
	if marks != "" {
		lead := len(marks) - len(strings.TrimLeft(marks, " "))
		p.printf("  %s %s%s\n", p.paint(ansiFaint, strings.Repeat(" ", gutter)+" |"), marks[:lead],
			p.paint(severityColor(sev), marks[lead:]))
	}
}

// spaced sets text off by a space, unless there is none to set off.
func spaced(text string) string {
	if text == "" {
		return ""
	}
	return " " + text
}

// wrapped prints s in paragraphs, indented by two, broken at spaces. Lines
// that are themselves indented are kept as they are: they are examples.
func (p *printer) wrapped(s string) {
	for para := range strings.SplitSeq(strings.TrimRight(s, "\n"), "\n") {
		if para == "" {
			if s != "" {
				p.printf("\n")
			}
			continue
		}
		if para[0] == ' ' || para[0] == '\t' {
			p.printf("  %s\n", clean(para))
			continue
		}
		p.paragraph(clean(para))
	}
}

func (p *printer) paragraph(s string) {
	line, width := " ", 1
	for word := range strings.FieldsSeq(s) {
		n := textWidth(word)
		if width > 1 && width+1+n > p.o.Width {
			p.printf("%s\n", line)
			line, width = " ", 1
		}
		line += " " + word
		width += 1 + n
	}
	if width > 1 {
		p.printf("%s\n", line)
	}
}

// clean replaces what could steer a terminal: input must not choose how it is shown.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return ' '
		}
		if Steers(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}

// Steers reports whether r, printed as it is, could steer a terminal or change the order in
// which a line is shown: a control character, the line end too, or one that overrides the
// direction of text.
func Steers(r rune) bool {
	return r < ' ' || r >= 0x7F && r < 0xA0 || r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069
}

// contextLine returns the first line of the context when it stands above the subject.
func contextLine(src []byte, c *hcl.Range, subject hcl.Range) *markedLine {
	if c == nil || c.Filename != subject.Filename || c.Start.Line >= subject.Start.Line {
		return nil
	}
	from, to, ok := lineBounds(src, c.Start.Line)
	if !ok {
		return nil
	}
	return &markedLine{number: c.Start.Line, text: src[from:to], from: -1}
}
