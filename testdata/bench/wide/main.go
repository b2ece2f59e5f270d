// Command wide measures how much memory the program takes for rows of just under a
// megabyte: a gigabyte of them that are all refused, that are grouped within their file,
// that have a key of a megabyte each, and that are expanded. It fails when a job takes
// more than it may.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// job is one pipeline over the input that row makes.
type job struct {
	name  string
	row   func(i int, text string) string
	steps string
	fails bool // the program is to refuse the file by name
}

var jobs = []job{
	{name: "refused", row: func(i int, text string) string { return fmt.Sprintf("x%d,%d,%s", i, i%10, text) }},
	{name: "grouped", row: plain, fails: true, steps: `
  group "g" {
    by     = ["k"]
    fields = { n = "len(rows)", text = "first(rows).text" }
  }`},
	{name: "adjacent", row: func(i int, text string) string { return fmt.Sprintf("%d,%d,%s", i, i/20, text) }, steps: `
  group "g" {
    by     = ["k"]
    within = "adjacent"
    fields = { n = "len(rows)", text = "first(rows).text" }
  }`},
	{name: "keys", row: func(i int, text string) string { return fmt.Sprintf("%d,%010d%s,a", i, i, text) }, steps: `
  dedupe "d" {
    keys = { k = "k" }
    keep = "first"
  }`},
	{name: "unique", row: func(i int, text string) string { return fmt.Sprintf("%d,%010d%s,a", i, i, text) }, steps: `
  check "c" {
    unique = ["k"]
  }`},
	{name: "expanded", row: plain, steps: `
  expand "e" {
    rows   = "1..200"
    fields = { id = "id", n = "item" }
  }`},
}

func plain(i int, text string) string { return fmt.Sprintf("%d,%d,%s", i, i%10, text) }

func main() {
	weir := flag.String("weir", "bin/weir", "the program to measure")
	work := flag.String("work", filepath.Join(os.TempDir(), "weir-wide"), "folder for input, output and state; it is made anew for each job")
	rows := flag.Int("rows", 1024, "rows of input")
	size := flag.Int("size", 1_000_000, "bytes of each")
	most := flag.Int64("most", 512, "MiB that a job may take")
	only := flag.String("jobs", "", "those to run, such as \"refused keys\"; all when empty")
	flag.Parse()
	bad := false
	for _, j := range jobs {
		if *only != "" && !strings.Contains(" "+*only+" ", " "+j.name+" ") {
			continue
		}
		peak, took, err := j.run(*weir, *work, *rows, *size)
		verdict := "ok"
		if err != nil || peak > *most<<20 {
			bad, verdict = true, fmt.Sprintf("more than %d MiB", *most)
		}
		if err != nil {
			verdict = err.Error()
		}
		fmt.Printf("%-10s %5d MiB  %6.1fs  %s\n", j.name, peak>>20, took.Seconds(), verdict)
	}
	if bad {
		os.Exit(1)
	}
}

func (j *job) run(weir, work string, rows, size int) (peak int64, took time.Duration, err error) {
	if err := os.RemoveAll(work); err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	if err := os.MkdirAll(work, 0o700); err != nil {
		return 0, 0, err
	}
	if err := j.write(filepath.Join(work, "in.csv"), rows, size); err != nil {
		return 0, 0, err
	}
	config := strings.ReplaceAll(`pipeline "wide" {
  source "file" "in" {
    path  = "WORK/in.csv"
    ready = "now"
    after = "keep"
  }
  decode "csv" {
    columns = { id = "int", k = "text", text = "text" }
  }`+j.steps+`
  sink "file" "out" {
    path   = "WORK/out.ndjson"
    format = "ndjson"
    exists = "replace"
  }
}
`, "WORK", work)
	if err := os.WriteFile(filepath.Join(work, "main.hcl"), []byte(config), 0o600); err != nil {
		return 0, 0, err
	}
	begun := time.Now()
	cmd := exec.Command(weir, "run", "--state", filepath.Join(work, "state"), filepath.Join(work, "main.hcl"))
	out, err := cmd.CombinedOutput()
	took = time.Since(begun)
	if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		peak = u.Maxrss << 10
	}
	var exit *exec.ExitError
	switch {
	case j.fails && errors.As(err, &exit) && strings.Contains(string(out), "max_bytes"):
		return peak, took, nil
	case err == nil && j.fails:
		return peak, took, errors.New("it was not refused")
	case err != nil:
		return peak, took, fmt.Errorf("%w: %s", err, out[max(0, len(out)-1000):])
	}
	return peak, took, nil
}

func (j *job) write(name string, rows, size int) (err error) {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriterSize(f, 1<<20)
	text := strings.Repeat("0123456789abcdef", size/16+1)[:size-40]
	_, _ = fmt.Fprintln(w, "id,k,text")
	for i := range rows {
		_, _ = fmt.Fprintln(w, j.row(i, text)) // Flush says what went wrong
	}
	return w.Flush()
}
