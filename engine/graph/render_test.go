package graph

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// connector is a graph with all that a picture has to show: a branch, a long
// edge, two sources, refused rows, odd and long texts.
func connector(t testing.TB) *Graph {
	t.Helper()
	g := &Graph{Title: "acme_srs.purchases"}
	for _, n := range []Node{
		{ID: "source.files", Kind: "source", Label: "ftp files", Note: "/srs/verkopen_*.csv", Tip: "ready: stable 30s"},
		{ID: "source.returns", Kind: "source", Label: "ftp returns", Note: "/srs/retouren_*.csv"},
		{ID: "decode.csv", Kind: "decode", Label: "csv", Note: "11 columns"},
		{ID: "decode.csv2", Kind: "decode", Label: "csv", Note: "9 columns"},
		{ID: "map.line", Kind: "map", Label: "line"},
		{ID: "group.order", Kind: "group", Label: "order", Note: "by order_id, within object"},
		{ID: "filter.no_customer", Kind: "filter", Label: "no_customer", Note: `drop number == "" & email < nil`},
		{ID: "map.se", Kind: "map", Label: "swedish"},
		{ID: "map.other", Kind: "map", Label: "other"},
		{ID: "dedupe.order", Kind: "dedupe", Label: "order"},
		{ID: "sink.activate", Kind: "sink", Label: "rest activate", Note: "POST /v1/track with a path that is much longer than any box should be"},
		{ID: "dead_letter", Kind: "dead_letter", Label: "dead letter", Note: "limit 1%"},
	} {
		g.Add(n)
	}
	for _, e := range []Edge{
		{From: "source.files", To: "decode.csv"}, {From: "source.returns", To: "decode.csv2"},
		{From: "decode.csv", To: "map.line"}, {From: "decode.csv2", To: "map.line"},
		{From: "map.line", To: "group.order"}, {From: "group.order", To: "filter.no_customer"},
		{From: "filter.no_customer", To: "map.se", Label: "country == 'SE'"},
		{From: "filter.no_customer", To: "map.other", Label: "otherwise"},
		{From: "map.se", To: "dedupe.order"}, {From: "map.other", To: "dedupe.order"},
		{From: "dedupe.order", To: "sink.activate"},
		{From: "decode.csv", To: "dead_letter", Aside: true},
		{From: "sink.activate", To: "dead_letter", Aside: true},
	} {
		if err := g.Connect(e); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

func TestGoldenPictures(t *testing.T) {
	cyclic := build(t, "a>b", "b>c", "c>a", "c>c", "c>d")
	for _, f := range Formats() {
		var b bytes.Buffer
		if err := Render(&b, Format(f), connector(t), cyclic); err != nil {
			t.Fatal(err)
		}
		name := filepath.Join("testdata", "connector."+f)
		if *update {
			if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), b.String()); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

func TestUnknownFormat(t *testing.T) {
	err := Render(io.Discard, "png")
	if err == nil || !strings.Contains(err.Error(), "mermaid, dot, svg") {
		t.Errorf("got %v", err)
	}
}

// wellFormed reads all of an XML document.
func wellFormed(doc []byte) error {
	d := xml.NewDecoder(bytes.NewReader(doc))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func TestTextsAreEscaped(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String()
		g := &Graph{Title: text.Draw(t, "title")}
		g.Add(Node{ID: "a", Kind: text.Draw(t, "kind"), Label: text.Draw(t, "label"), Note: text.Draw(t, "note"), Tip: text.Draw(t, "tip")})
		g.Add(Node{ID: "b"})
		if err := g.Connect(Edge{From: "a", To: "b", Label: text.Draw(t, "edge")}); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := SVG(&b, g); err != nil {
			t.Fatal(err)
		}
		if err := wellFormed(b.Bytes()); err != nil {
			t.Fatalf("%v in\n%s", err, b.String())
		}
		b.Reset()
		if err := Mermaid(&b, g); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			if strings.Count(line, `"`)%2 != 0 {
				t.Fatalf("unbalanced quotes in %q", line)
			}
		}
	})
}

func TestDOTEscapes(t *testing.T) {
	g := &Graph{}
	g.Add(Node{ID: `a"b\c`, Note: "x\ny"})
	var b bytes.Buffer
	if err := DOT(&b, g); err != nil {
		t.Fatal(err)
	}
	if want := `label="a\"b\\c\nx\ny"`; !strings.Contains(b.String(), want) {
		t.Errorf("%s is missing in\n%s", want, b.String())
	}
}

// In every layout boxes keep apart, every edge leads down and every node is on the picture.
func TestLayoutProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := anyGraph(t)
		l := newLayout(g, boxSize)
		for _, layer := range l.layers {
			for i := 1; i < len(layer); i++ {
				a, b := l.vs[layer[i-1]], l.vs[layer[i]]
				if a.x+a.w/2+bendGap > b.x-b.w/2+0.001 {
					t.Fatalf("vertices %d and %d are too near", layer[i-1], layer[i])
				}
			}
		}
		for k, route := range l.routes {
			for i := 1; i < len(route); i++ {
				a, b := l.vs[route[i-1]], l.vs[route[i]]
				if b.layer != a.layer+1 || a.y+a.h > b.y {
					t.Fatalf("edge %v does not lead down", g.edges[k])
				}
			}
		}
		for i, v := range l.vs {
			if v.x-v.w/2 < -0.001 || v.x+v.w/2 > l.w+0.001 || v.y < 0 || v.y+v.h > l.h+0.001 {
				t.Fatalf("vertex %d is outside", i)
			}
		}
	})
}

func TestCrossingsAreRemoved(t *testing.T) {
	// A tree and its mirror can be drawn without crossings, whatever the order of nodes.
	g := build(t, "r>a", "r>b", "r>c", "f", "e", "d", "c>f", "b>e", "a>d", "d>z", "e>z", "f>z")
	l := newLayout(g, boxSize)
	place := make([]float64, len(l.vs))
	for i, v := range l.vs {
		place[i] = v.x
	}
	if n := l.crossings(place); n != 0 {
		t.Errorf("%d crossings", n)
	}
}

func TestStraightPipelineIsStraight(t *testing.T) {
	g := build(t, "source>decode", "decode>map", "map>sink")
	for _, v := range newLayout(g, boxSize).vs {
		if v.x != boxMin/2 {
			t.Errorf("x = %v, want %v", v.x, boxMin/2)
		}
	}
}

func TestFit(t *testing.T) {
	for _, s := range []string{"", "short", strings.Repeat("é名m", 40)} {
		got := fit(s, 11, 150)
		if measure(got, 11) > 150 {
			t.Errorf("%q is too wide", got)
		}
		if s == "short" && got != s {
			t.Errorf("%q was shortened to %q", s, got)
		}
	}
}

func BenchmarkSVG(b *testing.B) {
	g := connector(b)
	for b.Loop() {
		if err := SVG(io.Discard, g); err != nil {
			b.Fatal(err)
		}
	}
}
