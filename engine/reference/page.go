package reference

import (
	"fmt"
	"strings"

	"weir/engine/spec"
)

// Page returns a page of blocks that are no part of a configuration, such as those of
// tests. text is Markdown that stands before them. A block within several others that
// is the same everywhere is described once.
func Page(title, text string, blocks []Block) []byte {
	var sb strings.Builder
	fmt.Fprintf(&sb, generated+"# %s\n\n%s\n", title, strings.TrimSpace(text))
	p := pager{sb: &sb, known: map[string]string{}}
	for _, b := range blocks {
		fmt.Fprintf(&sb, "\n## %s\n\n%s\n", b.Name(), b.Doc)
		p.options(b.Options, b.Name()+".")
	}
	return []byte(sb.String())
}

// pager writes options, remembering the tables that it has written and of what.
type pager struct {
	sb    *strings.Builder
	known map[string]string
}

func (p *pager) options(list []spec.Option, prefix string) {
	flat := make([]spec.Option, len(list))
	for i, o := range list {
		flat[i] = o
		flat[i].Body = nil
	}
	options(p.sb, flat, "")
	for _, o := range list {
		if !o.Block || len(o.Body) == 0 {
			continue
		}
		name := prefix + o.Name
		var table strings.Builder
		options(&table, o.Body, "")
		fmt.Fprintf(p.sb, "\n### %s\n", name)
		if first, ok := p.known[table.String()]; ok {
			fmt.Fprintf(p.sb, "\nAs %s.\n", first)
			continue
		}
		p.known[table.String()] = name
		p.options(o.Body, name+".")
	}
}
