package graph

import (
	"slices"
	"sort"
)

// intHeap is a queue that gives the smallest number first.
type intHeap struct{ sort.IntSlice }

// Push implements heap.Interface.
func (h *intHeap) Push(x any) { h.IntSlice = append(h.IntSlice, x.(int)) }

// Pop implements heap.Interface.
func (h *intHeap) Pop() any {
	last := len(h.IntSlice) - 1
	x := h.IntSlice[last]
	h.IntSlice = h.IntSlice[:last]
	return x
}

// Cycles returns, for every set of nodes that can reach one another, all its
// members: in the order of a walk along the edges as far as one goes, starting
// at the one added first. A node with an edge to itself is a cycle of one.
func (g *Graph) Cycles() [][]string {
	var cycles [][]string
	for _, comp := range g.components() {
		if len(comp) > 1 || g.loops(comp[0]) {
			cycles = append(cycles, g.walk(comp))
		}
	}
	return cycles
}

func (g *Graph) loops(i int) bool {
	for _, k := range g.out[i] {
		if g.edges[k].To == g.nodes[i].ID {
			return true
		}
	}
	return false
}

// walk orders the members of a component along its edges, depth first.
func (g *Graph) walk(comp []int) []string {
	member := make(map[int]bool, len(comp))
	for _, i := range comp {
		member[i] = true
	}
	var order []string
	stack := []int{slices.Min(comp)}
	for len(stack) > 0 {
		i := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if !member[i] {
			continue
		}
		member[i] = false
		order = append(order, g.nodes[i].ID)
		for _, k := range slices.Backward(g.out[i]) {
			stack = append(stack, g.index[g.edges[k].To])
		}
	}
	return order
}

// components returns the strongly connected components (Tarjan), ordered by
// their first member. It keeps its own stack, so that the depth of a graph is
// bounded by memory alone.
func (g *Graph) components() [][]int {
	t := tarjan{g: g, number: make([]int, len(g.nodes)), low: make([]int, len(g.nodes)), on: make([]bool, len(g.nodes))}
	for i := range g.nodes {
		if t.number[i] == 0 {
			t.visit(i)
		}
	}
	slices.SortFunc(t.found, func(a, b []int) int { return slices.Min(a) - slices.Min(b) })
	return t.found
}

type tarjan struct {
	g           *Graph
	next        int
	number, low []int // 0 is "not visited"
	on          []bool
	stack       []int
	found       [][]int
}

type frame struct{ node, edge int }

func (t *tarjan) visit(root int) {
	frames := []frame{t.enter(root)}
	for len(frames) > 0 {
		f := &frames[len(frames)-1]
		out := t.g.out[f.node]
		if f.edge < len(out) {
			to := t.g.index[t.g.edges[out[f.edge]].To]
			f.edge++
			if t.number[to] == 0 {
				frames = append(frames, t.enter(to))
			} else if t.on[to] {
				t.low[f.node] = min(t.low[f.node], t.number[to])
			}
			continue
		}
		done := f.node
		frames = frames[:len(frames)-1]
		if len(frames) > 0 {
			up := frames[len(frames)-1].node
			t.low[up] = min(t.low[up], t.low[done])
		}
		t.close(done)
	}
}

func (t *tarjan) enter(i int) frame {
	t.next++
	t.number[i], t.low[i], t.on[i] = t.next, t.next, true
	t.stack = append(t.stack, i)
	return frame{node: i}
}

// close takes the component of i off the stack when i is its root.
func (t *tarjan) close(i int) {
	if t.low[i] != t.number[i] {
		return
	}
	at := len(t.stack) - 1
	for t.stack[at] != i {
		at--
	}
	comp := slices.Clone(t.stack[at:])
	t.stack = t.stack[:at]
	for _, j := range comp {
		t.on[j] = false
	}
	t.found = append(t.found, comp)
}
