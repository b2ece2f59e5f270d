package plan

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/hashicorp/hcl/v2"
	"pgregory.net/rapid"

	"weir/engine/spec"
)

// drawValues draws values as blocks have them.
func drawValues(rt *rapid.T) []spec.Value {
	text := rapid.SampledFrom([]string{"", "a", "path", "fields.total", "é", "false", "a long text that says something of its own"})
	pos := rapid.Custom(func(rt *rapid.T) hcl.Pos {
		n := rapid.IntRange(0, 1<<20)
		return hcl.Pos{Line: n.Draw(rt, "line"), Column: n.Draw(rt, "column"), Byte: n.Draw(rt, "byte")}
	})
	var out []spec.Value
	var last hcl.Range
	for range rapid.IntRange(0, 20).Draw(rt, "values") {
		v := spec.Value{Name: text.Draw(rt, "name"), Text: text.Draw(rt, "text"), Unset: rapid.Bool().Draw(rt, "unset"), Prose: rapid.Bool().Draw(rt, "prose")}
		switch rapid.IntRange(0, 3).Draw(rt, "range") {
		case 0:
		case 1:
			v.Range = last
		default:
			v.Range = hcl.Range{Filename: rapid.SampledFrom([]string{"", "a.hcl", "b.hcl"}).Draw(rt, "file"), Start: pos.Draw(rt, "start"), End: pos.Draw(rt, "end")}
			last = v.Range
		}
		if rapid.IntRange(0, 9).Draw(rt, "reference") == 0 {
			v.Ref = &spec.Ref{Name: "r"}
		}
		out = append(out, v)
	}
	return out
}

// TestPacked checks that values come out of a plan as they went in, and that equal ones are one.
func TestPacked(t *testing.T) {
	c := newCache()
	same := cmp.Options{cmpopts.IgnoreUnexported(spec.Value{}), cmpopts.EquateEmpty()}
	rapid.Check(t, func(rt *rapid.T) {
		vs := drawValues(rt)
		p := c.pack(vs)
		if d := cmp.Diff(vs, p.list(nil), same); d != "" {
			rt.Fatal(d)
		}
		if again := c.pack(vs); again != p && len(p.whole) == 0 {
			rt.Fatal("equal values are packed twice")
		}
	})
}
