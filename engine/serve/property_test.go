package serve_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"
)

// shape is how a pipeline of the property test is configured.
type shape struct {
	gone   bool
	broken bool // its file cannot be read
	mark   int  // of the mapping
	drop   int  // rows whose number it divides are filtered; 0: there is no filter
	note   int  // of the sink
	batch  int  // rows of a delivery
	dedupe bool // fixed for a pipeline, as is group
	group  bool
	move   bool // files are moved away when they are done
}

// text is the file of the pipeline called name.
func (s *shape) text(name string) string {
	var steps strings.Builder
	if s.dedupe {
		steps.WriteString("  dedupe \"once\" {\n    keys = { a = \"a\" }\n  }\n")
	}
	if s.drop > 0 {
		fmt.Fprintf(&steps, "  filter \"f\" {\n    drop = \"int(a) %% %d == 0\"\n  }\n", s.drop)
	}
	if s.group {
		fmt.Fprintf(&steps, "  group \"g\" {\n    by     = [\"k\"]\n    within = \"adjacent\"\n    fields = { a = \"join(map(rows, .a ?? ''), '+')\" }\n  }\n")
	}
	fmt.Fprintf(&steps, "  map \"m\" {\n    fields = { v = \"'m%d:' + (a ?? '')\" }\n  }\n", s.mark)
	after := "keep"
	if s.move {
		after = "move DIR/done"
	}
	text := strings.NewReplacer("NAME", name, "STEPS", steps.String(), "AFTER", after, "NOTE", fmt.Sprintf("n%d ", s.note), "BATCH", fmt.Sprint(s.batch)).Replace(`pipeline "NAME" {
  schedule = "every 20s"
  source "file" "in" {
    path  = "DIR/in/NAME_*.csv"
    ready = "now"
    after = "AFTER"
  }
  decode "csv" {
    columns = { a = "text", k = "text", pad = "text" }
  }
STEPS
  sink "trap" "out" {
    trap = "NAME"
    note = "NOTE"
    rows = BATCH
  }
}
`)
	if s.broken {
		return strings.Replace(text, "steps", "", 1)[:len(text)/2]
	}
	return text
}

// world is the folder as it is at one moment.
type world struct {
	pipes  []shape
	common bool // a file that concerns everything is wrong
}

func (w *world) clone() world {
	return world{pipes: append([]shape(nil), w.pipes...), common: w.common}
}

// act is one thing that happens.
type act struct {
	do   string
	pipe int
	n    int
}

func (a act) String() string { return fmt.Sprintf("%s %d %d", a.do, a.pipe, a.n) }

// story is what a property test does.
type story struct {
	shapes []shape
	acts   []act
}

func drawStory(t *rapid.T) story {
	var s story
	for range rapid.IntRange(1, 4).Draw(t, "pipelines") {
		kind := rapid.IntRange(0, 3).Draw(t, "kind")
		s.shapes = append(s.shapes, shape{
			batch: rapid.SampledFrom([]int{1, 3, 1000}).Draw(t, "batch"), dedupe: kind == 1, group: kind == 2, move: rapid.Bool().Draw(t, "move"),
		})
	}
	kinds := []string{
		"mark", "mark", "drop", "note", "note", "batch", "gone", "broken", "common", "reload", "reload", "reload", "both",
		"file", "file", "file", "big", "hang", "release", "refuse", "fail", "late", "run", "sleep", "sleep", "long", "restart", "kill", "kill", "stuck", "amid",
	}
	for range rapid.IntRange(5, 40).Draw(t, "acts") {
		s.acts = append(s.acts, act{
			do: rapid.SampledFrom(kinds).Draw(t, "do"), pipe: rapid.IntRange(0, len(s.shapes)-1).Draw(t, "pipe"), n: rapid.IntRange(0, 9).Draw(t, "n"),
		})
	}
	return s
}

// Whatever sequence of configurations, right and wrong, a server is given, and
// whatever happens meanwhile at its sources and sinks: the invariants I1 to I8 hold
// at each moment of rest, and once the folder is right and the far side answers,
// everything is delivered and every pipeline is well.
func TestReloadProperty(t *testing.T) {
	limit, tried, failed := 25, 0, false
	if testing.Short() {
		limit = 8
	}
	if os.Getenv("WEIR_RELOAD_STORIES") != "" {
		limit = 100
	}
	rapid.Check(t, func(rt *rapid.T) {
		s := drawStory(rt)
		if tried++; tried > limit && !failed {
			return
		}
		var problems []string
		synctest.Test(t, func(t *testing.T) {
			l := newLife(t, s)
			l.live()
			problems = l.problems
		})
		if len(problems) > 0 {
			failed = true
			rt.Fatalf("%v\n%s", s.acts, strings.Join(problems, "\n"))
		}
	})
}
