package step

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"weir/engine/compute"
	"weir/engine/diag"
	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/spec"
)

// tester is what the fixtures need of a *testing.T or a *rapid.T.
type tester interface {
	Helper()
	Errorf(format string, args ...any)
	Fatal(args ...any)
}

// memState is a State in memory.
type memState map[string][]byte

func (m memState) Get(k []byte) ([]byte, bool, error) { v, ok := m[string(k)]; return v, ok, nil }
func (m memState) Put(k, v []byte)                    { m[string(k)] = append([]byte(nil), v...) }
func (m memState) Delete(k []byte)                    { delete(m, string(k)) }

// store hands out memStates by space.
type store map[string]memState

func (s store) env() Env {
	return Env{State: func(space string) State {
		if s[space] == nil {
			s[space] = memState{}
		}
		return s[space]
	}}
}

// references are the named blocks that a test's HCL may refer to.
type references map[string]*spec.Ref

// decode decodes src into c and returns its ranges and every problem but those of Bind.
func decode(t tester, c Config, src string, refs references) (spec.Ranges, diag.List) {
	t.Helper()
	f, hd := hclsyntax.ParseConfig([]byte(src), "test.hcl", hcl.InitialPos)
	if hd.HasErrors() {
		t.Fatal(hd)
	}
	vars := map[string]cty.Value{}
	for name, r := range refs {
		vars[name] = cty.CapsuleVal(spec.RefType, r)
	}
	at, ds := c.Spec().Decode(f.Body, &hcl.EvalContext{Variables: vars})
	return at, append(ds, c.Check(at)...)
}

// problems decodes and binds src and returns all diagnostics.
func problems(t tester, kind string, in *record.Schema, src string, refs references) (Step, diag.List) {
	t.Helper()
	c := All()[kind]("x")
	at, ds := decode(t, c, src, refs)
	if ds.HasErrors() {
		return nil, ds
	}
	over := func(s *record.Schema) plugin.Compiler { return compute.New(s, compute.Options{}) }
	s, bd := c.Bind(Binding{Address: kind + ".x", Pipeline: "p", In: in, At: at, Compiler: over(in), Over: over})
	return s, append(ds, bd...)
}

// bind is problems for a block that has none.
func bind(t tester, kind string, in *record.Schema, src string, refs references) Step {
	t.Helper()
	s, ds := problems(t, kind, in, src, refs)
	if err := ds.Err(); err != nil {
		t.Fatal(err)
	}
	return s
}

// schema reads "name kind" declarations; a kind ending in ? is nullable.
func schema(decl ...string) *record.Schema {
	kinds := map[string]record.Kind{"string": record.String, "int": record.Int, "decimal": record.Decimal, "bool": record.Bool, "any": record.Any}
	var fs []record.Field
	for _, d := range decl {
		name, kind, _ := strings.Cut(d, " ")
		k, nullable := strings.CutSuffix(kind, "?")
		fs = append(fs, record.Field{Name: name, Type: record.Type{Kind: kinds[k], Nullable: nullable}})
	}
	return record.NewSchema(fs)
}

// table builds a batch of rows whose first has number first. Each row is its cells separated by |; "~" is nil.
func table(s *record.Schema, first int64, rows ...string) *record.Batch {
	b := &record.Batch{}
	b.Reset(s, 0)
	b.Origin, b.FirstRow, b.FirstLine = &record.Origin{Name: "file.csv", ID: "file"}, first, first+1
	for _, row := range rows {
		for k, cell := range strings.Split(row, "|") {
			appendCell(&b.Cols[k], cell)
		}
		b.Raw = append(b.Raw, record.View{Off: uint32(len(b.RawData)), Len: uint32(len(row) + 1)})
		b.RawData = append(append(b.RawData, row...), '\n')
		b.N++
	}
	return b
}

func appendCell(c *record.Column, cell string) {
	if cell == "~" {
		c.AppendNull()
		return
	}
	one := record.Column{}
	one.Resize(c.Type, 1)
	switch c.Type.Kind {
	case record.String:
		one.SetString(0, []byte(cell))
	case record.Int:
		_, _ = fmt.Sscan(cell, &one.Ints[0])
	case record.Decimal:
		d, _ := record.ParseDecimal([]byte(cell), false)
		one.SetDec(0, d)
	case record.Bool:
		one.Bools[0] = cell == "true"
	case record.Any:
		one.Anys[0] = cell
	}
	c.AppendFrom(&one, 0)
}

