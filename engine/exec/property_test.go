package exec_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"weir/engine/plan"
)

// stepsOf draws a pipeline's steps between decoder and sinks.
func stepsOf(t *rapid.T) string {
	all := []string{
		"map \"N\" {\n keep = \"*\"\n fields = { n = \"n * 3\" }\n}",
		"map \"N\" {\n fields = { id = \"id\", key = \"upper(key)\", n = \"n == 4 ? 1 / (id - id) > 1 ? 1 : 2 : n\" }\n}",
		"filter \"N\" {\n drop = \"id % 7 == 3\"\n}",
		"filter \"N\" {\n keep = \"n != 3\"\n}",
		"check \"N\" {\n rule \"r\" {\n that = \"id % 13 != 5\"\n message = \"thirteen\"\n }\n}",
		"check \"N\" {\n unique = [\"key\", \"n\"]\n}",
		"dedupe \"N\" {\n keys = { key = \"key + string(n)\" }\n keep = \"first\"\n}",
		"dedupe \"N\" {\n keys = { key = \"key\" }\n keep = \"changed\"\n fields = [\"n\"]\n}",
		"dedupe \"N\" {\n keys = { key = \"key\" }\n keep = \"last\"\n}",
		"dedupe \"N\" {\n keys = { id = \"string(id % 50)\" }\n keep = \"all\"\n}",
		"group \"N\" {\n by = [\"key\"]\n within = \"object\"\n fields = { id = \"first(rows).id\", key = \"first(rows).key\", n = \"sum(rows, .n)\" }\n}",
		"group \"N\" {\n by = [\"int(id / 4)\"]\n within = \"adjacent\"\n fields = { id = \"last(rows).id\", key = \"first(rows).key\", n = \"len(rows)\" }\n}",
		"group \"N\" {\n by = [\"int(id / 40)\", \"key\"]\n within = \"adjacent\"\n fields = { id = \"first(rows).id\", key = \"first(rows).key\", n = \"sum(rows, .n)\" }\n}",
		"group \"N\" {\n by = [\"string(int(id / 30))\"]\n within = \"adjacent\"\n fields = { id = \"first(rows).id\", key = \"join(map(rows, .key), '')\", n = \"count(rows, .n == 0) > 5 ? int(first(rows).key) : 1\" }\n}",
		"check \"N\" {\n one_to_one = [\"key\", \"n\"]\n}",
		"expand \"N\" {\n rows = \"1..(id % 4)\"\n fields = { id = \"id\", key = \"key\", n = \"item\" }\n}",
	}
	var sb strings.Builder
	for i := range rapid.IntRange(0, 3).Draw(t, "steps") {
		sb.WriteString(strings.Replace(rapid.SampledFrom(all).Draw(t, "step"), "\"N\"", fmt.Sprintf("\"s%d\"", i), 1) + "\n")
	}
	return sb.String()
}

// sinkOf draws a sink.
func sinkOf(t *rapid.T, name, more string) string {
	if rapid.IntRange(0, 3).Draw(t, "kind of "+name) == 0 {
		return fmt.Sprintf("sink \"file\" %q {\n path = \"DIR/%s.ndjson\"\n%s\n}\n", name, name, more)
	}
	limit := rapid.SampledFrom([]string{"rows = 1", "rows = 7", "rows = 10\n wait = \"3s\"", "bytes = 150", "bytes = 300\n rows = 9\n wait = \"1s\"", "wait = \"2s\"", ""}).Draw(t, "batch of "+name)
	way := rapid.SampledFrom([]string{"", "parallel = 1", "parallel = 3\n order = \"key\""}).Draw(t, "way of "+name)
	return fmt.Sprintf("sink \"probe\" %q {\n to = %q\n%s\n%s\n%s\n}\n", name, name, limit, way, more)
}

// pipelineOf draws a pipeline and says what its sinks are called.
func pipelineOf(t *rapid.T) (body string, sinks []string) {
	body = source
	if rapid.Bool().Draw(t, "move") {
		body = strings.Replace(body, "ready = \"now\"", "ready = \"now\"\n after = \"move DIR/done\"", 1)
	}
	body += "map \"head\" {\n keep = \"*\"\n}\n" + stepsOf(t)
	body += "map \"tail\" {\n keep = [\"id\", \"key\", \"n\"]\n}\n"
	switch rapid.SampledFrom([]string{"one", "two", "branch", "diamond", "groups beside rows"}).Draw(t, "shape") {
	case "one":
		body += sinkOf(t, "a", "")
		sinks = []string{"a"}
	case "two":
		body += sinkOf(t, "a", "from = map.tail") + sinkOf(t, "b", "from = map.tail")
		sinks = []string{"a", "b"}
	case "branch":
		body += sinkOf(t, "a", "from = map.tail\n when = \"n < 2\"") + sinkOf(t, "b", "from = map.tail\n otherwise = true")
		sinks = []string{"a", "b"}
	case "diamond":
		body += "filter \"l\" {\n from = map.tail\n drop = \"n == 1\"\n}\nmap \"r\" {\n from = map.tail\n when = \"id % 2 == 0\"\n fields = { id = \"id\", key = \"key\", n = \"0 - n\" }\n}\n" +
			sinkOf(t, "a", "from = [filter.l, map.r]")
		sinks = []string{"a"}
	}
	if len(sinks) == 0 {
		body += "group \"g\" {\n from = map.tail\n by = [\"int(id / 3)\"]\n within = \"adjacent\"\n fields = { id = \"first(rows).id\", key = \"'g'\", n = \"len(rows)\" }\n}\n" +
			"filter \"l\" {\n from = map.tail\n drop = \"n == 1\"\n}\n" + sinkOf(t, "a", "from = [filter.l, group.g]")
		sinks = []string{"a"}
	}
	body += fmt.Sprintf("commit {\n rows = %d\n every = \"%ds\"\n}\n", rapid.IntRange(1, 120).Draw(t, "commit rows"), rapid.IntRange(1, 30).Draw(t, "commit every"))
	return body, sinks
}

