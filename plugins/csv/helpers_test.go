package csv

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"weir/engine/diag"
	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/spec"
)

// bind decodes the options in src as the engine would and binds them.
func bind(t testing.TB, src string) (*Decoder, diag.List) {
	t.Helper()
	f, hd := hclsyntax.ParseConfig([]byte(src), "p.hcl", hcl.InitialPos)
	if hd.HasErrors() {
		t.Fatal(hd)
	}
	d := new(Decoder)
	at, diags := d.Spec().Decode(f.Body, nil)
	diags = append(diags, d.Check(at)...)
	if diags.HasErrors() {
		return d, diags
	}
	if a, ok := f.Body.(*hclsyntax.Body).Attributes["columns"]; ok {
		d.Columns = withOrigins(t, a.Expr, []byte(src))
	}
	_, ds := d.Bind(at)
	return d, append(diags, ds...)
}

// withOrigins evaluates a map and marks its literals with their places.
func withOrigins(t testing.TB, e hclsyntax.Expression, src []byte) cty.Value {
	t.Helper()
	m, ok := e.(*hclsyntax.ObjectConsExpr)
	if !ok {
		v, _ := e.Value(nil)
		return v
	}
	out := map[string]cty.Value{}
	for _, it := range m.Items {
		k, _ := it.KeyExpr.Value(nil)
		v, _ := it.ValueExpr.Value(nil)
		if v.Type() == cty.String {
			rng := it.ValueExpr.Range()
			var offs []int
			for i := range v.AsString() {
				offs = append(offs, rng.Start.Byte+1+i)
			}
			v = v.Mark(spec.NewOrigin(v.AsString(), rng, src, append(offs, rng.End.Byte-1)))
		}
		out[k.AsString()] = v
	}
	return cty.ObjectVal(out)
}

func mustBind(t testing.TB, src string) *Decoder {
	t.Helper()
	d, diags := bind(t, src)
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	return d
}

// result is what decoding one object gave, as text.
type result struct {
	rows    []string // "line|cell|cell", null as ~
	raws    []string
	rejects []string // "row N line L column: code: reason"
	notices []string
	ends    []int64
	lines   []int64 // the line at each End
	counts  []int   // rows up to each End
}

// every returns all slots of d.
func every(d *Decoder) []record.Slot {
	out := make([]record.Slot, d.set.Schema.Len())
	for i := range out {
		out[i] = record.Slot(i)
	}
	return out
}

// decode reads data in chunks of target bytes.
func decode(t testing.TB, d *Decoder, data []byte, target int) (result, error) {
	t.Helper()
	return decodeFrom(t, d, bytes.NewReader(data), target, every(d), 0, 0)
}

func decodeFrom(t testing.TB, d *Decoder, body io.Reader, target int, want []record.Slot, offset, line int64) (res result, err error) {
	t.Helper()
	r, err := d.Open(t.Context(), plugin.Object{Name: "/in/a.csv", Size: -1, Body: body}, want)
	if err != nil {
		return res, err
	}
	defer func() {
		if cerr := r.Close(); cerr != nil {
			t.Error(cerr)
		}
	}()
	if offset > 0 {
		if err := r.(plugin.Resumer).Resume(offset, line); err != nil {
			return res, err
		}
	}
	var c plugin.Chunk
	var b record.Batch
	for {
		err := r.Split(t.Context(), &c, target)
		if errors.Is(err, io.EOF) {
			for _, n := range r.Notices() {
				res.notices = append(res.notices, n.Summary)
			}
			return res, nil
		}
		if err != nil {
			return res, err
		}
		if err := r.Parse(t.Context(), &c, &b); err != nil {
			return res, err
		}
		res.add(t, &c, &b)
	}
}

func (res *result) add(t testing.TB, c *plugin.Chunk, b *record.Batch) {
	t.Helper()
	first := len(res.rows)
	if b.N == 0 || len(b.Lines) != b.N || len(b.Raw) != b.N {
		t.Fatalf("a batch of %d rows, %d lines, %d raw texts", b.N, len(b.Lines), len(b.Raw))
	}
	if len(res.ends) > 0 && c.Offset < res.ends[len(res.ends)-1] {
		t.Fatalf("offset %d after end %d", c.Offset, res.ends[len(res.ends)-1])
	}
	for i := range b.N {
		cells := []string{fmt.Sprint(b.Lines[i])}
		for k := range b.Cols {
			cells = append(cells, value(&b.Cols[k], i))
		}
		res.rows = append(res.rows, strings.Join(cells, "|"))
		res.raws = append(res.raws, string(b.RawText(i)))
	}
	for _, r := range b.Rejects {
		if r.Step != "" {
			t.Errorf("rejected in step %q, which is the engine's to say", r.Step)
		}
		res.rejects = append(res.rejects, fmt.Sprintf("row %d line %d %s: %s: %s", first+r.Row+1, b.Lines[r.Row], r.Column, r.Code, r.Reason))
	}
	res.ends = append(res.ends, c.End)
	res.counts = append(res.counts, len(res.rows))
	res.lines = append(res.lines, c.EndLine)
}

func value(c *record.Column, i int) string {
	if c.IsNull(i) {
		return "~"
	}
	switch c.Type.Kind {
	case record.Bool:
		return fmt.Sprint(c.Bools[i])
	case record.Decimal:
		return c.Dec(i).String()
	case record.Float:
		return fmt.Sprint(c.Floats[i])
	case record.Date:
		return record.DateValue{Days: c.Ints[i]}.String()
	case record.String:
		return string(c.Bytes(i))
	}
	return fmt.Sprint(c.Ints[i])
}

func diffLines(t testing.TB, what string, got, want []string) {
	t.Helper()
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("%s:\n%q\nwant\n%q", what, got, want)
	}
}
