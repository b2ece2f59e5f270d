package graph

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// build makes a graph from edges such as "a>b"; a word alone is a node.
func build(t testing.TB, words ...string) *Graph {
	t.Helper()
	g := &Graph{}
	for _, w := range words {
		from, to, edge := strings.Cut(w, ">")
		for _, id := range []string{from, to} {
			if _, ok := g.Node(id); !ok && id != "" {
				g.Add(Node{ID: id})
			}
		}
		if edge {
			if err := g.Connect(Edge{From: from, To: to}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return g
}

func TestOrder(t *testing.T) {
	for _, tt := range []struct{ edges, want string }{
		{"", ""},
		{"a", "a"},
		{"b>c a>b", "a b c"},
		{"z y x", "z y x"},
		{"s>a s>b a>e b>e d>e", "s a b d e"},
	} {
		got, err := build(t, strings.Fields(tt.edges)...).Order()
		if err != nil || strings.Join(got, " ") != tt.want {
			t.Errorf("%q: %v, %v; want %s", tt.edges, got, err, tt.want)
		}
	}
}

func TestCycles(t *testing.T) {
	for _, tt := range []struct {
		edges string
		want  [][]string
	}{
		{"a>b b>c a>c", nil},
		{"a>a", [][]string{{"a"}}},
		{"x>a a>b b>c c>a c>d", [][]string{{"a", "b", "c"}}},
		{"a>b b>a c>d d>c b>c", [][]string{{"a", "b"}, {"c", "d"}}},
		{"a>b b>a b>c c>b", [][]string{{"a", "b", "c"}}},
	} {
		g := build(t, strings.Fields(tt.edges)...)
		if d := cmp.Diff(tt.want, g.Cycles()); d != "" {
			t.Errorf("%q:\n%s", tt.edges, d)
		}
		_, err := g.Order()
		var ce *CycleError
		if errors.As(err, &ce) != (tt.want != nil) {
			t.Errorf("%q: Order returned %v", tt.edges, err)
		}
	}
}

func TestCycleErrorNamesMembers(t *testing.T) {
	_, err := build(t, "a>b", "b>c", "c>a", "d>d").Order()
	want := "the graph has a cycle: a -> b -> c -> a; d -> d"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestReach(t *testing.T) {
	g := build(t, "a>b", "b>c", "d>c", "e")
	if d := cmp.Diff(map[string]bool{"b": true, "c": true, "e": true}, g.Reach("b", "e", "unknown")); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(map[string]bool{"a": true, "b": true, "c": true, "d": true}, g.ReachBack("c")); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"b", "d"}, g.Predecessors("c")); d != "" {
		t.Error(d)
	}
	if got := g.Successors("nobody"); got != nil {
		t.Error(got)
	}
}

func TestConnect(t *testing.T) {
	g := build(t, "a", "b")
	if err := g.Connect(Edge{From: "a", To: "x"}); err == nil || !strings.Contains(err.Error(), `"x"`) {
		t.Errorf("dangling edge: %v", err)
	}
	for range 2 {
		if err := g.Connect(Edge{From: "a", To: "b"}); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(g.Edges()); n != 1 {
		t.Errorf("%d edges, want 1", n)
	}
	g.Add(Node{ID: "a", Note: "new"})
	if n, _ := g.Node("a"); n.Note != "new" || len(g.Nodes()) != 2 || len(g.Successors("a")) != 1 {
		t.Errorf("replacing a node: %+v", g)
	}
}

func TestDiff(t *testing.T) {
	old, now := build(t, "a>b", "b>c"), build(t, "b>d", "a>b")
	now.Add(Node{ID: "b", Note: "changed"})
	want := Difference{
		Added: []Node{{ID: "d"}}, Removed: []Node{{ID: "c"}}, Changed: []Node{{ID: "b", Note: "changed"}},
		AddedEdges: []Edge{{From: "b", To: "d"}}, RemovedEdges: []Edge{{From: "b", To: "c"}},
	}
	if d := cmp.Diff(want, now.Diff(old)); d != "" {
		t.Error(d)
	}
	if !old.Diff(build(t, "b>c", "a>b")).Empty() {
		t.Error("order must not count")
	}
}

func TestDeepGraph(t *testing.T) {
	g := &Graph{}
	const n = 100_000
	for i := range n {
		g.Add(Node{ID: fmt.Sprint(i)})
	}
	for i := range n {
		if err := g.Connect(Edge{From: fmt.Sprint(i), To: fmt.Sprint((i + 1) % n)}); err != nil {
			t.Fatal(err)
		}
	}
	if c := g.Cycles(); len(c) != 1 || len(c[0]) != n {
		t.Errorf("%d cycles", len(c))
	}
}

// anyGraph draws a graph of up to 12 nodes with any edges, cycles included.
func anyGraph(t *rapid.T) *Graph {
	g := &Graph{}
	n := rapid.IntRange(1, 12).Draw(t, "nodes")
	for i := range n {
		g.Add(Node{ID: fmt.Sprint(i), Kind: "map", Note: strings.Repeat("x", rapid.IntRange(0, 60).Draw(t, "note"))})
	}
	for range rapid.IntRange(0, 24).Draw(t, "edges") {
		e := Edge{
			From: fmt.Sprint(rapid.IntRange(0, n-1).Draw(t, "from")), To: fmt.Sprint(rapid.IntRange(0, n-1).Draw(t, "to")),
			Label: rapid.SampledFrom([]string{"", "", "yes"}).Draw(t, "label"),
		}
		if err := g.Connect(e); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

func TestOrderAndCyclesAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := anyGraph(t)
		order, err := g.Order()
		inCycle := map[string]bool{}
		for _, c := range g.Cycles() {
			for _, id := range c {
				if inCycle[id] {
					t.Fatalf("%s is in two cycles", id)
				}
				inCycle[id] = true
			}
		}
		for _, n := range g.Nodes() {
			back := g.Reach(g.Successors(n.ID)...)[n.ID]
			if back != inCycle[n.ID] {
				t.Fatalf("%s reaches itself: %v, named in a cycle: %v", n.ID, back, inCycle[n.ID])
			}
		}
		if (err != nil) != (len(inCycle) > 0) {
			t.Fatalf("Order: %v, cycles: %v", err, inCycle)
		}
		for _, e := range g.Edges() {
			if err == nil && slices.Index(order, e.From) >= slices.Index(order, e.To) {
				t.Fatalf("%v is against the order %v", e, order)
			}
		}
	})
}
