package graph

// placeY stacks the layers; a box stands in the middle of its layer's height.
func (l *layout) placeY() {
	y := 0.0
	for i, layer := range l.layers {
		height := 0.0
		for _, v := range layer {
			height = max(height, l.vs[v].h)
		}
		for _, v := range layer {
			if l.vs[v].bend {
				l.vs[v].h = height
			}
			l.vs[v].y = y + (height-l.vs[v].h)/2
		}
		l.h = y + height
		y += height + layerGap
		if l.labelledBelow(i) {
			y += labelGap
		}
	}
}

// labelledBelow reports whether an edge with words leaves layer i.
func (l *layout) labelledBelow(i int) bool {
	for k, route := range l.routes {
		if l.g.edges[k].Label != "" && len(route) > 0 && l.vs[route[0]].layer == i {
			return true
		}
	}
	return false
}

// rounds is how often the layers are aligned with their neighbours.
const rounds = 80

// placeX aligns the layers with those above and below in turns, in the end
// with both, and moves everything so that the leftmost box begins at 0.
func (l *layout) placeX() {
	for _, layer := range l.layers {
		x := 0.0
		for i, v := range layer {
			if i > 0 {
				x += l.apart(layer[i-1], v)
			}
			l.vs[v].x = x
		}
	}
	for r := range rounds {
		for i := range l.layers {
			switch {
			case r >= rounds-8:
				l.align(l.layers[i], l.up, l.down)
			case r%2 == 0:
				l.align(l.layers[i], l.up)
			default:
				l.align(l.layers[len(l.layers)-1-i], l.down)
			}
		}
	}
	left, right := 0.0, 0.0
	for i, v := range l.vs {
		if i == 0 || v.x-v.w/2 < left {
			left = v.x - v.w/2
		}
		if i == 0 || v.x+v.w/2 > right {
			right = v.x + v.w/2
		}
	}
	for i := range l.vs {
		l.vs[i].x -= left
	}
	l.w = right - left
}

// apart is the least distance between the middles of two neighbours in a layer.
func (l *layout) apart(a, b int) float64 {
	gap := boxGap
	if l.vs[a].bend || l.vs[b].bend {
		gap = bendGap
	}
	return (l.vs[a].w+l.vs[b].w)/2 + gap
}

// align moves the vertices of a layer as near as they can get to the mean of
// their neighbours, in the sense of least squares, keeping order and distances.
func (l *layout) align(layer []int, near ...[][]link) {
	want, weight, shift := make([]float64, len(layer)), make([]float64, len(layer)), make([]float64, len(layer))
	for i, v := range layer {
		if i > 0 {
			shift[i] = shift[i-1] + l.apart(layer[i-1], v)
		}
		x, w := l.target(v, near)
		want[i], weight[i] = x-shift[i], w
	}
	for i, x := range isotonic(want, weight) {
		l.vs[layer[i]].x = x + shift[i]
	}
}

// target is where v wants to be and how much.
func (l *layout) target(v int, near [][][]link) (x, weight float64) {
	sum, n := 0.0, 0.0
	for _, links := range near {
		for _, o := range links[v] {
			sum += o.weight * l.vs[o.to].x
			n += o.weight
		}
	}
	if n == 0 {
		return l.vs[v].x, 0.01
	}
	return sum / n, n
}

// isotonic returns the ascending sequence nearest to want by weighted least
// squares (pooling of adjacent violators).
func isotonic(want, weight []float64) []float64 {
	type pool struct {
		mean, weight float64
		n            int
	}
	var pools []pool
	for i := range want {
		pools = append(pools, pool{want[i], weight[i], 1})
		for len(pools) > 1 && pools[len(pools)-2].mean > pools[len(pools)-1].mean {
			a, b := pools[len(pools)-2], pools[len(pools)-1]
			w := a.weight + b.weight
			pools = pools[:len(pools)-1]
			pools[len(pools)-1] = pool{(a.mean*a.weight + b.mean*b.weight) / w, w, a.n + b.n}
		}
	}
	out := make([]float64, 0, len(want))
	for _, p := range pools {
		for range p.n {
			out = append(out, p.mean)
		}
	}
	return out
}
