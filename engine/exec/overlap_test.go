package exec_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// ways are the ways in which a sink takes deliveries.
var ways = []struct{ name, options string }{
	{"one by one", ""},
	{"overlapped", "parallel = 1"},
	{"parallel, any order", "parallel = 4"},
	{"parallel, in order of key", "parallel = 4\n order = \"key\""},
}

// Deliveries, their keys and the dead letters are the same whether deliveries
// overlap or not, and in whatever batches the rows come.
func TestWaysOfDelivering(t *testing.T) {
	dir := t.TempDir()
	for _, batch := range []string{"rows = 7", "rows = 10\n bytes = 200", "rows = 1"} {
		type outcome struct {
			Sent    map[string]string // rows by key
			Refused []string
		}
		var want outcome
		for _, way := range ways {
			for _, chunk := range []int{1, 90, 700, 1 << 20} {
				r := newRig(t, dir, source+fmt.Sprintf("sink \"probe\" \"out\" {\n%s\n%s\n}", batch, way.options))
				r.chunk = chunk
				r.put("a.csv", csvRows(0, 200))
				r.probe.refuse = func(line string) bool { return strings.Contains(line, `"n":3`) && !strings.Contains(line, "k5") }
				rep := r.done()
				got := outcome{Sent: map[string]string{}}
				for _, d := range r.probe.seen["out"] {
					got.Sent[d.Key] += d.Body
				}
				for _, x := range r.rejects() {
					got.Refused = append(got.Refused, fmt.Sprintf("%d %d %s %s", x.Row, x.Line, x.Raw, x.Reason))
				}
				equal(t, "dead letters", len(got.Refused), rep.Counts.Rejected)
				equal(t, "rows", rep.Counts.Delivered+rep.Counts.Rejected, 200)
				if want.Sent == nil {
					want = got
				}
				if d := cmp.Diff(want, got); d != "" {
					t.Fatalf("%s, batches of %d bytes: %s", way.name, chunk, d)
				}
			}
		}
	}
}

// A delivery that fails while those behind it arrived is repeated with them, with
// the same keys (I7), and rows of one key stay in order (I4).
func TestFailureBehindWhichOthersArrived(t *testing.T) {
	calm := newRig(t, t.TempDir(), source+"sink \"probe\" \"out\" {\n rows = 10\n}")
	calm.put("a.csv", csvRows(0, 200))
	calm.done()
	want := calm.probe.effects(t, "out")
	for _, way := range ways {
		for fail := 1; fail <= 20; fail++ {
			r := newRig(t, t.TempDir(), source+"sink \"probe\" \"out\" {\n rows = 10\n"+way.options+"\n}\ncommit {\n rows = 100\n}")
			r.put("a.csv", csvRows(0, 200))
			r.probe.failNext(fail, fail%2 == 0)
			r.fails("away")
			r.done()
			rows, want := r.probe.effects(t, "out"), want
			switch way.name {
			case "parallel, any order":
				rows, want = sortedLines(rows), sortedLines(want)
			case "parallel, in order of key":
				rows, want = byKey(rows), byKey(want)
			}
			if d := cmp.Diff(want, rows); d != "" {
				t.Fatalf("%s, failure %d: %s", way.name, fail, d)
			}
			equal(t, "totals", r.totals(), "read 200, delivered 200")
		}
	}
}

func sortedLines(s string) string {
	lines := strings.SplitAfter(s, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// What cannot be ordered waits for everything before it, and is no error.
func TestOrderKeyThatFails(t *testing.T) {
	r := newRig(t, t.TempDir(), source+"sink \"probe\" \"out\" {\n rows = 10\n parallel = 4\n order = \"n == 4 ? 1 / (id - id) : id\"\n}")
	r.put("a.csv", csvRows(0, 200))
	r.done()
	equal(t, "rows", ids(r.probe.effects(t, "out")), upTo(0, 200)) // every delivery has such a row
	equal(t, "totals", r.totals(), "read 200, delivered 200")
}

// Errors of a run leave nothing under way.
func TestNothingIsLeftUnderWay(t *testing.T) {
	r := newRig(t, t.TempDir(), source+"sink \"probe\" \"out\" {\n rows = 3\n parallel = 4\n}")
	r.put("a.csv", csvRows(0, 100)+"x,y\n")
	broken := errors.New("broken")
	r.probe.err = broken
	r.probe.failNext(9, false)
	if _, err := r.run(t.Context()); !errors.Is(err, broken) { // Close of the probe checks that all have ended
		t.Errorf("error %v", err)
	}
	r.done()
}
