package step

import (
	"testing"

	"github.com/hashicorp/hcl/v2"

	"weir/engine/record"
	"weir/engine/spec"
)

func mapping(lines ...string) references {
	var nts []spec.NamedText
	for i := 0; i < len(lines); i += 2 {
		nts = append(nts, spec.NamedText{Name: lines[i], Text: spec.Text{S: lines[i+1], Range: hcl.Range{Filename: "test.hcl", Start: hcl.InitialPos, End: hcl.InitialPos}}})
	}
	return references{"base": {Kind: "mapping", Name: "base", Value: nts}}
}

func TestMap(t *testing.T) {
	in := schema("a string", "n int", "b string?")
	tests := []struct{ name, src, names, row string }{
		{"computed and passed", `fields = { x = "upper(a)", y = "b" }`, "x y", "HI|~"},
		{"kept before computed", `fields = { x = "n + 1" }
			keep = ["b", "a"]`, "b a x", "~|hi|8"},
		{"all kept, one replaced in place", `fields = { n = "n * 2" }
			keep = "*"`, "a n b", "hi|14|~"},
		{"own lines win in place", `extends = base
			fields = { second = "'own'", third = "n" }`, "first second third", "hi|own|7"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := bind(t, "map", in, tt.src, mapping("first", "a", "second", "'base'"))
			got := ""
			for _, n := range s.Out().Names() {
				got += " " + n
			}
			if got != " "+tt.names {
				t.Errorf("fields%s, want %s", got, tt.names)
			}
			want(t, "rows", start(t, s, Env{}).object(table(in, 1, "hi|7|~")).rows, []string{tt.row})
		})
	}
}

func TestMapDiagnostics(t *testing.T) {
	in := record.NewSchema(append(schema("email string", "name string").Fields(), record.Field{Name: "meta", Hidden: true, Type: record.ObjectOf(nil)}))
	tests := []struct {
		name, src string
		texts     []string
	}{
		{"nothing", ``, []string{"config.missing_attribute", "no fields"}},
		{"unknown kept field", `keep = ["emial"]`, []string{"plan.unknown_field", `Did you mean "email"?`}},
		{"hidden kept field", `keep = ["meta"]`, []string{"plan.unknown_field"}},
		{"kept twice", `keep = ["name", "name"]`, []string{"plan.duplicate_field"}},
		{"kept and computed", `keep = ["name"]
			fields = { name = "upper(name)" }`, []string{"both kept and computed"}},
		{"star among names", `keep = ["*", "name"]`, []string{"stands alone"}},
		{"reserved", `fields = { meta = "name" }`, []string{"plan.reserved_name"}},
		{"bad expressions are all reported", `fields = { x = "nam", y = "emal" }`, []string{"nam", "emal"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, ds := problems(t, "map", in, tt.src, nil)
			mustMention(t, ds, tt.texts...)
		})
	}
}

func TestMapRejectsRowsThatFail(t *testing.T) {
	in := schema("a string", "n int")
	s := bind(t, "map", in, `fields = { x = "int(a)", y = "n" }`, nil)
	r := start(t, s, Env{}).object(table(in, 10, "1|1", "x|2", "3|3"))
	want(t, "rows", r.rows, []string{"1|1", "3|3"})
	if len(r.rejects) != 1 || r.rejects[0][:7] != "row 11:" {
		t.Errorf("rejects %q", r.rejects)
	}
}

func TestMapSharesPlainFields(t *testing.T) {
	in := record.NewSchema(append(schema("a string", "n int").Fields(), record.Field{Name: "meta", Hidden: true, Type: record.ObjectOf([]record.Field{{Name: "row", Type: record.Of(record.Int)}})}))
	s := bind(t, "map", in, `fields = { x = "a" }`, nil)
	if got := s.Reads([]record.Slot{0}); len(got) != 1 || got[0] != 0 {
		t.Errorf("reads %v, want only a", got)
	}
	if got := s.Reads([]record.Slot{0, 1}); len(got) != 2 || got[1] != 2 {
		t.Errorf("reads %v, want a and meta", got)
	}
	b := &record.Batch{}
	b.Reset(in, 1)
	b.Cols[0].SetString(0, []byte("text"))
	run := s.New(Env{}, []record.Slot{0, 1})
	out, err := run.Apply(t.Context(), b, &Tally{})
	if err != nil || &out.Cols[0].Data[0] != &b.Cols[0].Data[0] {
		t.Errorf("the text was copied (%v)", err)
	}
	if f := out.Schema.Fields()[1]; f.Name != "meta" || !f.Hidden {
		t.Errorf("the hidden field became %+v", f)
	}
	ctx, tally := t.Context(), &Tally{}
	if n := testing.AllocsPerRun(20, func() { _, _ = run.Apply(ctx, b, tally) }); n != 0 {
		t.Errorf("%v allocations a batch, want none", n)
	}
}
