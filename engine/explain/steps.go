package explain

import (
	"fmt"
	"strings"

	"weir/engine/plan"
	"weir/engine/plugin"
	"weir/engine/spec"
	"weir/engine/step"
)

// does says what a step does, a sentence each.
func does(n *plan.Node) []string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	switch {
	case n.When != nil:
		add("It takes the rows for which %s.", code(n.WhenText))
	case n.Otherwise:
		add("It takes the rows that no other step beside it took.")
	}
	switch c := n.Config.(type) {
	case plugin.Source:
		return append(out, source(n, c)...)
	case plugin.Decoder:
		add("It decodes each file as %s into %s.", n.Type, columnsOf(n))
	case plugin.Sink:
		return append(out, sink(n, c)...)
	case *step.Map:
		out = append(out, mapping(n, c)...)
	case *step.Filter:
		if !c.Keep.IsZero() {
			add("It drops the rows for which %s is not true, and counts them as filtered %s.", code(c.Keep), c.Name)
		} else {
			add("It drops the rows for which %s, and counts them as filtered %s.", code(c.Drop), c.Name)
		}
	case *step.Check:
		out = append(out, checks(c)...)
	case *step.Dedupe:
		out = append(out, dedupe(c)...)
	case *step.Group:
		out = append(out, grouping(c)...)
	case *step.Expand:
		add("It makes one row of each item of %s, which expressions see as %s.", code(c.Rows), c.As)
	}
	return out
}

func code(t spec.Text) string { return "`" + strings.Join(strings.Fields(t.S), " ") + "`" }

func columnsOf(n *plan.Node) string {
	total := 0
	for _, f := range n.Out.Fields() {
		if !f.Hidden {
			total++
		}
	}
	read := 0
	for _, s := range n.Want {
		if !n.Out.Fields()[s].Hidden {
			read++
		}
	}
	if read == total {
		return fmt.Sprintf("%d columns, all of which are read", total)
	}
	return fmt.Sprintf("%d columns, of which the steps read %d; the others are not decoded", total, read)
}

func source(n *plan.Node, c plugin.Source) []string {
	d, ok := c.(plugin.Describer)
	if !ok {
		return []string{fmt.Sprintf("It reads from %s.", n.Type)}
	}
	return sentences(d)
}

func sentences(d plugin.Describer) (out []string) {
	for _, line := range d.Describe() {
		out = append(out, strings.ToUpper(line[:1])+line[1:]+".")
	}
	return out
}

func sink(n *plan.Node, c plugin.Sink) []string {
	out := []string{fmt.Sprintf("It delivers rows to %s.", n.Type)}
	b := c.Batching()
	var cuts []string
	if b.Rows > 0 {
		cuts = append(cuts, fmt.Sprintf("%d rows", b.Rows))
	}
	if b.Bytes > 0 {
		cuts = append(cuts, fmt.Sprintf("%d bytes", b.Bytes))
	}
	if b.Wait > 0 {
		cuts = append(cuts, b.Wait.String())
	}
	if len(cuts) > 0 {
		out = append(out, "A delivery ends after "+strings.Join(cuts, " or ")+", and at each commit.")
	}
	if p := b.Parallel; p != nil {
		order := "in any order"
		if len(p.Order) > 0 {
			order = "those with rows of the same key one after the other"
		}
		out = append(out, fmt.Sprintf("Up to %d deliveries are under way at once, %s.", p.Most, order))
	}
	if more, ok := c.(plugin.Describer); ok {
		out = append(out, sentences(more)...)
	}
	return out
}

func mapping(n *plan.Node, c *step.Map) []string {
	var out []string
	if computed := len(n.Exprs); computed > 0 && n.When == nil {
		out = append(out, fmt.Sprintf("It makes each row into a new one, with %d computed fields.", computed))
	}
	if len(c.Keep) > 0 {
		out = append(out, "It keeps "+strings.Join(c.Keep, ", ")+" as they are.")
	}
	if len(c.Drop) > 0 {
		out = append(out, "It leaves out "+strings.Join(c.Drop, ", ")+".")
	}
	return append(out, fmt.Sprintf("%d fields go on. A row for which an expression fails is rejected.", len(n.Out.Visible())))
}

func checks(c *step.Check) []string {
	var out []string
	for _, r := range c.Rules {
		out = append(out, fmt.Sprintf("It rejects the rows for which %s is not true (%s).", code(r.That), r.Name))
	}
	for _, in := range c.Ins {
		out = append(out, fmt.Sprintf("It rejects the rows whose %s is not in a table.", code(in.Field)))
	}
	if len(c.Unique) > 0 {
		out = append(out, fmt.Sprintf("It rejects a row that has the same %s as an earlier row of the file.", strings.Join(c.Unique, ", ")))
	}
	if len(c.OneToOne) > 0 {
		out = append(out, fmt.Sprintf("It rejects a row whose %s do not belong together as in earlier rows of the file.", strings.Join(c.OneToOne, " and ")))
	}
	if len(c.Unique)+len(c.OneToOne) > 0 {
		out = append(out, "A commit in the middle of a file keeps what it remembers of earlier rows.")
	}
	return out
}

func dedupe(c *step.Dedupe) []string {
	names := make([]string, len(c.Keys))
	for i, k := range c.Keys {
		names[i] = k.Name + " " + code(k.Text)
	}
	out := []string{"It finds out which entity a row is about by " + strings.Join(names, ", then ") + ": the first key that is known decides."}
	if c.Entity != nil {
		out = append(out, fmt.Sprintf("Entities are those of entity.%s, shared by every pipeline that names it.", c.Entity.Name))
	}
	switch c.Keep {
	case "first":
		out = append(out, "The first row of each entity that it ever sees goes on; others are counted as deduplicated.")
	case "last":
		out = append(out, "The last row of each entity in a file goes on, when the file ends; others are counted as deduplicated.",
			"A commit in the middle of a file keeps the rows of the file so far.")
	case "changed":
		what := "in any field"
		if len(c.Fields) > 0 {
			what = "in " + strings.Join(c.Fields, ", ")
		}
		out = append(out, "A row goes on when it differs "+what+" from the one before of its entity; others are counted as deduplicated.")
	case "all":
		out = append(out, "Every row goes on, with its identity.")
	}
	switch {
	case c.Conflict == "keep":
		out = append(out, "Keys that belong to several entities merge nothing: the strongest decides.")
	case c.MaxMerge > 1:
		out = append(out, fmt.Sprintf("A row whose keys belong to several entities makes up to %d of them one; one that would join more is rejected.", c.MaxMerge))
	default:
		out = append(out, "A row whose keys belong to several entities is rejected.")
	}
	return out
}

func grouping(c *step.Group) []string {
	by := make([]string, len(c.By))
	for i, t := range c.By {
		by[i] = code(t)
	}
	within, held := "a file", "the rows of the file so far"
	if c.Within == "adjacent" {
		within, held = "a stretch of neighbouring rows", "the rows of the group that goes on"
	}
	return []string{fmt.Sprintf("It makes the rows of %s with the same %s into one row, with %d fields computed from them.", within, strings.Join(by, ", "), len(c.Fields)), "A commit in the middle of a file keeps " + held + "."}
}
