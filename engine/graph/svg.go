package graph

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

const (
	margin    = 24.0
	padX      = 16.0
	kindSize  = 10.0
	nameSize  = 14.0
	noteSize  = 11.0
	labelSize = 11.0
	titleSize = 15.0
	titleBand = 34.0 // height of a graph's title
	boxMin    = 120.0
	boxMax    = 340.0
	arrowLen  = 7.0
)

// style is the look. Colours have enough contrast on white and on black, and
// the media query changes what is filled for viewers in a dark scheme.
const style = `
text { font-family: system-ui, "Segoe UI", "Helvetica Neue", Arial, "Noto Sans", sans-serif; fill: #1f2933; }
.frame { fill: none; stroke: #b8c2cc; }
.title { font-size: 15px; font-weight: 600; }
.box { fill: #ffffff; stroke: #9aa5b1; }
.kind { font-size: 10px; letter-spacing: 0.6px; fill: #5f6c7b; }
.name { font-size: 14px; font-weight: 600; }
.note { font-size: 11px; fill: #5f6c7b; }
.edge { fill: none; stroke: #7b8794; stroke-width: 1.4; }
.aside { stroke-dasharray: 5 4; }
.cycle { stroke: #d64545; }
.head { fill: #7b8794; }
.head.cycle { fill: #d64545; stroke: none; }
.label { font-size: 11px; fill: #5f6c7b; stroke: #ffffff; stroke-width: 4px; paint-order: stroke; stroke-linejoin: round; }
.bar { fill: #7b8794; }
.k-source .bar { fill: #2f855a; }
.k-decode .bar { fill: #2c7a7b; }
.k-map .bar, .k-expand .bar { fill: #3b6fc4; }
.k-filter .bar, .k-check .bar { fill: #b7791f; }
.k-dedupe .bar, .k-group .bar { fill: #805ad5; }
.k-sink .bar { fill: #c05621; }
.k-dead_letter .bar { fill: #c53030; }
@media (prefers-color-scheme: dark) {
text { fill: #e4e7eb; }
.frame { stroke: #52606d; }
.box { fill: #1f2933; stroke: #616e7c; }
.kind, .note, .label { fill: #9aa5b1; }
.label { stroke: #12181f; }
.edge { stroke: #9aa5b1; }
.head { fill: #9aa5b1; }
.cycle { stroke: #f29b9b; }
.head.cycle { fill: #f29b9b; }
}
`

// SVG writes the graphs as one picture, side by side, each in a frame when it has a title.
func SVG(w io.Writer, graphs ...*Graph) error {
	s := &svg{w: bufio.NewWriter(w)}
	layouts := make([]*layout, len(graphs))
	width, height := margin, 0.0
	for i, g := range graphs {
		layouts[i] = newLayout(g, boxSize)
		fw, fh := frameSize(layouts[i])
		width += fw + margin
		height = max(height, fh)
	}
	if len(graphs) == 0 {
		width += margin
	}
	height += 2 * margin
	s.p(`<svg xmlns="http://www.w3.org/2000/svg" role="img" width="%s" height="%s" viewBox="0 0 %s %s">`+"\n",
		num(width), num(height), num(width), num(height))
	s.p("<title>%s</title>\n<style>%s</style>\n", escape(titles(graphs)), style)
	x := margin
	for _, l := range layouts {
		s.graph(l, x, margin)
		fw, _ := frameSize(l)
		x += fw + margin
	}
	s.p("</svg>\n")
	return s.w.Flush()
}

func titles(graphs []*Graph) string {
	var names []string
	for _, g := range graphs {
		if g.Title != "" {
			names = append(names, g.Title)
		}
	}
	if len(names) == 0 {
		return "Graph"
	}
	return strings.Join(names, ", ")
}

// frameSize is the size of the graph with what surrounds it.
func frameSize(l *layout) (w, h float64) {
	if l.g.Title == "" {
		return l.w, l.h
	}
	return max(l.w, measure(l.g.Title, titleSize)) + 2*margin, l.h + 2*margin + titleBand
}

