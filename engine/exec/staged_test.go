package exec_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/engine/state"
)

// wideRows makes rows whose key is as long as said and of which every one is the same but for id.
func wideRows(n int, id string, key func(i int) string) string {
	var sb strings.Builder
	sb.WriteString("id,key,n\n")
	for i := range n {
		fmt.Fprintf(&sb, "%s%d,%s,1\n", id, i, key(i))
	}
	return sb.String()
}

// TestCommitByBytes: what waits for a commit is bounded in bytes, whether it is refused
// rows or keys, and whatever commit.rows says.
func TestCommitByBytes(t *testing.T) {
	long := strings.Repeat("v", 1000)
	for _, tt := range []struct {
		name, steps, input string
		most               int64 // rows of a commit
	}{
		{"rejects", "", wideRows(300, "x", func(int) string { return long }), 15},
		{"keys", "dedupe \"d\" {\n keys = { key = \"key\" }\n}\n", wideRows(300, "", func(i int) string { return fmt.Sprint(long[:400], i) }), 15},
		{"long keys", "dedupe \"d\" {\n keys = { key = \"key\" }\n}\n", wideRows(300, "", func(i int) string { return fmt.Sprint(long, i) }), 150},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, t.TempDir(), source+tt.steps+"sink \"probe\" \"a\" {\n to = \"a\"\n rows = 10\n}\ncommit {\n rows = 100000\n every = \"1h\"\n}\n")
			r.staged, r.chunk = 10_000, 500
			r.put("a.csv", tt.input)
			most, commits := int64(0), 0
			r.committed = func(c state.Counts, _ time.Duration) {
				most = max(most, c.Read)
				commits++
			}
			rep := r.done()
			equal(t, "rows read", rep.Counts.Read, 300)
			if most > tt.most || commits < 2 {
				t.Errorf("%d commits of up to %d rows, want none of more than %d", commits, most, tt.most)
			}
		})
	}
}

// TestStuck: where no commit is possible before the object ends, a run that would have to
// keep too much in memory until then ends and says why. Nothing is lost.
func TestStuck(t *testing.T) {
	body := source + "group \"g\" {\n by = [\"id\"]\n within = \"object\"\n fields = { n = \"len(rows)\" }\n}\nsink \"probe\" \"a\" {\n to = \"a\"\n rows = 10\n}\n"
	r := newRig(t, t.TempDir(), body)
	r.staged, r.stuck, r.chunk = 10_000, 40_000, 500
	wide := func(int) string { return strings.Repeat("v", 1000) }
	_, refused, _ := strings.Cut(wideRows(100, "x", wide), "\n")
	r.put("a.csv", wideRows(100, "", wide)+refused)
	rep := r.fails("wait for a commit, and none is possible before")
	equal(t, "rows committed", rep.Counts.Read, 0)
	r.stuck = 0
	r.put("b.csv", wideRows(100, "x", wide))
	_, _ = r.run(context.Background())
	equal(t, "rows refused of both", r.totals().Rejected, 200)
}

// TestDeliveriesByBytes: deliveries are cut by the bytes of their rows as well, in the same
// places whatever the batches are, and however many there are under way.
func TestDeliveriesByBytes(t *testing.T) {
	var want []string
	for _, chunk := range []int{200, 1000, 100_000} {
		for _, way := range []string{"", "parallel = 3"} {
			r := newRig(t, t.TempDir(), source+"sink \"probe\" \"a\" {\n to = \"a\"\n rows = 100\n"+way+"\n}\n")
			r.chunk, r.delivery = chunk, 10_000
			r.put("a.csv", wideRows(60, "", func(i int) string { return strings.Repeat("v", 100+50*(i%20)) }))
			r.done()
			var got []string
			for _, d := range r.probe.seen["a"] {
				got = append(got, d.Body)
			}
			slices.Sort(got)
			if want == nil {
				want = got
			}
			if len(got) < 8 || len(got) > 12 || !slices.Equal(got, want) {
				t.Errorf("%d deliveries with batches of %d bytes %s, and %d with others", len(got), chunk, way, len(want))
			}
		}
	}
}

// TestExpandedRowsShareTheirText: a row that becomes many has its text once.
func TestExpandedRowsShareTheirText(t *testing.T) {
	r := newRig(t, t.TempDir(), source+"expand \"e\" {\n rows = \"1..100\"\n fields = { id = \"id\", n = \"item\" }\n}\nsink \"probe\" \"a\" {\n to = \"a\"\n rows = 100\n}\n")
	r.delivery = 20_000
	r.put("a.csv", wideRows(3, "", func(int) string { return strings.Repeat("v", 5000) }))
	r.done()
	for _, d := range r.probe.seen["a"] {
		equal(t, "rows of a delivery", d.Rows, 100)
	}
}
