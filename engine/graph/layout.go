package graph

import (
	"cmp"
	"slices"
)

// layout places the nodes of a graph in layers from top to bottom (Sugiyama):
// edges that close a cycle are turned, every node goes below its predecessors,
// long edges get a bend in each layer they pass, layers are sorted until edges
// cross as little as found, and then everything moves as near to the middle of
// its neighbours as the boxes beside it allow.
type layout struct {
	g      *Graph
	turned []bool   // by edge: drawn against its direction, because it closes a cycle
	vs     []vertex // the nodes first, in their order, then the bends
	layers [][]int  // vertices, left to right
	routes [][]int  // by edge: the vertices it passes from top to bottom; nil for an edge to itself
	down   [][]link // by vertex: its neighbours one layer below
	up     [][]link
	w, h   float64 // of the whole
}

// vertex is a box or, for a long edge, a bend. x is its middle, y its top.
type vertex struct {
	layer      int
	bend       bool
	x, y, w, h float64
}

// link is a neighbour in the next layer, and how much the two want to stand in line.
type link struct {
	to     int
	weight float64
}

const (
	boxGap   = 28.0 // between boxes of one layer
	bendGap  = 16.0 // beside a bend
	layerGap = 44.0
	labelGap = 18.0 // more of it, when edges carry words
	bendW    = 4.0
)

// newLayout lays g out; size tells the size of each node's box.
func newLayout(g *Graph, size func(Node) (w, h float64)) *layout {
	l := &layout{g: g, turned: make([]bool, len(g.edges)), routes: make([][]int, len(g.edges))}
	for _, n := range g.nodes {
		w, h := size(n)
		l.vs = append(l.vs, vertex{w: w, h: h})
	}
	l.turnCycles()
	l.assignLayers()
	l.addBends()
	l.sortLayers()
	l.placeY()
	l.placeX()
	return l
}

// ends returns the vertices of edge k from top to bottom.
func (l *layout) ends(k int) (from, to int) {
	e := l.g.edges[k]
	from, to = l.g.index[e.From], l.g.index[e.To]
	if l.turned[k] {
		return to, from
	}
	return from, to
}

// turnCycles marks the edges that lead back to a node on the way of a depth-first walk.
func (l *layout) turnCycles() {
	const unseen, open, done = 0, 1, 2
	state := make([]int, len(l.g.nodes))
	for root := range l.g.nodes {
		if state[root] != unseen {
			continue
		}
		state[root] = open
		frames := []frame{{node: root}}
		for len(frames) > 0 {
			f := &frames[len(frames)-1]
			out := l.g.out[f.node]
			if f.edge == len(out) {
				state[f.node] = done
				frames = frames[:len(frames)-1]
				continue
			}
			k := out[f.edge]
			f.edge++
			to := l.g.index[l.g.edges[k].To]
			switch state[to] {
			case open:
				l.turned[k] = true
			case unseen:
				state[to] = open
				frames = append(frames, frame{node: to})
			}
		}
	}
}

// neighbours returns, by node, the edges downwards and upwards, those to itself left out.
func (l *layout) neighbours() (down, up [][]int) {
	down, up = make([][]int, len(l.g.nodes)), make([][]int, len(l.g.nodes))
	for k := range l.g.edges {
		if from, to := l.ends(k); from != to {
			down[from] = append(down[from], to)
			up[to] = append(up[to], from)
		}
	}
	return down, up
}

// assignLayers puts each node below its predecessors, and then nodes with more
// ways out than in as low as they can go, which shortens edges.
func (l *layout) assignLayers() {
	down, up := l.neighbours()
	waiting := make([]int, len(up))
	var order []int
	for i := range up {
		if waiting[i] = len(up[i]); waiting[i] == 0 {
			order = append(order, i)
		}
	}
	for at := 0; at < len(order); at++ {
		i := order[at]
		for _, to := range down[i] {
			l.vs[to].layer = max(l.vs[to].layer, l.vs[i].layer+1)
			if waiting[to]--; waiting[to] == 0 {
				order = append(order, to)
			}
		}
	}
	for _, i := range slices.Backward(order) {
		if len(down[i]) <= len(up[i]) {
			continue
		}
		low := l.vs[down[i][0]].layer
		for _, to := range down[i] {
			low = min(low, l.vs[to].layer)
		}
		l.vs[i].layer = low - 1
	}
}