// TestPropertyEffects: whatever a pipeline is made of and wherever its runs end,
// once it ran to its end the effects are those of a run that nothing disturbed.
func TestPropertyEffects(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body, sinks := pipelineOf(t)
		calm := newRig(t, tempDir(t), body)
		calm.chunk = rapid.IntRange(60, 600).Draw(t, "chunk")
		wild := newRig(t, tempDir(t), body)
		wild.chunk = calm.chunk
		calm.delivery = rapid.SampledFrom([]int64{0, 1, 150, 1000}).Draw(t, "delivery")
		wild.delivery = calm.delivery
		wild.staged = rapid.SampledFrom([]int64{0, 1, 500, 3000}).Draw(t, "staged")
		from := 0
		for i := range rapid.IntRange(1, 3).Draw(t, "files") {
			to := from + rapid.IntRange(0, 150).Draw(t, "rows")
			text := strings.ReplaceAll(csvRows(from, to), "3,k10,", "3,k10")
			for _, r := range []*rig{calm, wild} {
				r.put(fmt.Sprintf("f%d.csv", i), text)
			}
			from = to
		}
		calm.done()
		disturb(t, wild)
		for _, s := range sinks {
			if a, b := calm.result(s), wild.result(s); a != b {
				t.Fatalf("sink %s of\n%s\nhas after failures\n%s\nand without\n%s", s, body, b, a)
			}
		}
		a, b := calm.totals(), wild.totals()
		if fmt.Sprint(a) != fmt.Sprint(b) {
			t.Fatalf("totals of\n%s\nare %v after failures, and %v without", body, b, a)
		}
		equal(t, "dead letters", len(wild.rejects()), len(calm.rejects()))
	})
}

// disturb runs r until it ends well, with a failure in each run before.
func disturb(t *rapid.T, r *rig) {
	for range rapid.IntRange(1, 6).Draw(t, "failures") {
		r.clock.step = rapid.SampledFrom([]time.Duration{0, 10 * time.Millisecond, 300 * time.Millisecond, 2 * time.Second, -time.Minute}).Draw(t, "clock")
		left := rapid.IntRange(1, 30).Draw(t, "after")
		ctx, cancel := context.WithCancel(context.Background())
		how := rapid.SampledFrom([]string{"kill", "cancel", "receiver"}).Draw(t, "how")
		if how == "receiver" {
			r.probe.failNext(left, rapid.Bool().Draw(t, "took it"))
		}
		r.point = func(p string) {
			if left--; left != 0 {
				return
			}
			switch how {
			case "kill":
				panic(crash{p})
			case "cancel":
				cancel()
			}
		}
		_, _ = r.run(ctx)
		cancel()
		r.probe.failNext(0, false)
	}
	r.point = func(string) {}
	if _, err := r.run(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// result is what a receiver that honours keys has in the end, or the file.
func (r *rig) result(sink string) string {
	out, err := os.ReadFile(filepath.Join(r.dir, sink+".ndjson"))
	for _, n := range r.plan.Pipelines[0].Nodes {
		if n.Address == "sink."+sink && n.Type == "file" {
			if err != nil && !os.IsNotExist(err) {
				r.t.Fatal(err)
			}
			return string(out)
		}
	}
	rows := r.probe.effects(r.t, sink)
	if r.parallel(sink) {
		return byKey(rows)
	}
	return rows
}

// parallel reports whether deliveries of a probe sink may overtake one another.
func (r *rig) parallel(sink string) bool {
	return slices.ContainsFunc(r.plan.Pipelines[0].Nodes, func(n *plan.Node) bool {
		return n.Address == "sink."+sink && n.Sink.Batching().Parallel != nil
	})
}

// byKey sorts rows by the field key, so that only the order within a key counts (I4).
func byKey(rows string) string {
	lines := strings.SplitAfter(rows, "\n")
	key := func(line string) string {
		_, k, _ := strings.Cut(line, `"key":`)
		k, _, _ = strings.Cut(k, ",")
		return k
	}
	slices.SortStableFunc(lines, func(a, b string) int { return strings.Compare(key(a), key(b)) })
	return strings.Join(lines, "")
}

func tempDir(t *rapid.T) string {
	dir, err := os.MkdirTemp("", "weir-exec-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
