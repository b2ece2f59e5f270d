package graph

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// point is a place in the picture.
type point struct{ x, y float64 }

// portSet says, by edge, how far from the middle of its box an edge leaves and arrives.
type portSet struct{ leave, arrive []float64 }

// ports spreads the edges of each box over its sides, in the order in which
// their other ends stand, so that they do not start on top of one another.
func (l *layout) ports() portSet {
	p := portSet{leave: make([]float64, len(l.routes)), arrive: make([]float64, len(l.routes))}
	leaving, arriving := make([][]int, len(l.vs)), make([][]int, len(l.vs))
	for k, route := range l.routes {
		if len(route) == 0 {
			continue
		}
		last := len(route) - 1
		leaving[route[0]] = append(leaving[route[0]], k)
		arriving[route[last]] = append(arriving[route[last]], k)
	}
	for v := range l.vs {
		l.spread(v, leaving[v], p.leave, func(k int) int { return l.routes[k][1] })
		l.spread(v, arriving[v], p.arrive, func(k int) int { return l.routes[k][len(l.routes[k])-2] })
	}
	return p
}

func (l *layout) spread(v int, edges []int, at []float64, next func(int) int) {
	slices.SortStableFunc(edges, func(a, b int) int { return cmp.Compare(l.vs[next(a)].x, l.vs[next(b)].x) })
	step := min(18, (l.vs[v].w-24)/float64(max(1, len(edges))))
	for i, k := range edges {
		at[k] = (float64(i) - float64(len(edges)-1)/2) * step
	}
}

// points returns the way of edge k from top to bottom: in pairs, from the
// bottom of one vertex to the top of the next.
func (l *layout) points(k int, p portSet) []point {
	route := l.routes[k]
	var pts []point
	for i := 1; i < len(route); i++ {
		a, b := l.vs[route[i-1]], l.vs[route[i]]
		from, to := point{a.x, a.y + a.h}, point{b.x, b.y}
		if i == 1 {
			from.x += p.leave[k]
		}
		if i == len(route)-1 {
			to.x += p.arrive[k]
		}
		pts = append(pts, from, to)
	}
	return pts
}

func (s *svg) edge(l *layout, k int, ports portSet) {
	e := l.g.edges[k]
	class := "edge"
	if e.Aside {
		class += " aside"
	}
	if l.routes[k] == nil {
		s.loop(l.vs[l.g.index[e.From]], class+" cycle")
		return
	}
	head := "head"
	if l.turned[k] {
		class += " cycle"
		head += " cycle"
	}
	pts := l.points(k, ports)
	// The line ends where the arrow's head begins, at either end.
	tipAt, down := pts[len(pts)-1], true
	if l.turned[k] {
		tipAt, down = pts[0], false
		pts[0].y += arrowLen
	} else {
		pts[len(pts)-1].y -= arrowLen
	}
	s.p("<path class=\"%s\" d=\"%s\"/>\n", class, path(pts))
	s.arrow(tipAt, down, head)
}

// path draws smooth curves from layer to layer and straight lines through layers.
func path(pts []point) string {
	var sb strings.Builder
	fmt.Fprintf(&sb, "M%s %s", num(pts[0].x), num(pts[0].y))
	for i := 1; i < len(pts); i += 2 {
		a, b := pts[i-1], pts[i]
		if i > 1 {
			fmt.Fprintf(&sb, " L%s %s", num(a.x), num(a.y))
		}
		mid := (a.y + b.y) / 2
		fmt.Fprintf(&sb, " C%s %s %s %s %s %s", num(a.x), num(mid), num(b.x), num(mid), num(b.x), num(b.y))
	}
	return sb.String()
}

func (s *svg) arrow(at point, down bool, class string) {
	back := at.y - arrowLen - 1
	if !down {
		back = at.y + arrowLen + 1
	}
	s.p("<path class=\"%s\" d=\"M%s %s L%s %s L%s %s Z\"/>\n", class, num(at.x), num(at.y), num(at.x-4), num(back), num(at.x+4), num(back))
}

// loop draws an edge from a box to itself, at its right side.
func (s *svg) loop(v vertex, class string) {
	x, y := v.x+v.w/2, v.y+v.h/2
	s.p("<path class=\"%s\" d=\"M%s %s C%s %s %s %s %s %s\"/>\n", class, num(x), num(y-8), num(x+22), num(y-16), num(x+22), num(y+16), num(x), num(y+8))
}

// label writes an edge's words where it has left the others of its box behind.
func (s *svg) label(l *layout, k int, e Edge, ports portSet) {
	if e.Label == "" || l.routes[k] == nil {
		return
	}
	pts := l.points(k, ports)
	a, b := pts[0], pts[1]
	s.p("<text class=\"label\" text-anchor=\"middle\" x=\"%s\" y=\"%s\">%s</text>\n",
		num(a.x+(b.x-a.x)*0.72), num(a.y+(b.y-a.y)*0.62+labelSize/3), escape(fit(e.Label, labelSize, 220)))
}
