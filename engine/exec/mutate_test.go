package exec_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// mapped writes a pipeline with so many map steps one after the other and returns its file.
func mapped(t *testing.T, steps int) string {
	t.Helper()
	text := "variable \"input\" {\n  type = string\n}\nvariable \"output\" {\n  type = string\n}\n" +
		"pipeline \"p\" {\n  source \"file\" \"in\" {\n    path  = var.input\n    ready = \"now\"\n  }\n" +
		"  decode \"csv\" {\n    columns = { a = \"text\", b = \"text\", n = \"int\" }\n  }\n"
	for i := range steps {
		text += fmt.Sprintf("  map \"m%d\" {\n    fields = { a = \"upper(a ?? '')\", b = \"(a ?? '') + '-' + (b ?? '')\", n = \"(n ?? 0) + %d\" }\n  }\n", i, i)
	}
	text += "  sink \"file\" \"out\" {\n    path   = var.output\n    format = \"ndjson\"\n  }\n}\n"
	file := filepath.Join(t.TempDir(), "p.hcl")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// The second step that changes rows, and the third, cost memory once for a run and
// none for a row: no row is copied because a step before it changed it.
func TestSecondMutatingStepAllocatesNothing(t *testing.T) {
	const few, more = 20_000, 80_000
	input := func(n int) []byte {
		b := []byte("a,b,n\n")
		for i := range n {
			b = fmt.Appendf(b, "name %d,b%d,%d\n", i, i, i)
		}
		return b
	}
	perRow := func(steps int) float64 {
		base, _ := runJob(t, mapped(t, steps), input(few))
		all, rep := runJob(t, mapped(t, steps), input(more))
		if rep.Counts.Delivered != more {
			t.Fatalf("%d steps: %s", steps, rep.Counts)
		}
		return (float64(all) - float64(base)) / (more - few)
	}
	one := perRow(1)
	for steps := 2; steps <= 3; steps++ {
		if n := perRow(steps); n > one+0.02 {
			t.Errorf("%.4f allocations a row with one map, %.4f with %d", one, n, steps)
		}
	}
	if one > 0.02 {
		t.Errorf("%.4f allocations a row with one map", one)
	}
}
