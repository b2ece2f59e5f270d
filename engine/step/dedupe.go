package step

import (
	"fmt"
	"slices"
	"strings"

	"weir/engine/diag"
	"weir/engine/identity"
	"weir/engine/record"
	"weir/engine/spec"
)

// Dedupe is the configuration of a dedupe step: it finds out which entity a row
// is about, by ordered keys, and which rows of an entity go on.
//
//	dedupe "profile" {
//	  entity = entity.profile
//	  keys = {
//	    srs   = "number"
//	    email = "email"
//	  }
//	  keep      = "changed"
//	  max_merge = 2
//	}
//
// After it, expressions see dedupe.id, dedupe.known (whether the entity was
// known before this row), dedupe.matched (the name of the key that found it, or
// nil) and dedupe.keys.<name> (the value last seen of that key for the entity,
// from any pipeline that shares it).
//
// What is remembered becomes durable with the commit that covers the row, so a
// run that is interrupted forgets exactly the rows it will read again (I5, I7). What a row
// did that is refused behind the step is taken back, and rows that were dropped because of
// it are judged again; see identity.Journal.
// With keep = "last" the rows of the object so far are part of a commit in its
// middle, as they are for a group step within the object.
type Dedupe struct {
	Name      string
	Entity    *spec.Ref
	Keys      []spec.NamedText
	Order     []string
	Attach    bool
	Keep      string
	MaxMerge  int
	Conflict  string
	Fields    []string
	NoKey     string
	MaxRows   int
	MaxBytes  int64
	Trace     bool
	hasAttach bool
}

// The values of keep.
const (
	keepFirst   = "first"
	keepLast    = "last"
	keepChanged = "changed"
	keepAll     = "all"
)

// Spec implements plugin.Config.
func (c *Dedupe) Spec() spec.Body {
	return spec.Body{
		spec.Reference("entity", "entity", &c.Entity).Doc("The identity space, shared by every step that names it. Without it the step has a space of its own, which no other pipeline sees."),
		spec.Exprs("keys", &c.Keys).Required().Doc("The keys: name = \"expression\", strongest first. The first key whose value is known decides which entity the row is about. " +
			"A nil or '' value is absent. Values are compared as text, exactly; an entity's normalising expression is applied first."),
		spec.Strings("order", &c.Order).Doc("The names of the keys, strongest first. It is needed only where keys is computed, so that the order in which they were written cannot be told."),
		spec.Bool("attach", &c.Attach).Set(&c.hasAttach).Doc("Whether keys that come together are remembered together: the unknown keys of a row are linked to the entity that its other keys found. " +
			"Default: true when there are several keys, or an entity. Without it only the strongest key of a new entity is remembered."),
		spec.Choice("keep", &c.Keep, keepFirst, keepLast, keepChanged, keepAll).Default(keepFirst, `"first"`).Doc("Which rows of one entity go on. " +
			"first: the first this step ever sees. changed: the first, and those that differ from the one before in fields. " +
			"last: the last one in an object (a file, a page), when the object ends. all: every row, with its identity. The others are counted as deduplicated. " +
			"A row that is refused later, by a step behind or by a sink, does not count as seen: the next row of the entity goes on."),
		spec.Int("max_merge", &c.MaxMerge).Default(1, "1").Check(spec.Between(1, 1000)).Doc("How many known entities one row may turn into one, when its keys belong to several. " +
			"The weaker ones end in the strongest; the merge is recorded and can be undone. A row that would merge more is rejected. 1 merges nothing."),
		spec.Choice("conflict", &c.Conflict, "merge", "keep").Default("merge", `"merge"`).Doc("What happens when a row's keys belong to several entities. merge: they become one, within max_merge. " +
			"keep: the strongest key decides, and the weaker keys stay with the entities they belong to."),
		spec.Strings("fields", &c.Fields).Doc("The fields that keep = \"changed\" compares. Default: all. Leave out what changes without meaning, such as a time of export."),
		spec.Choice("no_key", &c.NoKey, "reject", "pass").Default("reject", `"reject"`).Doc("What happens to a row in which every key is absent: it is rejected, or passes without an identity (dedupe.id is nil)."),
		spec.Int("max_rows", &c.MaxRows).Default(1_000_000, "1000000").Check(spec.Between(1, 100_000_000)).Doc("How many rows of one object keep = \"last\" may hold in memory. A larger object stops the pipeline. " +
			"A commit in the middle of the object keeps them, up to 64 MiB with what other steps hold; beyond that there is none before the object ends."),
		spec.Size("max_bytes", &c.MaxBytes).Default(defaultBytes, `"160MiB"`).Check(checkBytes).Doc("How much memory these rows may take, with the text that each came from. A larger object stops the pipeline."),
		spec.Bool("trace", &c.Trace).Default(false, "false").Doc("Whether the state store keeps which rows were about which entity, and which deliveries of the pipeline had which rows, for weir trace. " +
			"It writes about 80 bytes a row, which takes about as long as remembering a new key does."),
	}
}

