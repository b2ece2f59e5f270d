package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"weir/engine/record"
)

// Difference returns what a reload from one description to another does with
// each pipeline of either, by address. It is a pure function: equal arguments
// give equal results. Both descriptions were made with the same key.
//
//   - keep: the fingerprint is the same.
//   - swap: steps and wiring are the same, and nothing but stateless steps, conditions and
//     settings of the pipeline differ; every stateful step and every sink gets the same fields, and
//     nothing is read that the decoder or a stateful step does not yield already.
//   - restart: anything else differs.
//   - add, remove: it is in one of them alone. A pipeline that went away while
//     another with the same steps came is one that was renamed; both actions say so.
func Difference(old, updated Description) []Action {
	before := make(map[string]*PipelineDescription, len(old.Pipelines))
	for i := range old.Pipelines {
		before[old.Pipelines[i].Address] = &old.Pipelines[i]
	}
	out := make([]Action, 0, len(updated.Pipelines))
	type fresh struct {
		action int
		q      *PipelineDescription
	}
	var added []fresh
	for i := range updated.Pipelines {
		q := &updated.Pipelines[i]
		p := before[q.Address]
		delete(before, q.Address)
		if p == nil {
			added = append(added, fresh{len(out), q})
			out = append(out, Action{Pipeline: q.Address, Kind: Add, State: q.State})
			continue
		}
		out = append(out, compare(p, q, old.Meaning != updated.Meaning))
	}
	removed := sortedKeys(before)
	gone := map[Digest][]string{} // addresses of removed pipelines by their steps
	for _, address := range removed {
		k := stepsKey(before[address])
		gone[k] = append(gone[k], address)
	}
	renamed := map[string]string{} // former address -> address
	for _, f := range added {
		a := &out[f.action]
		if len(gone) > 0 {
			if k := stepsKey(f.q); len(gone[k]) > 0 {
				a.From, gone[k] = gone[k][0], gone[k][1:]
				renamed[a.From] = a.Pipeline
			}
		}
		a.explainAdd(f.q, before[a.From])
	}
	for _, address := range removed {
		out = append(out, removal(before[address], renamed[address]))
	}
	slices.SortFunc(out, func(a, b Action) int { return strings.Compare(a.Pipeline, b.Pipeline) })
	return out
}

// stepsKey digests what the steps of a pipeline do. Which blocks they name does
// not count, only what is in those: the addresses change with that of a module.
func stepsKey(p *PipelineDescription) Digest {
	var b []byte
	for i := range p.Nodes {
		n := &p.Nodes[i]
		b = appendPart(appendPart(appendPart(b, n.Address), n.Kind), n.Type)
		b = appendPart(b, strings.Join(n.Inputs, " "))
		b = appendSettings(b, n.Settings)
		for j := range n.Uses {
			b = appendSettings(appendPart(b, n.Uses[j].Name), n.Uses[j].Settings)
		}
	}
	return sum(b)
}

func (a *Action) explainAdd(q, from *PipelineDescription) {
	text := "new pipeline"
	if from != nil {
		text = "renamed from " + from.Address
		a.Effects = renameEffects(from, q)
	}
	a.Reasons = []Reason{{New: q.Address, Old: a.From, Range: q.Header, Text: text}}
}

func removal(p *PipelineDescription, to string) Action {
	a := Action{Pipeline: p.Address, Kind: Remove, To: to}
	text := "the pipeline is not in the configuration any more"
	if to != "" {
		text = "renamed to " + to // which says what becomes of what is stored
	}
	a.Reasons = []Reason{{Old: p.Address, New: to, Range: p.Header, Text: text}}
	if to != "" {
		return a
	}
	a.Effects = []Effect{{Kind: StateUnread, Pipeline: p.Address, Range: p.Header,
		Text: "what is stored for " + p.Address + " stays until it is pruned"}}
	return a
}