// boxSize is the size of a node's box by its texts.
func boxSize(n Node) (w, h float64) {
	w = max(measure(n.title(), nameSize)*1.06, measure(strings.ToUpper(n.Kind), kindSize)*1.1, measure(n.Note, noteSize)) + 2*padX + 1
	h = 34
	if n.Kind != "" {
		h += 14
	}
	if n.Note != "" {
		h += 16
	}
	return min(max(w, boxMin), boxMax), h
}

type svg struct{ w *bufio.Writer }

// p leaves errors to the final Flush, which reports the first one.
func (s *svg) p(format string, args ...any) { _, _ = fmt.Fprintf(s.w, format, args...) }

func (s *svg) graph(l *layout, x, y float64) {
	s.p("<g transform=\"translate(%s %s)\">\n", num(x), num(y))
	if l.g.Title != "" {
		fw, fh := frameSize(l)
		s.p("<rect class=\"frame\" width=\"%s\" height=\"%s\" rx=\"10\"/>\n", num(fw), num(fh))
		s.p("<text class=\"title\" x=\"%s\" y=\"%s\">%s</text>\n", num(margin), num(margin+4), escape(l.g.Title))
		s.p("<g transform=\"translate(%s %s)\">\n", num((fw-l.w)/2), num(margin+titleBand))
	}
	ports := l.ports()
	for k := range l.g.edges {
		s.edge(l, k, ports)
	}
	for i, n := range l.g.nodes {
		s.node(n, l.vs[i])
	}
	for k, e := range l.g.edges {
		s.label(l, k, e, ports)
	}
	if l.g.Title != "" {
		s.p("</g>\n")
	}
	s.p("</g>\n")
}

func (s *svg) node(n Node, v vertex) {
	left := v.x - v.w/2
	s.p("<g class=\"k-%s\">\n<title>%s</title>\n", escape(className(n.Kind)), escape(tip(n)))
	s.p("<rect class=\"box\" x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\" rx=\"6\"/>\n", num(left), num(v.y), num(v.w), num(v.h))
	s.p("<rect class=\"bar\" x=\"%s\" y=\"%s\" width=\"4\" height=\"%s\" rx=\"2\"/>\n", num(left+5), num(v.y+7), num(v.h-14))
	y, room := v.y+22, v.w-2*padX
	if n.Kind != "" {
		s.p("<text class=\"kind\" x=\"%s\" y=\"%s\">%s</text>\n", num(left+padX), num(v.y+18),
			escape(fit(strings.ToUpper(strings.ReplaceAll(n.Kind, "_", " ")), kindSize*1.1, room)))
		y += 13
	}
	s.p("<text class=\"name\" x=\"%s\" y=\"%s\">%s</text>\n", num(left+padX), num(y), escape(fit(n.title(), nameSize*1.06, room)))
	if n.Note != "" {
		s.p("<text class=\"note\" x=\"%s\" y=\"%s\">%s</text>\n", num(left+padX), num(y+16), escape(fit(n.Note, noteSize, room)))
	}
	s.p("</g>\n")
}

// tip is all that is known of a node; what a box had to shorten is whole here.
func tip(n Node) string {
	parts := []string{strings.TrimSpace(n.Kind + " " + n.title())}
	for _, p := range []string{n.Note, n.Tip} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, "\n")
}

// className keeps what may stand in the name of a class.
func className(kind string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, kind)
}

// num prints a coordinate with at most one decimal.
func num(v float64) string {
	return strings.TrimSuffix(fmt.Sprintf("%.1f", v), ".0")
}

// escape makes s safe in XML text and attributes; characters that XML forbids are replaced.
func escape(s string) string {
	var sb strings.Builder
	for _, r := range s {
		switch {
		case r == '<':
			sb.WriteString("&lt;")
		case r == '>':
			sb.WriteString("&gt;")
		case r == '&':
			sb.WriteString("&amp;")
		case r == '"':
			sb.WriteString("&quot;")
		case r < ' ' && r != '\n' && r != '\t', r == 0xFFFE, r == 0xFFFF:
			sb.WriteRune('\uFFFD')
		default:
			sb.WriteRune(r)
		}
	}
	return sb.String()
}