// Check implements plugin.Config.
func (c *Dedupe) Check(at spec.Ranges) diag.List {
	var ds diag.List
	if len(c.Keys) == 0 {
		ds = append(ds, diag.Errorf("config.missing_attribute", at.Of(&c.Keys), "A dedupe step without keys", "Name at least one: keys = { order = \"order_id\" }."))
	}
	ds = append(ds, c.checkOrder(at)...)
	if len(c.Fields) > 0 && c.Keep != keepChanged {
		ds = append(ds, diag.Errorf("config.conflict", at.Of(&c.Fields), "fields is without effect",
			"Only keep = \"changed\" compares fields; this step has keep = %q.", c.Keep))
	}
	if c.Conflict == "keep" && c.MaxMerge > 1 {
		ds = append(ds, diag.Errorf("config.conflict", at.Of(&c.MaxMerge), "max_merge is without effect", "With conflict = \"keep\" nothing is merged."))
	}
	if c.Entity == nil {
		return ds
	}
	e := c.entity()
	if e == nil {
		return append(ds, diag.Errorf("config.invalid_value", at.Of(&c.Entity), fmt.Sprintf("Entity %q has no keys", c.Entity.Name),
			"Declare it as: entity %q { keys = { name = \"value\" } }.", c.Entity.Name))
	}
	known := e.KeyNames()
	for _, k := range c.Keys {
		if _, ok := normaliser(e, k.Name); !ok {
			ds = append(ds, diag.Errorf("plan.unknown_key", &k.Text.Range, fmt.Sprintf("Entity %q has no key %q", c.Entity.Name, k.Name),
				"Only the keys that the entity declares can be used.%s", suggestion(k.Name, known)))
		}
	}
	return ds
}

// checkOrder makes sure that it is known which key is the strongest: a guess
// would join the wrong records.
func (c *Dedupe) checkOrder(at spec.Ranges) diag.List {
	if len(c.Order) == 0 {
		for _, k := range c.Keys {
			o, first := k.Text.Origin, c.Keys[0].Text.Origin
			if len(c.Keys) > 1 && (o == nil || first == nil || o.Range.Filename != first.Range.Filename) {
				return diag.List{diag.Errorf("config.missing_attribute", at.Of(&c.Keys), "The order of the keys cannot be told",
					"keys is computed or comes from several places. Name the keys, strongest first: order = [%q, ...].", c.Keys[0].Name)}
			}
		}
		return nil
	}
	var names []string
	for _, k := range c.Keys {
		names = append(names, k.Name)
	}
	for i, n := range c.Order {
		if !slices.Contains(names, n) || slices.Contains(c.Order[:i], n) {
			return diag.List{diag.Errorf("config.invalid_value", at.Of(&c.Order), fmt.Sprintf("%q is not a key, or is named twice", n),
				"order names each of keys once.%s", suggestion(n, names))}
		}
	}
	if len(c.Order) != len(names) {
		return diag.List{diag.Errorf("config.invalid_value", at.Of(&c.Order), "order leaves keys out", "order names each of keys once: %s.", strings.Join(names, ", "))}
	}
	return nil
}

// ordered returns the keys, strongest first.
func (c *Dedupe) ordered() []spec.NamedText {
	if len(c.Order) == 0 {
		return c.Keys
	}
	out := slices.Clone(c.Keys)
	slices.SortStableFunc(out, func(a, b spec.NamedText) int {
		return slices.Index(c.Order, a.Name) - slices.Index(c.Order, b.Name)
	})
	return out
}

// entity returns the space's declaration, nil when there is none.
func (c *Dedupe) entity() *identity.Entity {
	if c.Entity == nil {
		return nil
	}
	switch v := c.Entity.Value.(type) {
	case *identity.Entity:
		return v
	case identity.Entity:
		return &v
	}
	return nil
}

func normaliser(e *identity.Entity, key string) (spec.Text, bool) {
	for _, k := range e.Keys {
		if k.Name == key {
			return k.Text, true
		}
	}
	return spec.Text{}, false
}

