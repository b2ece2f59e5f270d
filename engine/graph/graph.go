// Package graph is a directed graph with names for nodes: topological order,
// cycles, reachability, difference, and pictures (Mermaid, DOT, SVG).
//
// Everything is deterministic: the order in which nodes and edges were added
// decides wherever the structure leaves a choice. A Graph is not safe for
// concurrent use while it is being built; afterwards it is only read.
package graph

import (
	"container/heap"
	"fmt"
	"slices"
	"strings"
)

// Node is one box of the graph.
type Node struct {
	ID    string // unique within the graph, such as "source.files"
	Kind  string // one word that decides the look: "source", "decode", "map", "sink", ...
	Label string // what to call it; ID when empty
	Note  string // a second, smaller line, such as a path; may be empty
	Tip   string // more words, shown on hovering; may be empty
}

// Edge leads from one node to another.
type Edge struct {
	From, To string
	Label    string // such as a condition; may be empty
	Aside    bool   // not the main stream: refused rows, references; drawn dashed
}

// Graph is a set of nodes and edges. The zero value is an empty graph.
type Graph struct {
	Title string // shown above the picture; may be empty

	nodes []Node
	edges []Edge
	index map[string]int
	out   [][]int // edge numbers by node
	in    [][]int
}

// Add adds n. A node that is there already is replaced and keeps its edges.
func (g *Graph) Add(n Node) {
	if i, ok := g.index[n.ID]; ok {
		g.nodes[i] = n
		return
	}
	if g.index == nil {
		g.index = map[string]int{}
	}
	g.index[n.ID] = len(g.nodes)
	g.nodes = append(g.nodes, n)
	g.out = append(g.out, nil)
	g.in = append(g.in, nil)
}

// Connect adds e. Both ends must have been added; an error names the one that
// was not. An edge that is there already, label included, is not added again.
func (g *Graph) Connect(e Edge) error {
	for _, id := range []string{e.From, e.To} {
		if _, ok := g.index[id]; !ok {
			return fmt.Errorf("there is no node %q", id)
		}
	}
	from, to := g.index[e.From], g.index[e.To]
	for _, k := range g.out[from] {
		if g.edges[k] == e {
			return nil
		}
	}
	k := len(g.edges)
	g.edges = append(g.edges, e)
	g.out[from] = append(g.out[from], k)
	g.in[to] = append(g.in[to], k)
	return nil
}

// Node returns the node called id and whether there is one.
func (g *Graph) Node(id string) (Node, bool) {
	i, ok := g.index[id]
	if !ok {
		return Node{}, false
	}
	return g.nodes[i], true
}

// Nodes returns the nodes as they were added.
func (g *Graph) Nodes() []Node { return slices.Clone(g.nodes) }

// Edges returns the edges as they were added.
func (g *Graph) Edges() []Edge { return slices.Clone(g.edges) }

// Predecessors returns the nodes with an edge to id, each once, in the order of the edges.
func (g *Graph) Predecessors(id string) []string {
	return g.ends(id, g.in, func(e Edge) string { return e.From })
}

// Successors returns the nodes with an edge from id, each once, in the order of the edges.
func (g *Graph) Successors(id string) []string {
	return g.ends(id, g.out, func(e Edge) string { return e.To })
}

func (g *Graph) ends(id string, by [][]int, end func(Edge) string) []string {
	i, ok := g.index[id]
	if !ok {
		return nil
	}
	var ids []string
	for _, k := range by[i] {
		if to := end(g.edges[k]); !slices.Contains(ids, to) {
			ids = append(ids, to)
		}
	}
	return ids
}

// CycleError tells that a graph has no topological order.
type CycleError struct {
	Cycles [][]string // each cycle's members, see Graph.Cycles
}

// Error names the members of every cycle.
func (e *CycleError) Error() string {
	parts := make([]string, len(e.Cycles))
	for i, c := range e.Cycles {
		parts[i] = strings.Join(append(slices.Clone(c), c[0]), " -> ")
	}
	return "the graph has a cycle: " + strings.Join(parts, "; ")
}

// Order returns every node after all its predecessors; of nodes that could
// both come next, the one added first. The error is a *CycleError.
func (g *Graph) Order() ([]string, error) {
	waiting := make([]int, len(g.nodes))
	ready := &intHeap{}
	for i := range g.nodes {
		if waiting[i] = len(g.in[i]); waiting[i] == 0 {
			heap.Push(ready, i)
		}
	}
	order := make([]string, 0, len(g.nodes))
	for ready.Len() > 0 {
		i := heap.Pop(ready).(int)
		order = append(order, g.nodes[i].ID)
		for _, k := range g.out[i] {
			to := g.index[g.edges[k].To]
			if waiting[to]--; waiting[to] == 0 {
				heap.Push(ready, to)
			}
		}
	}
	if len(order) < len(g.nodes) {
		return nil, &CycleError{Cycles: g.Cycles()}
	}
	return order, nil
}

// Reach returns the nodes that can be reached from the given ones, themselves included.
func (g *Graph) Reach(from ...string) map[string]bool {
	return g.reach(from, g.out, func(e Edge) string { return e.To })
}

// ReachBack returns the nodes from which the given ones can be reached, themselves included.
func (g *Graph) ReachBack(from ...string) map[string]bool {
	return g.reach(from, g.in, func(e Edge) string { return e.From })
}

func (g *Graph) reach(from []string, by [][]int, end func(Edge) string) map[string]bool {
	seen := map[string]bool{}
	stack := slices.Clone(from)
	for len(stack) > 0 {
		id := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		i, ok := g.index[id]
		if !ok || seen[id] {
			continue
		}
		seen[id] = true
		for _, k := range by[i] {
			stack = append(stack, end(g.edges[k]))
		}
	}
	return seen
}

// Difference is what changed from one graph to another.
type Difference struct {
	Added, Removed, Changed  []Node // Changed holds the new nodes
	AddedEdges, RemovedEdges []Edge
}

// Empty reports whether nothing changed.
func (d Difference) Empty() bool {
	return len(d.Added)+len(d.Removed)+len(d.Changed)+len(d.AddedEdges)+len(d.RemovedEdges) == 0
}

// Diff returns what changed from old to g, nodes matched by ID. Order does not count.
func (g *Graph) Diff(old *Graph) Difference {
	var d Difference
	for _, n := range g.nodes {
		if was, ok := old.Node(n.ID); !ok {
			d.Added = append(d.Added, n)
		} else if was != n {
			d.Changed = append(d.Changed, n)
		}
	}
	for _, n := range old.nodes {
		if _, ok := g.index[n.ID]; !ok {
			d.Removed = append(d.Removed, n)
		}
	}
	d.AddedEdges = missingEdges(g, old)
	d.RemovedEdges = missingEdges(old, g)
	return d
}

// missingEdges returns the edges of a that b lacks.
func missingEdges(a, b *Graph) []Edge {
	has := make(map[Edge]bool, len(b.edges))
	for _, e := range b.edges {
		has[e] = true
	}
	var out []Edge
	for _, e := range a.edges {
		if !has[e] {
			out = append(out, e)
		}
	}
	return out
}
