// Package spec binds each configuration option once, to a Go field.
//
// From that one declaration come decoding, defaults, checks, "did you mean",
// the source range of each value by the address of its field, the reference
// page, JSON Schema and completion. See [Body].
package spec

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"weir/engine/diag"
)

// Body declares the attributes and blocks of one configuration block, in the
// order in which documentation lists them. A Body points into a particular
// configuration struct; declare it in a method of that struct.
type Body []Item

// Item is one attribute or nested block.
type Item interface {
	schema(s *hcl.BodySchema)
	decode(d *decoder, c *hcl.BodyContent, missing hcl.Range)
	values(c *collector)
	// Describe returns the declaration as data, for documentation and JSON Schema.
	Describe() Option
}

// Option describes one attribute or block.
type Option struct {
	Name      string
	Type      string // in the words of the language: string, int, bool, duration, size, expression, ...
	Required  bool
	Default   string   // as HCL source, "" when there is none
	Choices   []string // the values allowed, nil when free
	Doc       string
	Sensitive bool
	Block     bool
	Repeated  bool
	Body      []Option // of a block
}

// Ranges maps the address of a bound field to its place in the source: the
// expression when the attribute was written, else the header of its block.
type Ranges map[any]hcl.Range

// Of returns the range of the field at p, or nil when nothing is bound there.
func (r Ranges) Of(p any) *hcl.Range {
	if v, ok := r[p]; ok {
		return &v
	}
	return nil
}

// unknown is the key in Ranges of an attribute whose value is not known.
type unknown struct {
	name string
	p    any // the field that it would be decoded to
}

// Unknown returns the attributes whose values depend on variables that have none, sorted.
// They keep their defaults; what depends on them cannot be checked. A secret of which
// is only known that it is set is none.
func (r Ranges) Unknown() []string {
	var out []string
	for k := range r {
		if u, ok := k.(unknown); ok {
			out = append(out, u.name)
		}
	}
	slices.Sort(out)
	return out
}

// Checkable returns ds without what is said of values that are not known.
func (r Ranges) Checkable(ds diag.List) diag.List {
	var places []hcl.Range
	for k, at := range r {
		if _, ok := k.(unknown); ok {
			places = append(places, at)
		}
	}
	return slices.DeleteFunc(ds, func(d diag.Diagnostic) bool { return d.Subject != nil && slices.Contains(places, *d.Subject) })
}

// Decode fills the fields bound by b from body and reports every problem found.
// Fields of attributes in error keep their default.
func (b Body) Decode(body hcl.Body, ctx *hcl.EvalContext) (Ranges, diag.List) {
	d := &decoder{ctx: ctx, ranges: Ranges{}}
	d.body(b, body)
	return d.ranges, d.diags
}

// DecodeAttr is Decode for a body whose content was taken already, such as the
// attributes that every step has; items that c lacks keep their defaults.
func (b Body) DecodeAttr(c *hcl.BodyContent, ctx *hcl.EvalContext) (Ranges, diag.List) {
	d := &decoder{ctx: ctx, ranges: Ranges{}}
	for _, it := range b {
		it.decode(d, c, c.MissingItemRange)
	}
	return d.ranges, d.diags
}

// Describe returns the declarations of b as data.
func (b Body) Describe() []Option {
	out := make([]Option, len(b))
	for i, it := range b {
		out[i] = it.Describe()
	}
	return out
}

type decoder struct {
	ctx    *hcl.EvalContext
	ranges Ranges
	diags  diag.List
}

func (d *decoder) body(b Body, body hcl.Body) {
	var s hcl.BodySchema
	for _, it := range b {
		it.schema(&s)
	}
	c, hd := body.Content(&s)
	d.diags = append(d.diags, FromHCL(hd)...)
	for _, it := range b {
		it.decode(d, c, body.MissingItemRange())
	}
}

// Attr is one attribute bound to a field of type T.
type Attr[T any] struct {
	o       Option
	p       *T
	def     *T
	conv    func(v cty.Value, rng hcl.Range) (T, error)
	checks  []func(T) error
	present *bool
	secret  bool
	prose   bool
}

// Doc sets the text of the reference page: what it does, units, one or two sentences.
func (a *Attr[T]) Doc(s string) *Attr[T] { a.o.Doc = s; return a }

