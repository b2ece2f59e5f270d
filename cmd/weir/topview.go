package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"weir/engine/api"
	"weir/engine/plugin"
	"weir/engine/serve"
)

// topView is what weir top shows, and how.
type topView struct {
	clock   plugin.Clock
	status  *api.Status
	taken   time.Time          // when status was
	rates   map[string]float64 // rows a second, by pipeline
	reloads map[string]reloaded
	problem string // why the server cannot be asked; "" when it can
	color   bool

	order   int // how often another column to sort by was asked for
	failing bool
	scroll  int // pipelines above the first one shown
	page    int // pipelines that the screen has room for
}

// topColumn is a column of the table.
type topColumn struct {
	name  string
	right bool
	value func(v *topView, p *api.Pipeline) string
	// compare orders pipelines by the column, and says 0 where their names are to.
	compare func(v *topView, a, b *api.Pipeline) int
}

// topColumns are the columns from left to right. Narrow terminals lack those to the right.
func topColumns() []topColumn {
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	return []topColumn{
		{"pipeline", false, func(_ *topView, p *api.Pipeline) string { return p.Pipeline }, func(*topView, *api.Pipeline, *api.Pipeline) int { return 0 }},
		{"state", false, func(_ *topView, p *api.Pipeline) string { return p.State }, func(_ *topView, a, b *api.Pipeline) int { return cmp.Compare(stateRank(a), stateRank(b)) }},
		{"rows/s", true, func(v *topView, p *api.Pipeline) string { return number(int64(v.rates[p.Pipeline] + 0.5)) }, func(v *topView, a, b *api.Pipeline) int { return cmp.Compare(v.rates[b.Pipeline], v.rates[a.Pipeline]) }},
		{"rows", true, func(_ *topView, p *api.Pipeline) string { return number(rowsOf(p)) }, func(_ *topView, a, b *api.Pipeline) int { return cmp.Compare(rowsOf(b), rowsOf(a)) }},
		{"lag", true, func(v *topView, p *api.Pipeline) string { return lagOf(p, v.taken) }, func(_ *topView, a, b *api.Pipeline) int { return compareNext(a, b) }},
		{"rejects", true, func(_ *topView, p *api.Pipeline) string { return number(p.Ledger.Rejected) }, func(_ *topView, a, b *api.Pipeline) int { return cmp.Compare(b.Ledger.Rejected, a.Ledger.Rejected) }},
		{"failing", false, func(v *topView, p *api.Pipeline) string { return failing(p, v.taken, false) }, func(_ *topView, a, b *api.Pipeline) int { return cmp.Compare(b.Failures, a.Failures) }},
		{"last reload", false, (*topView).lastReload, func(v *topView, a, b *api.Pipeline) int {
			return v.reloads[b.Pipeline].at.Compare(v.reloads[a.Pipeline].at)
		}},
	}
}

// column returns the number of the column to sort by; s goes through them from rows/s on.
func (v *topView) column() int { return (v.order + 2) % len(topColumns()) }

func (v *topView) lastReload(p *api.Pipeline) string {
	r, ok := v.reloads[p.Pipeline]
	if !ok {
		return ""
	}
	return r.what + " " + ago(v.taken, r.at)
}

// stateRank orders states by how much they ask for attention.
func stateRank(p *api.Pipeline) int {
	return slices.Index([]string{serve.Fenced, serve.Failing, serve.Running, serve.Queued, serve.Waiting, serve.Idle}, p.State)
}

// compareNext orders the longest overdue first, pipelines without a next run last.
func compareNext(a, b *api.Pipeline) int {
	switch {
	case a.Next == nil && b.Next == nil:
		return 0
	case a.Next == nil:
		return 1
	case b.Next == nil:
		return -1
	}
	return a.Next.Compare(*b.Next)
}

// take takes how the server stands now, and compares it with how it stood.
func (v *topView) take(st *api.Status) {
	now := v.clock.Now()
	before := map[string]int64{}
	if v.status != nil && v.status.Started.Equal(st.Started) {
		for i := range v.status.Pipelines {
			before[v.status.Pipelines[i].Pipeline] = rowsOf(&v.status.Pipelines[i])
		}
	}
	rates := map[string]float64{}
	seconds := now.Sub(v.taken).Seconds()
	for i := range st.Pipelines {
		p := &st.Pipelines[i]
		if was, ok := before[p.Pipeline]; ok && seconds > 0 {
			rates[p.Pipeline] = max(0, float64(rowsOf(p)-was)/seconds)
		} else if r := p.Run; r != nil && r.Progress != nil { // the first look: what the run did until now
			if d := now.Sub(r.Started).Seconds(); d > 0 {
				rates[p.Pipeline] = float64(r.Progress.Rows) / d
			}
		}
	}
	v.status, v.rates, v.taken = st, rates, now
}