// Bind implements Config.
func (c *Dedupe) Bind(b Binding) (Step, diag.List) {
	s := &dedupeStep{
		in: b.In, address: b.Address, trace: c.Trace, keep: c.Keep, pass: c.NoKey == "pass", most: bound{c.MaxRows, c.MaxBytes},
		own: "dedupe/" + b.Pipeline + "/" + b.Address,
		opt: identity.Options{Attach: len(c.Keys) > 1 || c.Entity != nil, MaxMerge: c.MaxMerge, Keep: c.Conflict == "keep"},
	}
	if c.hasAttach {
		s.opt.Attach = c.Attach
	}
	s.space = s.own
	e := c.entity()
	if e != nil {
		s.shared, s.space, s.names = true, "entity."+qualified(c.Entity), e.KeyNames()
	}
	var ds diag.List
	for _, k := range c.ordered() {
		key, d := bindKey(b, e, k)
		ds, s.keys = append(ds, d...), append(s.keys, key)
		if e == nil {
			s.names = append(s.names, k.Name)
		}
	}
	if c.Keep == keepChanged {
		s.compare = b.In.Visible()
		if len(c.Fields) > 0 {
			var d diag.List
			s.compare, d = visibleSlots(b.In, c.Fields, "fields", b.At, &c.Fields)
			ds = append(ds, d...)
		}
	}
	if slot, ok := b.In.Slot(dedupeField); ok && !b.In.Fields()[slot].Hidden {
		ds = append(ds, diag.Errorf("plan.reserved_name", b.At.Of(&c.Keys), "A field is named \"dedupe\"",
			"Expressions see the identity of a row under that name. Give the field another name in a map step before."))
	}
	if ds.HasErrors() {
		return nil, ds
	}
	s.extend()
	return s, ds
}

func qualified(r *spec.Ref) string {
	if r.Module != "" {
		return r.Module + "." + r.Name
	}
	return r.Name
}

// dedupeKey is one bound key.
type dedupeKey struct {
	name      string
	value     formula
	normalise formula // over the value alone, when its expr is set
	schema    *record.Schema
}

func bindKey(b Binding, e *identity.Entity, k spec.NamedText) (dedupeKey, diag.List) {
	key := dedupeKey{name: k.Name}
	var ds diag.List
	key.value, ds = compile(b.Compiler, b.In, k.Text, record.Invalid)
	if key.value.expr == nil {
		return key, ds
	}
	t := key.value.expr.Type()
	if !isKeyKind(t.Kind) {
		return key, append(ds, diag.Errorf("plan.bad_key", &k.Text.Range, fmt.Sprintf("Key %q is a %s", k.Name, t.Kind),
			"A key is text, a whole number, a decimal, a bool, a date or a datetime. To combine several fields, join them: a + '|' + b."))
	}
	if e == nil {
		return key, ds
	}
	text, ok := normaliser(e, k.Name)
	if !ok || text.S == "value" || text.IsZero() {
		return key, ds
	}
	t.Nullable = false // absent values are not normalised
	key.schema = record.NewSchema([]record.Field{{Name: "value", Type: t}})
	var d diag.List
	key.normalise, d = compile(b.Over(key.schema), key.schema, text, record.Invalid)
	return key, append(ds, d...)
}

// dedupeField is the hidden field with a row's identity.
const dedupeField = "dedupe"

// Places of the fields of dedupe.
const (
	infoID = iota
	infoKnown
	infoMatched
	infoKeys
)

// extend makes the output schema: the input with the hidden field dedupe, which
// replaces that of an earlier dedupe step.
func (s *dedupeStep) extend() {
	keys := make([]record.Field, len(s.names))
	for i, n := range s.names {
		keys[i] = record.Field{Name: n, Type: record.NullableOf(record.String)}
	}
	f := record.Field{Name: dedupeField, Hidden: true, Type: record.ObjectOf([]record.Field{
		infoID:      {Name: "id", Type: record.Type{Kind: record.String, Nullable: s.pass}},
		infoKnown:   {Name: "known", Type: record.Of(record.Bool)},
		infoMatched: {Name: "matched", Type: record.NullableOf(record.String)},
		infoKeys:    {Name: "keys", Type: record.ObjectOf(keys)},
	})}
	fields := append([]record.Field(nil), s.in.Fields()...)
	if slot, ok := s.in.Slot(dedupeField); ok {
		s.slot, fields[slot] = slot, f
	} else {
		s.slot, fields = record.Slot(len(fields)), append(fields, f)
	}
	s.out = record.NewSchema(fields)
}
