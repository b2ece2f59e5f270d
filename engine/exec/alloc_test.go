package exec_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"go.uber.org/zap"

	"weir/engine"
	"weir/engine/exec"
	"weir/engine/plugin"
	"weir/engine/plugin/plugintest"
	"weir/engine/state"
	"weir/engine/state/memkv"
	"weir/plugins/all"
)

// benchRows returns n rows of the input of testdata/bench/a.hcl: with quoted
// cells, letters beyond ASCII, days that do not exist, and rows that are dropped.
func benchRows(n int) []byte {
	var b bytes.Buffer
	b.WriteString("customer_no|email|first_name|last_name|gender|birth_date|street|house_no|postal_code|city|country|phone|mobile|registered_at|last_order|total_spent|discount|newsletter|sms_consent|notes\n")
	for i := range n {
		no, email, street, born := fmt.Sprintf("C%09d", i), fmt.Sprintf(" Jan.Kowalski%d@Example.pl", i), "Västra Ågatan", "11-01-1953"
		switch i % 50 {
		case 1:
			no, email = "", " "
		case 2:
			street = `"Lange ""|"" Straat"`
		case 3:
			born = "31-02-1990"
		case 4:
			born = ""
		}
		fmt.Fprintf(&b, "%s|%s|Märta|Wiśniewska|%s|%s|%s|%d|61-788|Łódź|%s|+48 227 526 562||06-01-2021|17-01-2021|1.%03d,%02d|10,2|N|N|\n",
			no, email, []string{"M", "F", "K", "X", ""}[i%5], born, street, i%100, []string{"PL", ""}[i%2], i%1000, i%100)
	}
	return b.Bytes()
}

// runJob runs a pipeline of testdata/bench and returns what it allocated.
func runJob(t *testing.T, file string, input []byte) (mallocs uint64, rep *exec.Report) {
	t.Helper()
	dir := t.TempDir()
	in := filepath.Join(dir, "in.csv")
	if err := os.WriteFile(in, input, 0o600); err != nil {
		t.Fatal(err)
	}
	e, ds := engine.New(engine.Options{Plugins: all.Plugins(io.Discard)})
	if ds.HasErrors() {
		t.Fatal(ds.Err())
	}
	l, ds := e.Load(t.Context(), file, engine.Inputs{Vars: []engine.VarFlag{{Name: "input", Value: in}, {Name: "output", Value: filepath.Join(dir, "out")}}})
	if ds.HasErrors() {
		t.Fatal(ds.Err())
	}
	clock := plugin.SystemClock{}
	store, err := state.New(memkv.New(), state.Options{Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	p := l.Plan.Pipelines[0]
	ses, err := store.Pipeline(t.Context(), p.Address, 1, l.Plan.Revision)
	if err != nil {
		t.Fatal(err)
	}
	host := plugintest.NewHost(t, clock)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	rep, err = exec.Run(t.Context(), exec.Options{
		Pipeline: p, Revision: l.Plan.Revision, Session: ses, Clock: clock, Log: zap.NewNop(), StateDir: dir,
		Host: func(string) plugin.Host { return host },
	})
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	return after.Mallocs - before.Mallocs, rep
}

// TestNoAllocationPerRow: once the lanes have their memory, csv, map, filter and
// NDJSON with the mapping of the benchmark allocate nothing for a row. What is
// left belongs to chunks and commits.
func TestNoAllocationPerRow(t *testing.T) {
	const few, more = 40_000, 120_000
	base, rep := runJob(t, "../../testdata/bench/a.hcl", benchRows(few))
	if want := int64(few / 50); rep.Counts.Read != few || rep.Counts.Filtered["no_identity"] != want || rep.Counts.Rejected != 0 {
		t.Fatalf("ledger %+v, want %d filtered", rep.Counts, want)
	}
	all, rep := runJob(t, "../../testdata/bench/a.hcl", benchRows(more))
	perRow := (float64(all) - float64(base)) / (more - few)
	t.Logf("%d allocations for %d rows, %d for %d", base, few, all, more)
	if perRow > 0.02 || rep.Counts.Read != more {
		t.Errorf("%.3f allocations a row", perRow)
	}
}