// press does what a key is for, and reports whether it ends the view.
func (v *topView) press(k key) (end bool) {
	page := max(1, v.page)
	switch k {
	case 'q', 'Q', 3, 4: // Ctrl-C and Ctrl-D: the terminal sends them as they are
		return true
	case 's':
		v.order++
		v.scroll = 0
	case 'f':
		v.failing = !v.failing
		v.scroll = 0
	case keyUp, 'k':
		v.scroll--
	case keyDown, 'j':
		v.scroll++
	case keyPageUp:
		v.scroll -= page
	case keyPageDown, ' ':
		v.scroll += page
	case keyHome:
		v.scroll = 0
	case keyEnd:
		v.scroll = len(v.status.Pipelines)
	}
	return false
}

// shown returns the pipelines to show, in order.
func (v *topView) shown() []*api.Pipeline {
	var out []*api.Pipeline
	for i := range v.status.Pipelines {
		p := &v.status.Pipelines[i]
		if !v.failing || p.Failures > 0 || len(p.Left) > 0 || len(p.Config) > 0 {
			out = append(out, p)
		}
	}
	c := topColumns()[v.column()]
	slices.SortStableFunc(out, func(a, b *api.Pipeline) int {
		return cmp.Or(c.compare(v, a, b), cmp.Compare(a.Pipeline, b.Pipeline))
	})
	return out
}

// screen returns the lines to show on a terminal of the given size; 0 is as much as there is.
func (v *topView) screen(width, height int) []string {
	list := v.shown()
	head := []string{statusHead(v.status, v.taken)}
	if r := v.status.Reload; r != nil {
		head = append(head, "last "+verdictLine(r)+", "+ago(v.taken, r.At))
	}
	foot := ""
	if height > 0 {
		v.page = max(1, height-len(head)-3)
		v.scroll = max(0, min(v.scroll, len(list)-v.page))
		from := v.scroll
		foot = v.footer(from, min(len(list), from+v.page), len(list))
		list = list[from:min(len(list), from+v.page)]
	}
	lines := append(head, "")
	lines = append(lines, v.rows(list, width)...)
	for i := range lines {
		lines[i] = cut(lines[i], width)
	}
	if v.color {
		v.paint(lines[len(head)+1:], list)
	}
	if height > 0 {
		lines = append(lines, cut(foot, width))
		lines = lines[:min(len(lines), height)]
	}
	return lines
}

func (v *topView) footer(from, to, all int) string {
	text := fmt.Sprintf("%d-%d of %d, by %s", min(from+1, to), to, all, topColumns()[v.column()].name)
	if v.failing {
		text += ", failing only"
	}
	text += "   q quit  s sort  f failing  arrows scroll"
	if v.problem != "" {
		text = "as of " + ago(v.clock.Now(), v.taken) + ": " + v.problem
	}
	return printable(text)
}

// rows lays out the table. A narrow terminal lacks whole columns rather than parts.
func (v *topView) rows(list []*api.Pipeline, width int) []string {
	columns := topColumns()
	cells := make([][]string, len(list)+1)
	for _, c := range columns {
		cells[0] = append(cells[0], c.name)
		for i, p := range list {
			cells[i+1] = append(cells[i+1], printable(c.value(v, p)))
		}
	}
	lines := make([]strings.Builder, len(cells))
	used := 0
	for i, c := range columns {
		w := 0
		for _, r := range cells {
			w = max(w, len([]rune(r[i])))
		}
		if i > 0 && width > 0 && used+2+w > width {
			break
		}
		for k, r := range cells {
			if i > 0 {
				lines[k].WriteString("  ")
			}
			pad := strings.Repeat(" ", w-len([]rune(r[i])))
			if c.right {
				lines[k].WriteString(pad + r[i])
			} else {
				lines[k].WriteString(r[i] + pad)
			}
		}
		used += w
		if i > 0 {
			used += 2
		}
	}
	out := make([]string, len(lines))
	for i := range lines {
		out[i] = strings.TrimRight(lines[i].String(), " ")
	}
	return out
}

// paint colours the lines of the table: its head, and pipelines that need somebody.
func (v *topView) paint(lines []string, list []*api.Pipeline) {
	lines[0] = "\x1b[7m" + lines[0] + "\x1b[0m"
	for i, p := range list {
		switch {
		case p.Failures > 0 || len(p.Left) > 0:
			lines[i+1] = "\x1b[31m" + lines[i+1] + "\x1b[0m"
		case len(p.Config) > 0:
			lines[i+1] = "\x1b[33m" + lines[i+1] + "\x1b[0m"
		case p.Run != nil:
			lines[i+1] = "\x1b[1m" + lines[i+1] + "\x1b[0m"
		}
	}
}

// cut shortens a line to what a terminal has room for; 0 is as much as there is.
func cut(s string, width int) string {
	if r := []rune(s); width > 0 && len(r) > width {
		return string(r[:width])
	}
	return s
}
