package serve_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"weir/engine/serve"
)

// life is a story that goes on: a served folder, what it is fed with, and what is
// known of it.
type life struct {
	*rig
	story
	now, disk world            // as it is to be, and as it is written
	known     map[string]world // what was written, by its revision
	flows     []*flow
	process   *process
	deaths    int
	reloads   sync.WaitGroup
	pending   *atomic.Int64 // of them, those of the process that have not ended
	problems  []string
}

// flow is what goes through one pipeline.
type flow struct {
	address  string
	files    int
	last     int             // row
	lines    int64           // in all its files
	again    int64           // of these, rows that came before
	rows     map[int]*fedRow // by number
	inFile   map[string][]int
	release  func() // of its hanging sink; nil: it does not hang
	looked   int    // deliveries that were looked at
	archived map[string]bool
	read     map[string]int64 // rows committed, by file
}

// fedRow is a row of an input file, and how it was delivered.
type fedRow struct {
	made []made
}

func newLife(t *testing.T, s story) *life {
	t.Helper()
	l := &life{rig: newRig(t, nil), story: s, known: map[string]world{}}
	l.begin()
	l.now.pipes = append([]shape(nil), s.shapes...)
	for i := range s.shapes {
		l.flows = append(l.flows, &flow{address: name(i), rows: map[int]*fedRow{}, inFile: map[string][]int{}, archived: map[string]bool{}, read: map[string]int64{}})
		if !s.shapes[i].group {
			l.traps.get(name(i)).bad = badRows
		}
	}
	if err := os.Mkdir(l.path("done"), 0o700); err != nil {
		t.Fatal(err)
	}
	return l
}

// badRows is in the number of rows that the sinks refuse.
const badRows = "66"

func name(i int) string { return fmt.Sprintf("p%d", i) }

func (l *life) problem(format string, args ...any) {
	if len(l.problems) < 10 {
		l.problems = append(l.problems, fmt.Sprintf(format, args...))
	}
}

// live tells the story and its end.
func (l *life) live() {
	l.put()
	l.o.Drain, l.o.Grace = 10*time.Second, 2*time.Second
	l.start()
	defer func() {
		for _, f := range l.flows {
			f.let()
		}
		close(l.over)
		l.reloads.Wait()
		l.stop()
	}()
	l.rest()
	for _, a := range l.acts {
		l.act(a)
		l.rest()
		if len(l.problems) > 0 {
			return
		}
	}
	l.mend()
	l.check(true)
}

// put writes the folder.
func (l *life) put() {
	l.disk = l.now.clone()
	for i := range l.now.pipes {
		file := "config/" + name(i) + ".hcl"
		if l.now.pipes[i].gone {
			_ = os.Remove(l.path(file)) // it may not be there
			continue
		}
		l.write(file, l.now.pipes[i].text(name(i)))
	}
	if l.now.common {
		l.write("config/z.hcl", "engine {\n  runs = 0\n}\n")
	} else {
		l.write("config/z.hcl", "# nothing\n")
	}
}

// rest waits until nothing goes on but what waits for time, and looks at everything.
func (l *life) rest() {
	synctest.Wait()
	if l.server == nil {
		return
	}
	l.note()
	l.check(false)
}

// note keeps what the folder held that the server read last.
func (l *life) note() {
	if seen := l.server.Status().Seen; l.known[seen].pipes == nil {
		l.known[seen] = l.disk.clone()
	}
}

// act does one thing.
func (l *life) act(a act) {
	p, f, trap := &l.now.pipes[a.pipe], l.flows[a.pipe], l.traps.get(name(a.pipe))
	switch a.do {
	case "mark":
		p.mark++
	case "drop":
		p.drop = []int{0, 2, 3}[a.n%3]
	case "note":
		p.note++
	case "batch":
		p.batch = []int{1, 3, 1000}[a.n%3]
	case "gone":
		p.gone = !p.gone
	case "broken":
		p.broken = !p.broken
	case "common":
		l.now.common = !l.now.common
	case "reload":
		l.change(1)
	case "both":
		l.change(2)
	case "file":
		l.feed(f, 1+a.n*2, 0)
	case "big":
		l.feed(f, 700, 1500)
	case "stuck": // a run hangs beyond its deadline
		l.amid(a.pipe)
		time.Sleep(13 * time.Second)
	case "amid": // a change comes in the middle of a file
		l.amid(a.pipe)
		f.let()
	case "hang":
		if f.release == nil {
			f.release = trap.hangs()
		}
	case "release":
		f.let()
	case "refuse":
		if a.n%2 == 0 {
			trap.refuses(errRefused)
		} else {
			trap.refuses(nil)
		}
	case "fail", "late":
		trap.fail(1+a.n%3, a.do == "late")
	case "run":
		l.runNow(name(a.pipe))
	case "sleep":
		time.Sleep(time.Duration(1+a.n) * time.Second)
	case "long":
		time.Sleep(time.Duration(20+a.n*5) * time.Second)
	case "restart":
		l.revive()
	case "kill":
		l.kill(a)
	}
}

// amid changes a pipeline while a delivery of a big file hangs.
func (l *life) amid(i int) {
	f, p := l.flows[i], &l.now.pipes[i]
	l.feed(f, 700, 1500)
	if f.release == nil {
		f.release = l.traps.get(f.address).hangs()
	}
	l.runNow(f.address)
	l.rest()
	p.mark++
	if f.files%2 == 0 {
		p.note++
	}
	l.change(1)
}

