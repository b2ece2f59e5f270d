package sample

import (
	"fmt"
	"strconv"
	"strings"
)

// HCL returns the proposal as a decode block, in the common layout.
func (p *Proposal) HCL() string {
	var sb strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&sb, format+"\n", args...) }
	line("decode \"csv\" {")
	attrs := [][2]string{}
	if p.Delimiter != "," {
		attrs = append(attrs, [2]string{"delimiter", strconv.Quote(p.Delimiter)})
	}
	if p.Charset != "auto" {
		attrs = append(attrs, [2]string{"charset", strconv.Quote(p.Charset)})
	}
	if !p.Header {
		attrs = append(attrs, [2]string{"header", "false"})
	}
	wide := 0
	for _, a := range attrs {
		wide = max(wide, len(a[0]))
	}
	for _, a := range attrs {
		line("  %-*s = %s", wide, a[0], a[1])
	}
	line("  columns = {")
	names, decls := 0, 0
	for _, c := range p.Columns {
		names, decls = max(names, len(c.Name)), max(decls, len(quoted(c.Declaration)))
	}
	for _, c := range p.Columns {
		text := fmt.Sprintf("    %-*s = %-*s", names, c.Name, decls, quoted(c.Declaration))
		if n := c.comment(); n != "" {
			text += " # " + n
		}
		line("%s", strings.TrimRight(text, " "))
	}
	line("  }\n}")
	return sb.String()
}

// quoted is s as an HCL string.
func quoted(s string) string {
	s = strings.NewReplacer("${", "$${", "%{", "%%{").Replace(strconv.Quote(s))
	return s
}

// comment says what a person should know about the column.
func (c *Column) comment() string {
	var parts []string
	if c.Note != "" {
		parts = append(parts, c.Note)
	}
	if c.Example != "" {
		e := strings.Map(func(r rune) rune {
			if r < ' ' {
				return ' '
			}
			return r
		}, c.Example)
		if r := []rune(e); len(r) > 30 {
			e = string(r[:27]) + "..."
		}
		parts = append(parts, "such as "+e)
	}
	return strings.Join(parts, "; ")
}
