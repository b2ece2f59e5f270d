// Command serve measures weir serve: with thousands of pipelines, from the change
// of a file to the first row, and while the folder is reloaded again and again.
// It prints a table of what was asked and what was measured, and judges nothing:
// figures of a busy machine prove nothing. It ends with 1 when something did not
// happen at all.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

type settings struct {
	weir, jobs, job, work, out string
	keep                       bool

	modules, each, fed, changes int // of many
	idle                        time.Duration

	wide, times int // of change: rows of the file that is read, changes

	rows, rounds int // of reload: rows of job A, rounds
}

// quiet is how long weir serve waits for further changes by default.
const quiet = 200 * time.Millisecond

func main() {
	var s settings
	flag.StringVar(&s.weir, "weir", "bin/weir", "the program to measure")
	flag.StringVar(&s.jobs, "jobs", "many change reload", "what to measure")
	flag.StringVar(&s.job, "job", "testdata/bench/a.hcl", "job A")
	flag.StringVar(&s.work, "work", filepath.Join(os.TempDir(), "weir-bench-serve"), "folder for what is generated; it is removed at the end")
	flag.StringVar(&s.out, "out", "", "folder for the output of job A; the work folder when empty")
	flag.BoolVar(&s.keep, "keep", false, "leave what was generated")
	flag.IntVar(&s.modules, "modules", 500, "many: modules")
	flag.IntVar(&s.each, "each", 10, "many: pipelines in each")
	flag.IntVar(&s.fed, "fed", 10, "many: one module in so many has a file to read for each pipeline")
	flag.IntVar(&s.changes, "changes", 10, "many: files changed, one after the other")
	flag.DurationVar(&s.idle, "idle", 3*time.Minute, "many: how long pipelines poll before memory is measured")
	flag.IntVar(&s.wide, "wide", 6_000_000, "change: rows of the file that is read meanwhile")
	flag.IntVar(&s.times, "times", 20, "change: changes")
	flag.IntVar(&s.rows, "rows", 3_000_000, "reload: rows of job A")
	flag.IntVar(&s.rounds, "rounds", 3, "reload: runs without and with reloads, by turns")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := s.all(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// all measures what was asked for and prints each table when it is there.
func (s *settings) all(ctx context.Context) error {
	if s.out == "" {
		s.out = s.work
	}
	for _, job := range strings.Fields(s.jobs) {
		dir := filepath.Join(s.work, job)
		if err := os.RemoveAll(dir); err != nil { // state of an earlier run would make this one another
			return err
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		do := map[string]func(context.Context, string) (table, error){"many": s.many, "change": s.change, "reload": s.reload}[job]
		if do == nil {
			return fmt.Errorf("there is no job %q: many, change and reload are", job)
		}
		t, err := do(ctx, dir)
		t.print()
		if !s.keep {
			if rerr := os.RemoveAll(dir); err == nil {
				err = rerr
			}
		}
		if err != nil {
			return fmt.Errorf("%s: %w", job, err)
		}
	}
	return nil
}

// table is what was measured.
type table struct {
	title string
	lines [][3]string // what, the target, what was measured
}

func (t *table) add(what, target, format string, args ...any) {
	t.lines = append(t.lines, [3]string{what, target, fmt.Sprintf(format, args...)})
}

func (t *table) print() {
	fmt.Printf("\n%s\n", t.title)
	for _, l := range t.lines {
		fmt.Printf("  %-46s %-10s %s\n", l[0], l[1], l[2])
	}
}

// spread describes durations.
func spread(list []time.Duration) string {
	if len(list) == 0 {
		return "none"
	}
	list = slices.Sorted(slices.Values(list))
	return fmt.Sprintf("%s (%s to %s, of %d)", short(list[len(list)/2]), short(list[0]), short(list[len(list)-1]), len(list))
}

func short(d time.Duration) string {
	if d < 10*time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}

// sleep waits for d, or until ctx is done, and returns ctx's error then.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