// Required makes it an error to leave the attribute out.
func (a *Attr[T]) Required() *Attr[T] { a.o.Required = true; return a }

// Default sets the value used when the attribute is left out or null; source is that value as HCL.
func (a *Attr[T]) Default(v T, source string) *Attr[T] {
	a.def, a.o.Default = &v, source
	return a
}

// Check adds a condition; its error completes the sentence "NAME ...".
func (a *Attr[T]) Check(f ...func(T) error) *Attr[T] { a.checks = append(a.checks, f...); return a }

// Set makes *p tell whether the attribute was written and is not null.
func (a *Attr[T]) Set(p *bool) *Attr[T] { a.present = p; return a }

// Prose says that the value is for people to read and changes nothing that runs.
func (a *Attr[T]) Prose() *Attr[T] { a.prose = true; return a }

// Describe implements Item.
func (a *Attr[T]) Describe() Option { return a.o }

func (a *Attr[T]) schema(s *hcl.BodySchema) {
	s.Attributes = append(s.Attributes, hcl.AttributeSchema{Name: a.o.Name, Required: a.o.Required})
}

func (a *Attr[T]) decode(d *decoder, c *hcl.BodyContent, missing hcl.Range) {
	if a.def != nil {
		*a.p = *a.def
	}
	d.ranges[a.p] = missing
	at, ok := c.Attributes[a.o.Name]
	if !ok {
		return
	}
	rng := at.Expr.Range()
	d.ranges[a.p] = rng
	v, hd := at.Expr.Value(d.ctx)
	if hd.HasErrors() {
		if strings.Contains(a.o.Type, "expression") {
			d.diags = append(d.diags, unquoted(at.Expr, hd)...)
		} else {
			d.diags = append(d.diags, FromHCL(hd)...)
		}
		return
	}
	if !a.secret && ContainsSensitive(v) {
		d.diags = append(d.diags, exposed(a.o, at.Expr, d.ctx))
		return
	}
	whole := v.IsWhollyKnown()
	if !whole && !a.partly(v) { // a variable without a value while validating: nothing to check
		d.ranges[unknown{a.o.Name, a.p}] = rng
		if a.present != nil {
			*a.present = true
		}
		return
	}
	if u, _ := v.Unmark(); u.IsNull() {
		if a.o.Required {
			d.fail(rng, a.o.Name+" must not be null", "")
		}
		return
	}
	out, err := a.conv(v, rng)
	for i := 0; err == nil && whole && i < len(a.checks); i++ {
		err = a.checks[i](out)
	}
	if err != nil {
		o := a.o
		var in *entryError
		if errors.As(err, &in) {
			o.Name, err = o.Name+"."+in.key, in.err
			if kv := EntryOf(at.Expr, in.key); kv != nil {
				rng = kv.Value.Range()
			}
		}
		d.attrError(o, rng, v, err)
		return
	}
	*a.p = out
	if a.present != nil {
		*a.present = true
	}
}

// sensitivePart names what of e is sensitive, for the beginning of a sentence.
func sensitivePart(e hcl.Expression, ctx *hcl.EvalContext) string {
	for _, t := range e.Variables() {
		v, hd := t.TraverseAbs(ctx)
		if hd.HasErrors() || !ContainsSensitive(v) {
			continue
		}
		if name := dotted(t); name != "" {
			return name + " is sensitive and"
		}
	}
	return "A secret"
}

// dotted writes a reference as it stands in the file, "" when it has computed parts.
func dotted(t hcl.Traversal) string {
	names := []string{t.RootName()}
	for _, step := range t[1:] {
		a, ok := step.(hcl.TraverseAttr)
		if !ok {
			return ""
		}
		names = append(names, a.Name)
	}
	return strings.Join(names, ".")
}

// partly reports whether a value that is not known, or not wholly, can be taken all the
// same: a secret counts as set, alone and in a map of known names.
func (a *Attr[T]) partly(v cty.Value) bool {
	switch any(a.p).(type) {
	case *Secret:
		return true
	case *map[string]Secret:
		return v.IsKnown()
	}
	return false
}

// AtError is an error about a part of an attribute's value.
type AtError struct {
	Range   hcl.Range
	Summary string
	Detail  string
}

// Error implements error.
func (e *AtError) Error() string { return e.Summary }

