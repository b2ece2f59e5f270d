package serve_test

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"weir/engine/serve"
)

// usage is what a server takes of its process.
type usage struct {
	goroutines, files int
	heap              uint64
}

// used measures at rest: what ends by itself has ended.
func (r *rig) used() usage {
	r.t.Helper()
	var u usage
	least := func(n, of int) int {
		if of == 0 || n < of {
			return n
		}
		return of
	}
	for range 20 { // runs come and go: the least of several looks is what stays
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		if u.heap == 0 || m.HeapAlloc < u.heap {
			u.heap = m.HeapAlloc
		}
		u.goroutines = least(runtime.NumGoroutine(), u.goroutines)
		if list, err := os.ReadDir("/proc/self/fd"); err == nil {
			u.files = least(len(list), u.files)
		}
		time.Sleep(10 * time.Millisecond)
	}
	return u
}

// soaked is the folder of the soak: two pipelines that change and one that does
// not, each with state.
func soaked(name string, i int) string {
	text := copying(name, fmt.Sprintf("'%d:' + a", i))
	if i%3 == 0 {
		text = strings.Replace(text, "  sink", "  filter \"f\" {\n    where = \"v != 'never'\"\n  }\n  sink", 1)
	}
	return strings.Replace(text, "  map", "  dedupe \"once\" {\n    keys = { id = \"a\" }\n  }\n  map", 1)
}

// A thousand reloads under load, a part of them rejected, leave nothing behind: no
// goroutine, no descriptor, no memory that grows with their number.
func TestThousandReloadsStayFlat(t *testing.T) {
	early, late := 100, 1000
	if testing.Short() {
		early, late = 30, 100
	}
	// What the store keeps in memory is bounded by its setting and fills up to that,
	// three eighths of it with what it wrote and read; what grows beyond that is a leak.
	const filled = 32 << 20 * 3 / 8
	const engine = "engine {\n  state_memory = \"32MiB\"\n}\n"
	r := newRig(t, map[string]string{"config/engine.hcl": engine, "config/a.hcl": soaked("a", 1), "config/b.hcl": soaked("b", 1), "config/c.hcl": soaked("c", 1)})
	s := r.start()
	outcomes := map[string]int{}
	step := func(i int) {
		r.write("config/a.hcl", soaked("a", i))
		switch i % 5 {
		case 1: // not the beginning of what it held, for which a reload would wait
			r.write("config/b.hcl", "pipeline \"broken\" {")
		case 2:
			if i%100 == 2 { // so it does for a file that is gone
				r.remove("config/b.hcl")
			} else {
				r.write("config/b.hcl", "# It comes back with the next reload.\n")
			}
		default:
			r.write("config/b.hcl", soaked("b", i/5))
		}
		if i%10 == 0 {
			r.write(fmt.Sprintf("in/a%d.csv", i), fmt.Sprintf("a\n%d\n", i))
			r.write(fmt.Sprintf("in/c%d.csv", i), fmt.Sprintf("a\n%d\n", i))
		}
		for _, p := range [][]string{{"a"}, {"c"}, nil}[i%3] {
			if err := s.RunNow(p); err != nil {
				t.Fatal(err)
			}
		}
		outcomes[r.reload().Outcome]++
		for len(r.events) > 0 { // those keep the files they were read from
			<-r.events
		}
	}
	var first usage
	for i := 1; i <= late; i++ {
		if step(i); i == early {
			first = r.used()
		}
	}
	last := r.used()
	t.Logf("%+v after %d reloads, %+v after %d: %v", first, early, last, late, outcomes)
	// The store may have up to some ten tables open that it had not written before.
	if last.goroutines > first.goroutines+5 || last.files > first.files+20 || last.heap > first.heap+filled {
		t.Errorf("%+v after %d reloads, %+v after %d", first, early, last, late)
	}
	if outcomes[serve.Applied] == 0 || outcomes[serve.Partial] == 0 {
		t.Errorf("outcomes %v", outcomes)
	}
	if list := s.Verdicts(10_000); len(list) > 500 {
		t.Errorf("%d verdicts are kept", len(list))
	}
	rows := late / 10
	r.until("all rows of the pipeline that did not change", func() bool { return strings.Count(r.output("c"), "\n") == rows })
	r.until("all rows of the one that changed", func() bool { return strings.Count(r.output("a"), "\n") == rows })
	r.until("the ends of the runs", func() bool {
		a, _ := s.Pipeline("a")
		c, _ := s.Pipeline("c")
		return a.Run == nil && c.Run == nil && a.Totals.Read == int64(rows)
	})
	if p, _ := s.Pipeline("c"); p.Generation != 1 || p.Failed != 0 {
		t.Errorf("the pipeline that did not change: %+v", p)
	}
	if p, _ := s.Pipeline("a"); p.Failed != 0 || p.Totals.Difference() != 0 || p.Totals.Read != int64(rows) {
		t.Errorf("ledger of the pipeline that changed: %s, %d runs failed", p.Totals, p.Failed)
	}
}
