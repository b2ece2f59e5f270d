package plan

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"

	"weir/engine/record"
	"weir/engine/spec"
	"weir/engine/step"
)

// meaning is part of every fingerprint. It is raised when the engine begins to
// make something else of the same values, so that what runs is restarted.
const meaning = 1

// maxShown is how many bytes of a value a Setting shows.
const maxShown = 120

// Describe returns what p means. key keys the digests of secrets: descriptions are
// comparable when they were made with the same key, and tell nothing of a secret
// to whoever does not have it. Layout, comments, the order of attributes and the
// way of a value through variables do not count. It does no I/O and is safe for concurrent use.
func Describe(p *Plan, key []byte) Description {
	d := newDescriber(key)
	out := Description{Meaning: meaning, Pipelines: make([]PipelineDescription, len(p.Pipelines))}
	for i, q := range p.Pipelines {
		out.Pipelines[i] = d.pipeline(q)
	}
	slices.SortFunc(out.Pipelines, func(a, b PipelineDescription) int { return strings.Compare(a.Address, b.Address) })
	return out
}

// Describer describes pipelines one at a time, as Describe does all of a plan: a
// description takes far more memory than the pipeline. One goroutine uses it.
type Describer struct{ d *describer }

// NewDescriber returns a describer; key is that of Describe.
func NewDescriber(key []byte) *Describer { return &Describer{newDescriber(key)} }

// Meaning is that of the descriptions, see Description.
func (d *Describer) Meaning() int { return meaning }

// Pipeline describes p. What earlier descriptions have is not shared with it.
func (d *Describer) Pipeline(p *Pipeline) PipelineDescription {
	clear(d.d.sets)
	clear(d.d.refs)
	clear(d.d.keys)
	return d.d.pipeline(p)
}

// Outline is what is needed of a pipeline that is new, or is as it was, to tell so:
// its description without settings, steps, shape and fingerprint.
func Outline(p *Pipeline) PipelineDescription {
	return PipelineDescription{Address: p.Address, State: p.State, Header: &p.Header}
}

func newDescriber(key []byte) *describer {
	return &describer{
		cache: newCache(), key: key, names: map[Digest][]string{}, sets: map[Digest][]Setting{}, refs: map[refName][]Setting{}, keys: map[Digest][]Key{},
		unpacked: map[*Node][]spec.Value{},
	}
}

// describer holds what the pipelines of one plan share.
type describer struct {
	*cache
	key     []byte
	names   map[Digest][]string  // visible fields by schema
	sets    map[Digest][]Setting // settings by their digest
	refs    map[refName][]Setting
	keys    map[Digest][]Key
	scratch []Setting

	// Of the pipeline under way.
	values   []spec.Value
	unpacked map[*Node][]spec.Value
}

// valuesOf returns the values of a step of the pipeline that is described.
func (d *describer) valuesOf(n *Node) []spec.Value {
	vs, ok := d.unpacked[n]
	if !ok {
		vs = d.unpack(n.values)
		d.unpacked[n] = vs
	}
	return vs
}

// unpack returns values until the next pipeline is described: nothing may keep their ranges.
func (d *describer) unpack(p *packed) []spec.Value {
	n := len(d.values)
	d.values = p.list(d.values)
	return d.values[n:len(d.values):len(d.values)]
}

type refName struct {
	ref  *spec.Ref
	name string // of the attribute
}

type mentioned struct {
	names []string
	all   bool
}

func sum(b []byte) Digest {
	s := sha256.Sum256(b)
	return Digest(s[:16])
}