// compare returns the action for a pipeline that is in both descriptions.
func compare(p, q *PipelineDescription, meaningChanged bool) Action {
	a := Action{Pipeline: q.Address, Kind: Keep, State: q.State}
	if p.Fingerprint == q.Fingerprint && !meaningChanged {
		return a
	}
	c := comparison{kind: Swap}
	if meaningChanged {
		c.must(Reason{Range: q.Header, Text: "this version of the engine gives the configuration another meaning"})
	}
	c.settings("", p.Settings, q.Settings, q.Header, func(*Setting) bool { return true })
	c.nodes(p, q)
	if len(c.reasons) == 0 {
		c.must(Reason{Range: q.Header, Text: "what the pipeline means changed"})
	}
	a.Kind, a.Reasons = c.kind, c.reasons
	a.Effects = Effects(q.Address, p.Shape, q.Shape)
	return a
}

// comparison gathers the reasons of one action.
type comparison struct {
	kind    ActionKind
	reasons []Reason
}

// may notes a difference that can be swapped.
func (c *comparison) may(r Reason) { c.reasons = append(c.reasons, r) }

// must notes one that cannot.
func (c *comparison) must(r Reason) {
	c.kind = Restart
	c.reasons = append(c.reasons, r)
}

func (c *comparison) nodes(p, q *PipelineDescription) {
	was := make(map[string]*NodeDescription, len(p.Nodes))
	for i := range p.Nodes {
		was[p.Nodes[i].Address] = &p.Nodes[i]
	}
	order := make([]string, 0, len(q.Nodes)) // of the steps that stay
	for i := range q.Nodes {
		n := &q.Nodes[i]
		m := was[n.Address]
		if m == nil {
			c.must(Reason{Step: n.Address, Range: n.Header, Text: n.Address + ": new step"})
			continue
		}
		order = append(order, n.Address)
		delete(was, n.Address)
		c.node(m, n)
	}
	var stay []string
	for i := range p.Nodes {
		m := &p.Nodes[i]
		if was[m.Address] != nil {
			c.must(Reason{Step: m.Address, Range: m.Header, Text: m.Address + ": step removed"})
		} else {
			stay = append(stay, m.Address)
		}
	}
	if !slices.Equal(stay, order) {
		c.must(Reason{Range: q.Header, Old: strings.Join(stay, ", "), New: strings.Join(order, ", "), Text: "the order of the steps changed"})
	}
}

func (c *comparison) node(m, n *NodeDescription) {
	if m.Kind != n.Kind || m.Type != n.Type {
		c.must(Reason{Step: n.Address, Old: m.Type, New: n.Type, Range: n.Header, Text: fmt.Sprintf("%s: its type changed from %s to %s", n.Address, m.Type, n.Type)})
	}
	if !slices.Equal(m.Inputs, n.Inputs) {
		c.must(Reason{Step: n.Address, Setting: "from", Old: strings.Join(m.Inputs, ", "), New: strings.Join(n.Inputs, ", "), Range: n.Header,
			Text: fmt.Sprintf("%s: reads %s instead of %s", n.Address, strings.Join(n.Inputs, ", "), strings.Join(m.Inputs, ", "))})
	}
	stateless := n.Kind != "source" && n.Kind != "decode" && n.Kind != "sink" && !n.Stateful && !m.Stateful
	if m.Fingerprint != n.Fingerprint {
		swappable := func(s *Setting) bool { return stateless || s.Prose || s.Name == "when" || s.Name == "otherwise" }
		c.settings(n.Address, m.Settings, n.Settings, n.Header, swappable)
		c.uses(m, n, swappable)
	}
	if stateless {
		return
	}
	// What stays open was made for the fields that reach it and those read after it.
	if m.In != n.In {
		c.must(Reason{Step: n.Address, Range: n.Header, Text: n.Address + ": the fields that reach it changed"})
	}
	switch {
	case m.Out != n.Out:
		if m.In == n.In {
			c.must(Reason{Step: n.Address, Range: n.Header, Text: n.Address + ": the fields that it yields changed"})
		}
	case !subset(n.Want, m.Want):
		c.must(Reason{Step: n.Address, Range: n.Header, Text: n.Address + ": a field is read that nothing read before"})
	}
	if m.Holds != n.Holds || m.Stateful != n.Stateful {
		c.must(Reason{Step: n.Address, Range: n.Header, Text: n.Address + ": whether it remembers rows changed"})
	}
}

// subset reports whether every slot of a is in b; both ascend.
func subset(a, b []record.Slot) bool {
	for _, s := range a {
		if _, ok := slices.BinarySearch(b, s); !ok {
			return false
		}
	}
	return true
}