func (d *decoder) attrError(o Option, rng hcl.Range, v cty.Value, err error) {
	var at *AtError
	if errors.As(err, &at) {
		d.fail(at.Range, withoutValue(at.Summary, v), withoutValue(at.Detail, v))
		return
	}
	detail := o.Name + " " + withoutValue(err.Error(), v)
	if !strings.HasSuffix(detail, "?") {
		detail += "."
	}
	if len(o.Choices) > 0 && !strings.Contains(detail, "must be one of") {
		detail += " Allowed: " + strings.Join(o.Choices, ", ") + "."
	}
	if errors.Is(err, errNoString) && o.Doc != "" && !o.Sensitive {
		detail += " " + o.Doc // says what to write
	}
	d.fail(rng, "Invalid value for "+o.Name, detail)
}

func (d *decoder) fail(rng hcl.Range, summary, detail string) {
	d.diags = append(d.diags, diag.Errorf("config.invalid_value", &rng, summary, "%s", detail))
}

// block is a nested block that may appear once, or any number of times.
type block struct {
	name    string
	doc     string
	labels  []string
	present *bool
	body    Body
	each    func(labels []string, rng hcl.Range) Body
	shape   func() Body
	decoded []decodedBlock // of each, in the order of the file
	at      hcl.Range      // of the first block, else of where there could be one
}

// Block is a nested block without labels that may appear at most once; *present
// (which may be nil) tells whether it did. Defaults of its attributes hold either way.
func Block(name string, present *bool, doc string, items ...Item) Item {
	return &block{name: name, present: present, doc: doc, body: items}
}

// Blocks is a nested block that may appear any number of times. each is called
// for every one, with its labels and header range, and returns the declaration
// bound to a new element; shape returns a declaration for documentation only.
func Blocks(name string, labels []string, doc string, shape func() Body, each func(labels []string, rng hcl.Range) Body) Item {
	return &block{name: name, labels: labels, doc: doc, each: each, shape: shape}
}

func (b *block) schema(s *hcl.BodySchema) {
	s.Blocks = append(s.Blocks, hcl.BlockHeaderSchema{Type: b.name, LabelNames: b.labels})
}

func (b *block) decode(d *decoder, c *hcl.BodyContent, missing hcl.Range) {
	seen := false
	b.decoded, b.at = nil, missing
	for i, blk := range c.Blocks.OfType(b.name) {
		if i == 0 {
			b.at = blk.DefRange
		}
		if b.each != nil {
			one := decodedBlock{blk.Labels, b.each(blk.Labels, blk.DefRange)}
			b.decoded = append(b.decoded, one)
			d.body(one.body, blk.Body)
			continue
		}
		if seen {
			d.diags = append(d.diags, diag.Errorf("config.duplicate", blk.DefRange.Ptr(), "Duplicate "+b.name+" block",
				"Only one %s block is allowed here.", b.name))
			continue
		}
		seen = true
		d.body(b.body, blk.Body)
	}
	if b.present != nil {
		*b.present = seen
	}
	if b.each == nil && !seen {
		empty := &hcl.BodyContent{MissingItemRange: missing}
		for _, it := range b.body {
			it.decode(d, empty, missing)
		}
	}
}

// Describe implements Item.
func (b *block) Describe() Option {
	body := b.body
	if b.shape != nil {
		body = b.shape()
	}
	return Option{Name: b.name, Type: "block", Doc: b.doc, Block: true, Repeated: b.each != nil, Body: body.Describe()}
}

// ParseDuration is time.ParseDuration plus the units d (24 h) and w (7 d).
func ParseDuration(s string) (time.Duration, error) {
	if n := len(s); n > 1 && (s[n-1] == 'd' || s[n-1] == 'w') {
		unit := 24 * time.Hour
		if s[n-1] == 'w' {
			unit *= 7
		}
		var f float64
		if _, err := fmt.Sscanf(s[:n-1]+" ", "%g ", &f); err == nil && f >= 0 && f*float64(unit) < 1<<62 {
			return time.Duration(f * float64(unit)), nil
		}
	}
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 {
		return 0, fmt.Errorf("must be a duration such as \"30s\", \"10m\", \"1h30m\" or \"7d\", not %q", s)
	}
	return v, nil
}