// trial runs one runner and collects what becomes of rows. It checks after
// every object that the accounts balance (I3).
type trial struct {
	t       tester
	step    Step
	run     Runner
	tally   Tally
	in      int64
	rows    []string // "cells separated by |" of each row that went on
	nos     []int64
	raws    []string
	rejects []string // "row N: reason"
}

func start(t tester, s Step, env Env) *trial {
	t.Helper()
	all := make([]record.Slot, s.Out().Len())
	for i := range all {
		all[i] = record.Slot(i)
	}
	return &trial{t: t, step: s, run: s.New(env, all)}
}

// object gives the runner the batches of one object.
func (r *trial) object(batches ...*record.Batch) *trial {
	r.t.Helper()
	for _, b := range batches {
		r.batch(b)
	}
	err := r.run.EndObject(context.Background(), &r.tally, func(b *record.Batch) error {
		r.refused(b)
		r.collect(b)
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	if h, ok := r.run.(Holder); ok && h.Oldest() != 0 {
		r.t.Errorf("row %d is still held after the object", h.Oldest())
	}
	r.balance()
	return r
}

// batch gives the runner one batch.
func (r *trial) batch(b *record.Batch) {
	r.t.Helper()
	r.in += int64(b.Live())
	out, err := r.run.Apply(context.Background(), b, &r.tally)
	if err != nil {
		r.t.Fatal(err)
	}
	r.refused(b)
	if out != nil && out != b {
		r.refused(out)
	}
	if out != nil {
		r.collect(out)
	}
}

func (r *trial) balance() {
	r.t.Helper()
	y := r.tally
	if sum := int64(len(r.rows)+len(r.rejects)) + y.Filtered + y.Deduplicated + y.Grouped - y.Expanded; sum != r.in {
		r.t.Errorf("rows in %d, accounted for %d: %d on, %d rejected, %+v", r.in, sum, len(r.rows), len(r.rejects), y)
	}
}

func (r *trial) refused(b *record.Batch) {
	for _, j := range b.Rejects {
		r.rejects = append(r.rejects, fmt.Sprintf("row %d: %s %s", b.RowNo(j.Row), j.Code, j.Reason))
		for k := range b.Live() {
			if b.Row(k) == j.Row {
				r.t.Errorf("row %d is rejected and still selected", b.RowNo(j.Row))
			}
		}
	}
}

func (r *trial) collect(b *record.Batch) {
	for k := range b.Live() {
		i := b.Row(k)
		var cells []string
		for _, s := range b.Schema.Visible() {
			cells = append(cells, show(&b.Cols[s], i))
		}
		if s, ok := b.Schema.Slot(dedupeField); ok {
			f := b.Cols[s].Fields
			keys := &f[infoKeys]
			cells = append(cells, show(&f[infoKnown], i), show(&f[infoMatched], i), show(keys, i))
		}
		r.rows = append(r.rows, strings.Join(cells, "|"))
		r.nos = append(r.nos, b.RowNo(i))
		r.raws = append(r.raws, string(b.RawText(i)))
	}
}

func show(c *record.Column, i int) string {
	if c.IsNull(i) {
		return "~"
	}
	return string(appendText(nil, c, i))
}

// want compares lists of strings as lines.
func want(t tester, what string, got, expected []string) {
	t.Helper()
	if g, w := strings.Join(got, "\n"), strings.Join(expected, "\n"); g != w {
		t.Errorf("%s:\n%s\nwant:\n%s", what, g, w)
	}
}

// mustMention checks that some diagnostic holds each text.
func mustMention(t tester, ds diag.List, texts ...string) {
	t.Helper()
	var all string
	for _, d := range ds {
		all += string(d.Code) + " " + d.Summary + ": " + d.Detail + "\n"
		if d.Subject == nil || d.Subject.Filename != "test.hcl" {
			t.Errorf("%s does not point at the file", d.Summary)
		}
	}
	for _, s := range texts {
		if !strings.Contains(all, s) {
			t.Errorf("diagnostics do not say %q:\n%s", s, all)
		}
	}
}