// settings notes how the settings of a block differ; swappable tells which may be swapped.
func (c *comparison) settings(step string, old, updated []Setting, header *hcl.Range, swappable func(*Setting) bool) {
	was := make(map[string]*Setting, len(old))
	for i := range old {
		was[old[i].Name] = &old[i]
	}
	is := make(map[string]bool, len(updated))
	note := func(s *Setting, r Reason) {
		if r.Range == nil {
			r.Range = header
		}
		r.Step, r.Setting = step, s.Name
		if swappable(s) {
			c.may(r)
		} else {
			c.must(r)
		}
	}
	for i := range updated {
		s := &updated[i]
		is[s.Name] = true
		switch m := was[s.Name]; {
		case m == nil:
			note(s, Reason{New: s.Value, Range: s.Range, Text: about(step, s.Name) + " added"})
		case m.Digest != s.Digest:
			note(s, Reason{Old: m.Value, New: s.Value, Range: s.Range, Text: about(step, s.Name) + " changed"})
		}
	}
	for i := range old {
		if s := &old[i]; !is[s.Name] {
			note(s, Reason{Old: s.Value, Text: about(step, s.Name) + " removed"})
		}
	}
	c.dropLists(step, updated)
}

// dropLists takes out reasons that say that a list of names changed where others
// name what was added to it or removed; what is left is a change of the order.
func (c *comparison) dropLists(step string, updated []Setting) {
	entries := map[string]bool{}
	for _, r := range c.reasons {
		if r.Step != step || strings.HasSuffix(r.Text, " changed") {
			continue
		}
		for i := range r.Setting {
			if r.Setting[i] == '.' || r.Setting[i] == '[' {
				entries[r.Setting[:i]] = true
			}
		}
	}
	kept := c.reasons[:0]
	for _, r := range c.reasons {
		if r.Step == step && r.Setting != "" && strings.HasSuffix(r.Text, " changed") && strings.IndexAny(r.New, "[{") == 0 && parent(updated, r.Setting) {
			if entries[r.Setting] {
				continue
			}
			r.Text = strings.TrimSuffix(r.Text, " changed") + ": their order changed"
		}
		kept = append(kept, r)
	}
	c.reasons = kept
}

// parent reports whether settings have parts of the one called name.
func parent(ss []Setting, name string) bool {
	return slices.ContainsFunc(ss, func(s Setting) bool {
		return len(s.Name) > len(name) && strings.HasPrefix(s.Name, name) && (s.Name[len(name)] == '.' || s.Name[len(name)] == '[')
	})
}

// uses notes how the blocks that a step names differ.
func (c *comparison) uses(m, n *NodeDescription, swappable func(*Setting) bool) {
	for i := range n.Uses {
		u := &n.Uses[i]
		old := useOf(m, u.Name)
		if old.Block != u.Block {
			c.settings(n.Address, old.reference(), u.reference(), n.Header, swappable)
		}
		c.settings(n.Address+": "+u.Block, old.Settings, u.Settings, n.Header, swappable)
	}
	for i := range m.Uses {
		if u := &m.Uses[i]; useOf(n, u.Name).Block == "" {
			c.settings(n.Address, u.reference(), nil, n.Header, swappable)
		}
	}
	// The reasons are about the step, whatever it names.
	for i := range c.reasons {
		c.reasons[i].Step, _, _ = strings.Cut(c.reasons[i].Step, ": ")
	}
}

// useOf returns what a step names by an attribute, nothing when there is none.
func useOf(n *NodeDescription, name string) Use {
	if i := slices.IndexFunc(n.Uses, func(u Use) bool { return u.Name == name }); i >= 0 {
		return n.Uses[i]
	}
	return Use{}
}

// reference returns the reference itself as a setting.
func (u *Use) reference() []Setting {
	if u.Block == "" {
		return nil
	}
	return []Setting{{Name: u.Name, Value: u.Block, Digest: sum([]byte(u.Block)), Range: u.Range}}
}

// about names a setting for people: "map.line: fields.total" or, of a block that the
// step names, "source.files: connection.ftp.activate: host".
func about(step, name string) string {
	if strings.Contains(step, ": ") {
		_, name, _ = strings.Cut(name, ".")
	}
	return strings.TrimPrefix(step+": "+name, ": ")
}