// appendPart appends s so that no two sequences of parts are the same bytes.
func appendPart(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func (d *describer) pipeline(p *Pipeline) PipelineDescription {
	clear(d.unpacked)
	d.values = d.values[:0]
	out := Outline(p)
	out.Nodes = make([]NodeDescription, len(p.Nodes))
	out.Settings = d.shared(d.settings(d.scratch[:0], d.unpack(p.values)))
	for i, n := range p.Nodes {
		out.Nodes[i] = d.node(p, n)
	}
	b := binary.AppendUvarint(d.buf[:0], meaning)
	b = appendSettings(b, out.Settings)
	for i := range out.Nodes {
		n := &out.Nodes[i]
		b = append(append(append(b, n.Fingerprint[:]...), n.In[:]...), n.Out[:]...)
		b = append(b, boolByte(n.Stateful), boolByte(n.Holds))
		for _, s := range n.Want {
			b = binary.AppendUvarint(b, uint64(s))
		}
		b = append(b, 0xff)
	}
	d.buf = b
	out.Fingerprint = sum(b)
	out.Shape = d.shape(p)
	return out
}

func boolByte(v bool) byte {
	if v {
		return 1
	}
	return 0
}

func appendSettings(b []byte, ss []Setting) []byte {
	b = binary.AppendUvarint(b, uint64(len(ss)))
	for i := range ss {
		b = append(appendPart(b, ss[i].Name), ss[i].Digest[:]...)
	}
	return b
}

// settings appends vs as settings.
func (d *describer) settings(out []Setting, vs []spec.Value) []Setting {
	for i := range vs {
		out = append(out, d.setting(&vs[i], vs[i].Name))
	}
	return out
}

func (d *describer) setting(v *spec.Value, name string) Setting {
	d.buf = v.Append(d.buf[:0], d.key)
	return Setting{Name: name, Value: shown(v.Text), Digest: sum(d.buf), Prose: v.Prose, Range: known(&v.Range)}
}

// behind returns the settings of the block that r names, as an attribute called name has them.
func (d *describer) behind(r *spec.Ref, name string) []Setting {
	k := refName{r, name}
	if out, ok := d.refs[k]; ok {
		return out
	}
	out := make([]Setting, 0, len(r.Values))
	for i := range r.Values {
		v := &r.Values[i]
		out = append(out, d.setting(v, name+"."+v.Name))
		if v.Ref != nil {
			out = append(out, d.behind(v.Ref, name+"."+v.Name)...)
		}
	}
	d.refs[k] = out
	return out
}

func known(r *hcl.Range) *hcl.Range {
	if r.Filename == "" {
		return nil
	}
	return r
}

// shown cuts a value for people, at a character.
func shown(s string) string {
	if len(s) <= maxShown {
		return s
	}
	n := maxShown
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "..."
}

func (d *describer) node(p *Pipeline, n *Node) NodeDescription {
	out := NodeDescription{
		Address: n.Address, Kind: n.Kind, Type: n.Type, Header: &n.Header, In: d.digest(n.In), Out: d.digest(n.Out),
		Stateful: n.Step != nil && n.Step.Stateful(), Holds: holds(n),
	}
	if n.Kind == "decode" || out.Stateful {
		out.Want = n.Want
	}
	if len(n.Inputs) > 0 {
		out.Inputs = make([]string, len(n.Inputs))
		for i, in := range n.Inputs {
			out.Inputs[i] = in.Address
		}
	}
	ss := d.variables(d.settings(d.scratch[:0], d.valuesOf(n)), p, n)
	d.scratch = ss[:0]
	out.Settings = d.shared(ss)
	if len(n.refs) > 0 {
		out.Uses = make([]Use, len(n.refs))
	}
	for i := range n.refs {
		v := &n.refs[i]
		out.Uses[i] = Use{Name: v.Name, Block: v.Text, Settings: d.behind(v.Ref, v.Name), Range: known(&v.Range)}
	}
	b := appendPart(appendPart(appendPart(d.buf[:0], n.Address), n.Kind), n.Type)
	b = binary.AppendUvarint(b, uint64(len(out.Inputs)))
	for _, in := range out.Inputs {
		b = appendPart(b, in)
	}
	b = appendSettings(b, ss)
	for i := range out.Uses {
		u := &out.Uses[i]
		b = appendSettings(appendPart(appendPart(b, u.Name), u.Block), u.Settings)
	}
	d.buf = b
	out.Fingerprint = sum(b)
	return out
}

// shared returns a copy of ss, the same for equal ones: instances of one module
// have most of their steps in common.
func (d *describer) shared(ss []Setting) []Setting {
	same := func(a, b Setting) bool {
		return a.Name == b.Name && a.Digest == b.Digest && sameRange(a.Range, b.Range)
	}
	d.buf = appendSettings(d.buf[:0], ss)
	for i := range ss {
		if ss[i].Range != nil {
			d.buf = appendPart(d.buf, ss[i].Range.Filename)
			d.buf = binary.AppendUvarint(d.buf, uint64(ss[i].Range.Start.Byte))
		}
	}
	by := sum(d.buf)
	if have, ok := d.sets[by]; ok && slices.EqualFunc(have, ss, same) {
		return have
	}
	out := slices.Clone(ss)
	ranges := make([]hcl.Range, len(ss)) // of their own: those of ss keep all that was unpacked
	for i := range out {
		if r := out[i].Range; r != nil {
			ranges[i] = *r
			out[i].Range = &ranges[i]
		}
	}
	d.sets[by] = out
	return out
}

// sharedKeys is shared for keys.
func (d *describer) sharedKeys(ks []Key) []Key {
	if len(ks) == 0 {
		return nil
	}
	b := d.buf[:0]
	for i := range ks {
		b = append(appendPart(appendPart(b, ks[i].Name), ks[i].Expression), ks[i].Digest[:]...)
		if r := ks[i].rng; r != nil {
			b = binary.AppendUvarint(appendPart(b, r.Filename), uint64(r.Start.Byte))
		}
		for _, t := range ks[i].Trace {
			b = append(appendPart(appendPart(b, t.Step), t.Field), t.Digest[:]...)
		}
	}
	d.buf = b
	by := sum(b)
	if have, ok := d.keys[by]; ok {
		return have
	}
	d.keys[by] = ks
	return ks
}

func sameRange(a, b *hcl.Range) bool { return a == b || a != nil && b != nil && *a == *b }

// variables appends a setting for each variable that the step's expressions may read.
func (d *describer) variables(out []Setting, p *Pipeline, n *Node) []Setting {
	first := len(out)
	for _, e := range n.Exprs {
		m := d.mentioned(e.Text.S)
		names := m.names
		if m.all {
			names = p.vars.names
		}
		for _, name := range names {
			text, ok := p.vars.text[name]
			if !ok || slices.ContainsFunc(out[first:], func(s Setting) bool { return s.Name == name }) {
				continue
			}
			d.buf = p.vars.appendValue(d.buf[:0], name, d.key)
			out = append(out, Setting{Name: name, Value: shown(text), Digest: sum(d.buf)})
		}
	}
	slices.SortFunc(out[first:], func(a, b Setting) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// holds tells whether a step may keep rows back between two batches, or must see
// an object from its beginning.
func holds(n *Node) bool {
	if n.Step == nil || !n.Step.Stateful() {
		return false
	}
	if c, ok := n.Config.(*step.Dedupe); ok {
		return c.Keep == "last"
	}
	return true
}

func appendFields(b []byte, fs []record.Field) []byte {
	b = binary.AppendUvarint(b, uint64(len(fs)))
	for i := range fs {
		b = append(appendPart(b, fs[i].Name), boolByte(fs[i].Hidden))
		b = appendType(b, fs[i].Type)
	}
	return b
}

func appendType(b []byte, t record.Type) []byte {
	b = append(b, byte(t.Kind), boolByte(t.Nullable))
	switch t.Kind {
	case record.Time:
		b = appendPart(b, t.Location().String())
	case record.List:
		if t.Elem != nil {
			b = appendType(b, *t.Elem)
		}
	case record.Object:
		b = appendFields(b, t.Fields)
	}
	return b
}

// visible returns the names of the visible fields of s.
func (d *describer) visible(s *record.Schema) []string {
	by := d.digest(s)
	out, ok := d.names[by]
	if !ok && s != nil {
		for _, slot := range s.Visible() {
			out = append(out, s.Fields()[slot].Name)
		}
		d.names[by] = out
	}
	return out
}
