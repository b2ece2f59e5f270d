package graph

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// Format names a picture language.
type Format string

// The formats of Render.
const (
	FormatMermaid Format = "mermaid"
	FormatDOT     Format = "dot"
	FormatSVG     Format = "svg"
)

// Formats lists the formats that Render knows.
func Formats() []string {
	return []string{string(FormatMermaid), string(FormatDOT), string(FormatSVG)}
}

// Render writes the graphs to w as one picture. Graphs with cycles are drawn
// too, so that a wrong configuration can be looked at.
func Render(w io.Writer, f Format, graphs ...*Graph) error {
	switch f {
	case FormatMermaid:
		return Mermaid(w, graphs...)
	case FormatDOT:
		return DOT(w, graphs...)
	case FormatSVG:
		return SVG(w, graphs...)
	}
	return fmt.Errorf("unknown format %q: it must be one of %s", f, strings.Join(Formats(), ", "))
}

// Mermaid writes the graphs as one Mermaid flowchart, a subgraph for each that has a title.
func Mermaid(w io.Writer, graphs ...*Graph) error {
	b := bufio.NewWriter(w)
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(b, format, args...) }
	p("flowchart TD\n")
	for gi, g := range graphs {
		indent := "  "
		if g.Title != "" {
			p("  subgraph g%d[\"%s\"]\n", gi, mermaidText(g.Title))
			indent = "    "
		}
		for i, n := range g.nodes {
			left, right := mermaidShape(n.Kind)
			p("%sg%dn%d%s\"%s\"%s\n", indent, gi, i, left, strings.Join(mermaidLines(n), "<br/>"), right)
		}
		for _, e := range g.edges {
			arrow := "-->"
			if e.Aside {
				arrow = "-.->"
			}
			if e.Label != "" {
				arrow += "|\"" + mermaidText(e.Label) + "\"|"
			}
			p("%sg%dn%d %s g%dn%d\n", indent, gi, g.index[e.From], arrow, gi, g.index[e.To])
		}
		if g.Title != "" {
			p("  end\n")
		}
	}
	return b.Flush()
}

func mermaidLines(n Node) []string {
	lines := []string{mermaidText(n.title())}
	if n.Kind != "" {
		lines[0] = "<b>" + mermaidText(n.Kind) + "</b> " + lines[0]
	}
	if n.Note != "" {
		lines = append(lines, mermaidText(n.Note))
	}
	return lines
}

// title is what to call the node.
func (n Node) title() string {
	if n.Label != "" {
		return n.Label
	}
	return n.ID
}

func mermaidShape(kind string) (left, right string) {
	switch kind {
	case "source", "sink":
		return "([", "])"
	case "dead_letter":
		return "[/", "/]"
	}
	return "[", "]"
}

// mermaidText escapes what the language or the HTML it makes would interpret.
func mermaidText(s string) string {
	var sb strings.Builder
	for _, r := range s {
		switch {
		case strings.ContainsRune("\"#&<>`|[](){}\\;", r):
			fmt.Fprintf(&sb, "#%d;", r)
		case r < ' ':
			sb.WriteByte(' ')
		default:
			sb.WriteRune(r)
		}
	}
	return sb.String()
}

// DOT writes the graphs in the language of Graphviz, a cluster for each that has a title.
func DOT(w io.Writer, graphs ...*Graph) error {
	b := bufio.NewWriter(w)
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(b, format, args...) }
	p("digraph weir {\n")
	p("  rankdir=TB;\n")
	p("  node [shape=box, style=\"rounded,filled\", fillcolor=\"#f4f6f8\", fontname=\"sans-serif\", fontsize=11];\n")
	p("  edge [fontname=\"sans-serif\", fontsize=9];\n")
	for gi, g := range graphs {
		indent := "  "
		if g.Title != "" {
			p("  subgraph cluster_%d {\n    label=%s;\n", gi, dotText(g.Title))
			indent = "    "
		}
		for i, n := range g.nodes {
			label := strings.TrimSpace(n.Kind + " " + n.title())
			if n.Note != "" {
				label += "\n" + n.Note
			}
			p("%sg%dn%d [label=%s%s];\n", indent, gi, i, dotText(label), dotTip(n.Tip))
		}
		for _, e := range g.edges {
			p("%sg%dn%d -> g%dn%d%s;\n", indent, gi, g.index[e.From], gi, g.index[e.To], dotEdge(e))
		}
		if g.Title != "" {
			p("  }\n")
		}
	}
	p("}\n")
	return b.Flush()
}

func dotTip(tip string) string {
	if tip == "" {
		return ""
	}
	return ", tooltip=" + dotText(tip)
}

func dotEdge(e Edge) string {
	var attrs []string
	if e.Label != "" {
		attrs = append(attrs, "label="+dotText(e.Label))
	}
	if e.Aside {
		attrs = append(attrs, "style=dashed")
	}
	if len(attrs) == 0 {
		return ""
	}
	return " [" + strings.Join(attrs, ", ") + "]"
}

func dotText(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", "").Replace(s) + `"`
}
