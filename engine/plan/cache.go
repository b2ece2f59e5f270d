package plan

import (
	"weir/engine/diag"
	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/spec"
)

// cache holds what the pipelines of one plan have in common: instances of a
// module differ in little, and each expression need be compiled and kept once.
type cache struct {
	buf      []byte
	digests  map[*record.Schema]Digest
	schemas  map[Digest]*record.Schema
	exprs    map[exprKey]plugin.Expr
	mentions map[string]mentioned
	layouts  map[string]string // names of values, see packed
	packs    map[packedKey]*packed
	decoders map[decoderKey]boundDecoder
}

// decoderKey tells decoders apart that are configured alike: their values are shared.
type decoderKey struct {
	kind   string
	values *packed
}

// boundDecoder is a decoder with the schema of its rows. It is immutable.
type boundDecoder struct {
	config plugin.Decoder
	out    *record.Schema
}

func newCache() *cache {
	return &cache{
		digests: map[*record.Schema]Digest{}, schemas: map[Digest]*record.Schema{}, exprs: map[exprKey]plugin.Expr{},
		mentions: map[string]mentioned{}, layouts: map[string]string{}, packs: map[packedKey]*packed{}, decoders: map[decoderKey]boundDecoder{},
	}
}

// digest returns the digest of the names and types of s, zero for nil.
func (c *cache) digest(s *record.Schema) Digest {
	if s == nil {
		return Digest{}
	}
	if out, ok := c.digests[s]; ok {
		return out
	}
	c.buf = appendFields(c.buf[:0], s.Fields())
	out := sum(c.buf)
	c.digests[s] = out
	return out
}

// schema returns one schema for all that are equal to s.
func (c *cache) schema(s *record.Schema) *record.Schema {
	by := c.digest(s)
	if have, ok := c.schemas[by]; ok {
		delete(c.digests, s)
		return have
	}
	c.schemas[by] = s
	return s
}

func (c *cache) mentioned(expr string) mentioned {
	m, ok := c.mentions[expr]
	if !ok {
		m.names, m.all = mentions(expr)
		c.mentions[expr] = m
	}
	return m
}

// share returns vs without the references in it, and those references.
func (c *cache) share(vs []spec.Value) (own *packed, refs []spec.Value) {
	rest := vs[:0]
	for i := range vs {
		if vs[i].Ref != nil {
			refs = append(refs, vs[i])
		} else {
			rest = append(rest, vs[i])
		}
	}
	return c.pack(rest), refs
}

// exprKey is all that the meaning of an expression depends on.
type exprKey struct {
	text   string
	over   exprMode
	want   record.Kind
	schema Digest // of the rows
	extra  Digest // of the names besides them
	vars   Digest // of the variables that it can read
	pieces bool   // whether the rows are pieces of others
}

type exprMode uint8

const (
	rowExpr exprMode = iota
	rowsExpr
	valueExpr
	pathExpr
)

// cachedCompiler compiles an expression that was compiled before, over the same
// fields and variables, not again. What it returns is shared: a plugin.Expr is immutable.
type cachedCompiler struct {
	c      *cache
	in     *record.Schema
	vars   *variables
	pieces bool
	inner  func() plugin.Compiler // made when it is first needed
}

// compiler returns a compiler over the rows of in, which may be pieces of others; open makes the one that does the work.
func (c *cache) compiler(in *record.Schema, vars *variables, pieces bool, open func() plugin.Compiler) *cachedCompiler {
	var made plugin.Compiler
	return &cachedCompiler{c, in, vars, pieces, func() plugin.Compiler {
		if made == nil {
			made = open()
		}
		return made
	}}
}

func (k *cachedCompiler) compile(t spec.Text, over exprMode, extra []record.Field, want record.Kind,
	do func(plugin.Compiler) (plugin.Expr, diag.List)) (plugin.Expr, diag.List) {
	key := exprKey{text: t.S, over: over, want: want, vars: k.read(t.S), pieces: k.pieces}
	if over != valueExpr {
		key.schema = k.c.digest(k.in)
	}
	if len(extra) > 0 {
		k.c.buf = appendFields(k.c.buf[:0], extra)
		key.extra = sum(k.c.buf)
	}
	if e, ok := k.c.exprs[key]; ok {
		return e, nil
	}
	e, ds := do(k.inner())
	// Diagnostics have ranges, so what has some is of this place alone.
	if e != nil && len(ds) == 0 {
		k.c.exprs[key] = e
	}
	return e, ds
}

// read digests the variables that an expression can read.
func (k *cachedCompiler) read(expr string) Digest {
	m := k.c.mentioned(expr)
	names := m.names
	if m.all {
		names = k.vars.names
	}
	if len(names) == 0 {
		return Digest{}
	}
	b := k.c.buf[:0]
	for _, n := range names {
		_, ok := k.vars.text[n]
		b = k.vars.appendValue(appendPart(append(b, boolByte(ok)), n), n, nil)
		b = append(b, 0)
	}
	k.c.buf = b
	return sum(b)
}

// Row implements plugin.Compiler.
func (k *cachedCompiler) Row(t spec.Text, want record.Kind) (plugin.Expr, diag.List) {
	return k.compile(t, rowExpr, nil, want, func(c plugin.Compiler) (plugin.Expr, diag.List) { return c.Row(t, want) })
}

// Rows implements plugin.Compiler.
func (k *cachedCompiler) Rows(t spec.Text, extra []record.Field, want record.Kind) (plugin.Expr, diag.List) {
	return k.compile(t, rowsExpr, extra, want, func(c plugin.Compiler) (plugin.Expr, diag.List) { return c.Rows(t, extra, want) })
}

// Path implements plugin.Compiler.
func (k *cachedCompiler) Path(t spec.Text) (plugin.Expr, diag.List) {
	return k.compile(t, pathExpr, nil, record.String, func(c plugin.Compiler) (plugin.Expr, diag.List) { return c.Path(t) })
}

// Value implements plugin.Compiler.
func (k *cachedCompiler) Value(t spec.Text, env []record.Field, want record.Kind) (plugin.Expr, diag.List) {
	return k.compile(t, valueExpr, env, want, func(c plugin.Compiler) (plugin.Expr, diag.List) { return c.Value(t, env, want) })
}