// addBends cuts long edges at every layer and fills layers, routes and neighbours.
func (l *layout) addBends() {
	for k := range l.g.edges {
		from, to := l.ends(k)
		if from == to {
			continue
		}
		route := []int{from}
		for layer := l.vs[from].layer + 1; layer < l.vs[to].layer; layer++ {
			route = append(route, len(l.vs))
			l.vs = append(l.vs, vertex{layer: layer, bend: true, w: bendW})
		}
		l.routes[k] = append(route, to)
	}
	l.addLinks()
	for i, v := range l.vs {
		for len(l.layers) <= v.layer {
			l.layers = append(l.layers, nil)
		}
		l.layers[v.layer] = append(l.layers[v.layer], i)
	}
}

// addLinks fills the neighbours. Long edges want to run straight most of all,
// then steps that only follow each other; what leads aside bends around them.
func (l *layout) addLinks() {
	l.down, l.up = make([][]link, len(l.vs)), make([][]link, len(l.vs))
	for k, route := range l.routes {
		for i := 1; i < len(route); i++ {
			a, b := route[i-1], route[i]
			weight := 1.0
			switch {
			case l.vs[a].bend && l.vs[b].bend:
				weight = 8
			case l.g.edges[k].Aside:
				weight = 0.05
			case len(route) == 2 && l.mainEdges(l.g.out[a]) == 1 && l.mainEdges(l.g.in[b]) == 1:
				weight = 4
			}
			l.down[a] = append(l.down[a], link{b, weight})
			l.up[b] = append(l.up[b], link{a, weight})
		}
	}
}

func (l *layout) mainEdges(edges []int) int {
	n := 0
	for _, k := range edges {
		if !l.g.edges[k].Aside {
			n++
		}
	}
	return n
}

// sweeps is how often the layers are sorted; more hardly ever helps.
const sweeps = 16

// sortLayers sorts each layer by the mean place of the neighbours above, then
// below, in turns, and keeps the order with the fewest crossings.
func (l *layout) sortLayers() {
	place := make([]float64, len(l.vs))
	note := func(layer []int) {
		for i, v := range layer {
			place[v] = float64(i)
		}
	}
	for _, layer := range l.layers {
		note(layer)
	}
	best, fewest := l.cloneLayers(), l.crossings(place)
	for s := 0; s < sweeps && fewest > 0; s++ {
		for i := range l.layers {
			layer, near := l.layers[i], l.up
			if s%2 == 1 {
				layer, near = l.layers[len(l.layers)-1-i], l.down
			}
			sortByMean(layer, near, place)
			note(layer)
		}
		if n := l.crossings(place); n < fewest {
			best, fewest = l.cloneLayers(), n
		}
	}
	l.layers = best
}

func (l *layout) cloneLayers() [][]int {
	out := make([][]int, len(l.layers))
	for i, layer := range l.layers {
		out[i] = slices.Clone(layer)
	}
	return out
}

// sortByMean sorts layer by the mean place of each vertex's neighbours in
// near; one without any stays where it is relative to the others' places.
func sortByMean(layer []int, near [][]link, place []float64) {
	mean := make(map[int]float64, len(layer))
	for _, v := range layer {
		mean[v] = place[v]
		if len(near[v]) == 0 {
			continue
		}
		sum := 0.0
		for _, n := range near[v] {
			sum += place[n.to]
		}
		mean[v] = sum / float64(len(near[v]))
	}
	slices.SortStableFunc(layer, func(a, b int) int { return cmp.Compare(mean[a], mean[b]) })
}

// crossings counts the pairs of edges that cross between neighbouring layers.
func (l *layout) crossings(place []float64) int {
	total := 0
	for _, layer := range l.layers {
		var seen []float64 // places below of the edges so far, left to right above
		sorted := slices.Clone(layer)
		slices.SortFunc(sorted, func(a, b int) int { return cmp.Compare(place[a], place[b]) })
		for _, v := range sorted {
			for _, to := range l.down[v] {
				for _, p := range seen {
					if p > place[to.to] {
						total++
					}
				}
			}
			for _, to := range l.down[v] {
				seen = append(seen, place[to.to])
			}
		}
	}
	return total
}