// let makes a hanging sink go on.
func (f *flow) let() {
	if f.release != nil {
		f.release()
		f.release = nil
	}
}

// feed writes an input file of n rows, each with so many bytes more.
func (l *life) feed(f *flow, n, pad int) {
	f.files++
	file := fmt.Sprintf("%s_%05d.csv", f.address, f.files)
	var sb strings.Builder
	sb.WriteString("a,k,pad\n")
	for range n {
		f.last++
		f.rows[f.last] = &fedRow{}
		f.inFile[file] = append(f.inFile[file], f.last)
		fmt.Fprintf(&sb, "%06d,%d,%s\n", f.last, f.last/3, strings.Repeat("x", pad))
		f.lines++
	}
	if l.dedupes(f) && f.last > n {
		fmt.Fprintf(&sb, "%06d,again,\n", f.last-n)
		f.lines++
		f.again++
	}
	l.write("in/"+file, sb.String())
}

func (l *life) dedupes(f *flow) bool {
	for i := range l.flows {
		if l.flows[i] == f {
			return l.now.pipes[i].dedupe
		}
	}
	return false
}

// seen is what a change must leave alone.
type seen struct {
	opened     int
	run        string
	generation uint64
	left       int
}

func (l *life) look() (map[string]seen, uint64) {
	out := map[string]seen{}
	st := l.server.Status()
	for i := range st.Pipelines {
		p := &st.Pipelines[i]
		x := seen{generation: p.Generation, left: len(p.Left)}
		x.opened, _ = l.traps.get(p.Pipeline).counts()
		if p.Run != nil {
			x.run = p.Run.ID
		}
		out[p.Pipeline] = x
	}
	return out, st.Generation
}

// unchanged returns the pipelines that are in effect as they are written now.
func (l *life) unchanged() map[string]bool {
	out := map[string]bool{}
	if l.pending.Load() > 0 {
		return out // what is in effect is about to be something else
	}
	for i, f := range l.flows {
		if p, ok := l.server.Pipeline(f.address); ok {
			out[f.address] = l.known[p.Revision].pipes[i] == l.disk.pipes[i]
		}
	}
	return out
}

// change writes the folder and reloads it, so many times at once. What is not part of a
// change, and everything when it is rejected, is left alone (I8).
func (l *life) change(times int) {
	l.put()
	if l.server == nil {
		l.boot()
		return
	}
	before, generation := l.look()
	same := l.unchanged()
	pending := l.pending
	pending.Add(int64(times))
	got := make(chan *serve.Verdict, times)
	for range times {
		l.reloads.Go(func() {
			v, err := l.server.Reload(context.Background(), serve.Request{Trigger: "api"})
			if err != nil {
				l.t.Error(err)
			}
			pending.Add(-1)
			got <- v
		})
	}
	synctest.Wait()
	if len(got) < times {
		return // a run hangs, and is waited for
	}
	after, now := l.look()
	changed, other := map[string]bool{}, false
	for range times {
		v := <-got
		if v.Outcome == serve.Rejected || v.Outcome == serve.Unchanged {
			continue
		}
		other = true
		for i := range v.Actions {
			a := v.Actions[i].Pipeline
			changed[a] = true
			if same[a] {
				l.problem("I8: %s is as it was, and there was an action: %s, %s", a, v.Actions[i].Kind, v.Actions[i].Why())
			}
		}
	}
	if !other && now != generation {
		l.problem("I8: rejected, and generation %d became %d", generation, now)
	}
	for a, x := range before {
		if !changed[a] && after[a] != x {
			l.problem("I8: %s was not changed, and was %+v, is %+v", a, x, after[a])
		}
	}
}

// revive ends the server, as hard as it must, and starts another one in its place.
func (l *life) revive() {
	if !l.usable() || l.server == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = l.server.Stop(ctx) // names what hangs
	l.reloads.Wait()
	l.server = nil
	l.begin()
	l.start()
}

// usable reports whether a server can be started on the folder as it is.
func (l *life) usable() bool {
	usable := false
	for _, p := range l.disk.pipes {
		usable = usable || !p.gone && !p.broken
	}
	return usable && !l.disk.common
}

// mend makes everything right and gives it the time to become so.
func (l *life) mend() {
	for i, f := range l.flows {
		p, trap := &l.now.pipes[i], l.traps.get(f.address)
		p.gone, p.broken = false, false
		trap.refuses(nil)
		trap.fail(0, false)
		f.let()
		l.feed(f, 2, 0)
	}
	l.now.common = false
	synctest.Wait()
	l.put()
	if l.server == nil {
		l.boot()
		l.rest()
	}
	v, err := l.server.Reload(context.Background(), serve.Request{Trigger: "api"})
	if err != nil || !v.OK() {
		l.problem("the last reload: %v, %+v\n%s", err, v, texts(v))
		return
	}
	l.rest()
	time.Sleep(2 * time.Minute)
	l.rest()
	l.reloads.Wait()
	for _, p := range l.server.Status().Pipelines {
		if p.Failures > 0 || len(p.Left) > 0 || len(p.Config) > 0 || p.Next.IsZero() {
			p.Sources = nil
			l.problem("%s is not well: %+v", p.Pipeline, p)
		}
	}
}
