package sample_test

import (
	"context"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2/hclparse"

	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/sample"
	"weir/plugins/csv"
)

// rejects reads text with the decoder that p proposes, and returns what it refuses.
func rejects(t *testing.T, p *sample.Proposal, text string) (rows int, out []string) {
	t.Helper()
	f, hd := hclparse.NewParser().ParseHCL([]byte(p.HCL()), "t.hcl")
	if hd.HasErrors() {
		t.Fatalf("%v\n%s", hd, p.HCL())
	}
	blocks, _, hd := f.Body.PartialContent(blockSchema())
	if hd.HasErrors() || len(blocks.Blocks) != 1 {
		t.Fatal(hd)
	}
	d := csv.Plugin().Decoder()
	at, ds := d.Spec().Decode(blocks.Blocks[0].Body, nil)
	ds = append(ds, d.Check(at)...)
	s, bd := d.Bind(at)
	if ds = append(ds, bd...); ds.HasErrors() {
		t.Fatalf("%v\n%s", ds.Err(), p.HCL())
	}
	want := make([]record.Slot, s.Len())
	for i := range want {
		want[i] = record.Slot(i)
	}
	r, err := d.Open(context.Background(), plugin.Object{Name: "t", Size: int64(len(text)), Body: strings.NewReader(text)}, want)
	if err != nil {
		t.Fatalf("%v\n%s", err, p.HCL())
	}
	var c plugin.Chunk
	var b record.Batch
	for r.Split(t.Context(), &c, 1<<20) == nil {
		if err := r.Parse(t.Context(), &c, &b); err != nil {
			t.Fatal(err)
		}
		rows += b.N
		for _, x := range b.Rejects {
			out = append(out, x.Column+": "+x.Reason)
		}
	}
	return rows, out
}

func TestProposalReadsItsSample(t *testing.T) {
	for name, text := range map[string]string{
		"comma":           "id,name,when\n1,Ann,2024-01-02\n2,\"B, C\",2024-01-03\n",
		"tab":             "id\tamount\n1\t1.50\n2\t2\n",
		"bar, CRLF":       "id|d\r\n1|2024-01-02T10:00:00\r\n2|2024-01-02T11:00:00\r\n",
		"western charset": "name;city\nJos\xe9;K\xf6ln\nAnn;Paris\n",
		"byte order mark": "\ufeffid;n\n1;2\n",
		"odd names":       "Nr.;Nr;É;2nd;'q'\n1;2;3;4;5\n2;3;4;5;6\n",
		"days and months": "a;b\n13-01-2024;01/25/2024\n01-02-2024;02/03/2024\n",
		"digits as days":  "d\n20240131\n20240201\n20231201\n",
		"null words":      "a;b\nNULL;1\n5;-\n",
		"trailing":        "a;b;\n1;2;\n3;4;\n",
		"bools":           "a;b\nja;Y\nnee;N\n",
		"offsets":         "at\n2024-07-01T12:00:00+02:00\n2024-07-01T12:00:00Z\n",
	} {
		t.Run(name, func(t *testing.T) {
			p, err := sample.Propose(strings.NewReader(text), sample.Options{})
			if err != nil {
				t.Fatal(err)
			}
			rows, refused := rejects(t, p, text)
			if len(refused) > 0 || rows != p.Rows || rows < 1 {
				t.Errorf("%d rows of %d, refused %q\n%s", rows, p.Rows, refused, p.HCL())
			}
		})
	}
}

func TestTypes(t *testing.T) {
	text := "zip;n;price;both;day;us;stamp;flag;note\n" +
		"0123;1;1,50;1.000;13-01-2024;01/25/2024;2024-01-02 10:00:00;true;x\n" +
		"4567;20;2;2.000;01-02-2024;02/03/2024;2024-01-02 11:00:00;false;7\n"
	p, err := sample.Propose(strings.NewReader(text), sample.Options{Timezone: "Europe/Paris"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"text", "int", "decimal comma", "decimal comma", "date '%d-%m-%Y'", "date '%m/%d/%Y'", "datetime '%Y-%m-%d %H:%M:%S' Europe/Paris", "bool true false", "text"}
	for i, c := range p.Columns {
		if c.Declaration != want[i] {
			t.Errorf("%s: got %s, want %s", c.Name, c.Declaration, want[i])
		}
	}
}

func TestNoTable(t *testing.T) {
	for _, text := range []string{"", "  \n\n", "no line end"} {
		if p, err := sample.Propose(strings.NewReader(text), sample.Options{}); err == nil {
			t.Errorf("%q gave %+v", text, p)
		}
	}
}
