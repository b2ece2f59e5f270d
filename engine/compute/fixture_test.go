package compute

import (
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"

	"weir/engine/diag"
	"weir/engine/function"
	"weir/engine/record"
	"weir/engine/spec"
)

// txt is an expression as it would stand in a file, at byte 0 of line 1.
func txt(s string) spec.Text {
	offs := make([]int, 0, len(s)+1)
	for i := range s {
		offs = append(offs, i)
	}
	offs = append(offs, len(s))
	rng := hcl.Range{Filename: "t.hcl", Start: hcl.Pos{Line: 1, Column: 1}, End: hcl.Pos{Line: 1, Column: len([]rune(s)) + 1, Byte: len(s)}}
	return spec.Text{S: s, Range: rng, Origin: spec.NewOrigin(s, rng, []byte(s), offs)}
}

func dec(s string) record.DecimalValue {
	d, err := record.ParseDecimal([]byte(s), false)
	if err != nil {
		panic(err)
	}
	return d
}

func day(y, m, d int) record.DateValue {
	v, ok := record.DateOf(y, m, d)
	if !ok {
		panic("no such day")
	}
	return v
}

func amsterdam(t testing.TB) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation("Europe/Amsterdam")
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func field(name string, t record.Type) record.Field { return record.Field{Name: name, Type: t} }

// batchOf builds a batch of the schema from rows of Go values.
func batchOf(s *record.Schema, rows [][]any) *record.Batch {
	b := &record.Batch{}
	b.Reset(s, len(rows))
	for k, f := range s.Fields() {
		vs := make([]any, len(rows))
		for i, r := range rows {
			vs[i] = r[k]
		}
		fill(&b.Cols[k], f.Type, vs)
	}
	return b
}

// compileRow compiles, failing the test on any diagnostic.
func compileRow(t testing.TB, c *Compiler, src string) *Expr {
	t.Helper()
	e, ds := c.Row(txt(src), record.Invalid)
	if len(ds) > 0 {
		t.Fatalf("%s: %s", src, show(ds))
	}
	return e.(*Expr)
}

func show(ds diag.List) string {
	var sb strings.Builder
	for _, d := range ds {
		sb.WriteString(string(d.Code) + ": " + d.Summary + ". " + d.Detail + "\n")
	}
	return sb.String()
}

// outcome is what an expression gives for one row.
type outcome struct {
	v   any
	err string
}

// outcomes evaluates e over the selected rows of b, by kernels or by the VM.
func outcomes(e *Expr, b *record.Batch, kernels bool) []outcome {
	b.Rejects = nil
	col := e.newEval(kernels).Rows(b, "map.t", "x")
	out := make([]outcome, b.N)
	for k := range b.Live() {
		i := b.Row(k)
		out[i].v = valueAt(col, i)
	}
	for _, r := range b.Rejects {
		out[r.Row] = outcome{err: r.Reason}
	}
	b.Rejects = nil
	return out
}

func fixed() time.Time { return time.Date(2024, 7, 1, 10, 0, 0, 0, time.UTC) }

// testFunctions are functions in the shape of the engine's own.
func testFunctions() []function.Function {
	str := func(name string, f func(string) (string, bool)) function.Function {
		return function.Function{
			Name: name, Summary: "For tests.", Types: []any{new(func(string) any)},
			Returns: func([]record.Type) record.Type { return record.NullableOf(record.String) },
			Call: func(a ...any) (any, error) {
				if s, ok := f(a[0].(string)); ok {
					return s, nil
				}
				return nil, nil
			},
			Prepare: func([]any) (function.Fast, error) {
				return function.Fast{Str: func(dst, s []byte) ([]byte, bool, error) {
					v, ok := f(string(s))
					return append(dst, v...), ok, nil
				}}, nil
			},
		}
	}
	return []function.Function{
		str("email", func(s string) (string, bool) { return strings.ToLower(strings.TrimSpace(s)), strings.Contains(s, "@") }),
		strftime(), decimalFunction(),
	}
}

func strftime() function.Function {
	return function.Function{
		Name: "strftime", Summary: "For tests.", Types: []any{new(func(time.Time, string) string)},
		Call: func(a ...any) (any, error) { return a[0].(time.Time).Format(a[1].(string)), nil },
		Prepare: func(a []any) (function.Fast, error) {
			layout := a[1].(string)
			return function.Fast{FromTime: func(dst []byte, us int64, loc *time.Location) ([]byte, error) {
				return time.UnixMicro(us).In(loc).AppendFormat(dst, layout), nil
			}}, nil
		},
	}
}

func decimalFunction() function.Function {
	parse := func(s []byte) (record.DecimalValue, bool, error) {
		if len(s) == 0 {
			return record.DecimalValue{}, false, nil
		}
		d, err := record.ParseDecimal(s, true)
		return d, true, err
	}
	return function.Function{
		Name: "decimal", Summary: "For tests.", Types: []any{new(func(string) *record.DecimalValue)},
		Call: func(a ...any) (any, error) {
			d, ok, err := parse([]byte(a[0].(string)))
			if !ok || err != nil {
				return nil, err
			}
			return d, nil
		},
		Prepare: func([]any) (function.Fast, error) { return function.Fast{Dec: parse}, nil },
	}
}
