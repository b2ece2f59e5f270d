package plan

import (
	"cmp"
	"fmt"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"weir/engine/diag"
	"weir/engine/plugin"
)

// target is a place that a sink writes, comparable with those of other sinks.
type target struct {
	plugin.Target
	pipeline *Pipeline
	node     *Node
	order    int    // of the sink in the plan
	name     string // Path, from the root and cleaned; two that are the same are one place
	shape    string // Shape likewise
	linked   bool   // name is where links lead, which the plan does not know
}

// targets returns what the sinks of p write, in the order of the plan.
func (p *Plan) targets(o Options) (out []target) {
	for _, q := range p.Pipelines {
		for _, n := range q.Nodes {
			sink, ok := n.Sink.(plugin.Targeter)
			if !ok {
				continue
			}
			for _, t := range sink.Targets() {
				out = append(out, target{Target: t, pipeline: q, node: n, order: len(out), name: o.place(t.Place, t.Path), shape: o.place(t.Place, t.Shape)})
			}
		}
	}
	return out
}

// place returns a path in the one spelling that it has.
func (o Options) place(place, p string) string {
	if place != "" {
		return place + "\x01" + path.Clean("/"+p)
	}
	p = filepath.ToSlash(p)
	if !path.IsAbs(p) && filepath.VolumeName(p) == "" {
		p = filepath.ToSlash(o.Folder) + "/" + p
	}
	p = path.Clean(p)
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" { // whose usual file systems take no notice of case
		p = strings.ToLower(p)
	}
	return p
}

// compareTargets reports sinks that write one place, and pipelines that would read what
// they write. A pipeline that is concerned is left out of the plan.
func (b *builder) compareTargets(p *Plan) {
	all := p.targets(b.o)
	b.fail(p, sameTargets(all))
	b.fail(p, b.loops(all))
}

// trouble is a problem of some pipelines.
type trouble struct {
	diag.Diagnostic
	of []string // their addresses
}

// fail leaves pipelines with errors out of the plan.
func (b *builder) fail(p *Plan, ts []trouble) {
	for _, t := range ts {
		b.add(t.Diagnostic)
		if t.Severity != diag.Error {
			continue
		}
		for _, a := range t.of {
			i := slices.IndexFunc(p.Failed, func(f Failed) bool { return f.Address == a })
			if i < 0 {
				p.Failed = append(p.Failed, Failed{Address: a})
				i = len(p.Failed) - 1
			}
			p.Failed[i].Diags = append(p.Failed[i].Diags, t.Diagnostic)
		}
	}
}

// sameTargets compares the targets of all sinks. Each is held against the first other
// one only: when that is put right, the next shows.
func sameTargets(all []target) (out []trouble) {
	groups := map[string][]target{} // by shape, any digit being one
	for _, t := range all {
		k := looseDigits(t.shape)
		groups[k] = append(groups[k], t)
	}
	told := map[int]bool{}
	for _, t := range all {
		group := groups[looseDigits(t.shape)]
		if len(group) < 2 || group[0].order != t.order {
			continue
		}
		for _, pair := range meeting(group) {
			a, c := pair[0], pair[1]
			if told[c.order] || a.Gives && c.Gives && a.pipeline != c.pipeline {
				continue
			}
			told[c.order] = true
			out = append(out, trouble{sameTarget(a, c), slices.Compact([]string{a.pipeline.Address, c.pipeline.Address})})
		}
	}
	slices.SortStableFunc(out, func(a, b trouble) int { return cmp.Compare(written(a.Subject), written(b.Subject)) })
	return out
}

// written orders places in the sources.
func written(r *hcl.Range) string { return fmt.Sprintf("%s:%09d", r.Filename, r.Start.Byte) }

// looseDigits is a shape in which nothing tells digits apart.
func looseDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return plugin.AnyDigit
		}
		return r
	}, s)
}

// meeting returns the pairs of targets that may be one place, the earlier first. All of
// the group are of one length and differ in digits alone.
func meeting(group []target) (out [][2]target) {
	byMask := map[string][]target{} // by which digits are not known
	var masks []string
	for _, t := range group {
		m := mask(t.shape)
		if byMask[m] == nil {
			masks = append(masks, m)
		}
		byMask[m] = append(byMask[m], t)
	}
	for i, m := range masks {
		for _, n := range masks[i:] {
			// What either leaves open may be equal; the rest must be.
			first := map[string]target{}
			for _, t := range byMask[m] {
				k := masked(t.shape, n)
				have, ok := first[k]
				if !ok {
					first[k] = t
				} else if m == n {
					out = append(out, [2]target{have, t})
				}
			}
			if m == n {
				continue
			}
			for _, t := range byMask[n] {
				if have, ok := first[masked(t.shape, m)]; ok {
					pair := [2]target{have, t}
					if t.order < have.order {
						pair = [2]target{t, have}
					}
					out = append(out, pair)
				}
			}
		}
	}
	return out
}

// mask tells where a shape has digits that are not known: its other bytes are spaces.
func mask(shape string) string {
	b := []byte(shape)
	for i := range b {
		if b[i] != plugin.AnyDigit {
			b[i] = ' '
		}
	}
	return string(b)
}

// masked is shape without what a mask of the same length leaves open.
func masked(shape, mask string) string {
	b := []byte(shape)
	for i := range b {
		if mask[i] == plugin.AnyDigit {
			b[i] = plugin.AnyDigit
		}
	}
	return string(b)
}

// sameTarget describes two sinks that write, or may write, one place.
func sameTarget(a, b target) diag.Diagnostic {
	other := a.node.Address
	if a.pipeline != b.pipeline {
		other += " of pipeline " + a.pipeline.Address
	}
	where := fmt.Sprintf("%s writes %s (%s:%d), and %s writes %s", other, a.Path, a.node.Header.Filename, a.node.Header.Start.Line, b.node.Address, b.Path)
	advice := "Give each a path of its own."
	switch {
	case a.pipeline == b.pipeline:
		advice += fmt.Sprintf(" To have the rows of both in one place, let one sink read both ways: from = [%s].", strings.Join(inputs(a.node, b.node), ", "))
	case a.Place == "":
		advice += ` With exists = "number" in both, each run makes a file beside those of the other.`
	}
	rng := b.node.Header
	switch {
	case a.name == b.name && (a.linked || b.linked):
		return diag.Errorf("run.same_target", &rng, b.node.Address+" writes what "+other+" writes",
			"%s: links make both %s, and each would lose what the other wrote. %s", where, b.name, advice)
	case a.name == b.name:
		return diag.Errorf("plan.same_target", &rng, b.node.Address+" writes what "+other+" writes",
			"%s: that is one place, and each would lose what the other wrote. %s", where, advice)
	}
	if a.Keeps && b.Keeps {
		return diag.Warnf("plan.same_target", &rng, b.node.Address+" may write what "+other+" writes",
			"%s: at some times that is one place, and the run that comes second is refused then. %s", where, advice)
	}
	return diag.Errorf("plan.same_target", &rng, b.node.Address+" may write what "+other+" writes",
		"%s: at some times that is one place, and one would lose what the other wrote. %s", where, advice)
}

// Linked returns p without the pipelines whose sinks write one place because of links
// between folders, and what is to be said about them. real follows the links of a folder;
// relative paths begin at folder. It does what a plan cannot, which does no I/O.
func (p *Plan) Linked(folder string, real func(dir string) (string, error)) (*Plan, diag.List) {
	all := p.targets(Options{Folder: folder})
	found := map[string]string{}
	links := false
	for i := range all {
		t := &all[i]
		dir, base := path.Split(t.name)
		if t.Place != "" || strings.ContainsRune(path.Dir(t.shape), plugin.AnyDigit) {
			continue // whose folder is not known yet
		}
		to, ok := found[dir]
		if !ok {
			to, _ = real(path.Clean(dir)) // "" where there is no such folder: nothing is written there
			found[dir] = to
		}
		if to != "" && to != path.Clean(dir) {
			t.name, t.shape, t.linked = path.Join(to, base), path.Join(to, path.Base(t.shape)), true
			links = true
		}
	}
	if !links {
		return p, nil
	}
	b, out := new(builder), *p
	out.Failed = slices.Clone(p.Failed)
	b.fail(&out, slices.DeleteFunc(sameTargets(all), func(t trouble) bool { return t.Code != "run.same_target" }))
	out.Pipelines = slices.DeleteFunc(slices.Clone(p.Pipelines), func(q *Pipeline) bool {
		return slices.ContainsFunc(out.Failed, func(f Failed) bool { return f.Address == q.Address })
	})
	return &out, b.diags
}

// inputs names what two steps read.
func inputs(a, b *Node) (out []string) {
	for _, n := range slices.Concat(a.Inputs, b.Inputs) {
		if !slices.Contains(out, n.Address) {
			out = append(out, n.Address)
		}
	}
	return out
}

// loops reports pipelines that would read the files they write.
func (b *builder) loops(all []target) (out []trouble) {
	for _, t := range all {
		for _, n := range t.pipeline.Nodes {
			src, ok := plugin.FolderOf(n.Source)
			if !ok || src.Place != t.Place || !b.reads(src, t) {
				continue
			}
			rng := t.node.Header
			out = append(out, trouble{diag.Errorf("plan.loop", &rng, t.pipeline.Address+" would read what it writes",
				"%s writes %s, and %s reads %s: what a run writes, the next reads, and so on without end. Write it to another folder, or name it in the exclude of the source.",
				t.node.Address, t.Path, n.Address, src.Path), []string{t.pipeline.Address}})
		}
	}
	return out
}

// reads reports whether a source selects what a sink writes.
func (b *builder) reads(src plugin.Folder, t target) bool {
	file := strings.ReplaceAll(t.Shape, string(plugin.AnyDigit), "0")
	return src.Match(src.Path, path.Clean(file)) || src.Match(b.o.place(t.Place, src.Path), b.o.place(t.Place, file))
}
