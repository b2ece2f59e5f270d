// Command run measures programs that do the same job, in turn and several times,
// and prints the medians: rows a second, processor time, peak memory, and weir's
// rate as a share of each other's. It ends with 1 when an output is wrong.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

type settings struct {
	weir, jobs, pipelines, work, out, peers string
	rows, times, download, keyRows          int
}

func main() {
	var s settings
	flag.StringVar(&s.weir, "weir", "bin/weir", "the program to measure")
	flag.StringVar(&s.jobs, "jobs", "A B C", "jobs to run")
	flag.StringVar(&s.pipelines, "pipelines", ".", "folder of a.hcl, b.hcl and c.hcl")
	flag.StringVar(&s.work, "work", ".", "folder of bin and of the input")
	flag.StringVar(&s.out, "out", ".", "folder for output")
	flag.StringVar(&s.peers, "peers", "", "folder of duckdb.js and polars.js, as far as they are there; none when empty")
	flag.IntVar(&s.rows, "rows", 500_000, "rows of input")
	flag.IntVar(&s.times, "times", 3, "rounds")
	flag.IntVar(&s.download, "download", 2_800_000, "rows of the file to download")
	flag.IntVar(&s.keyRows, "keyrows", 23_600_000, "rows of the job keys")
	place := flag.String("fetch", "", "only download the file of this place into -out")
	post := flag.String("post", "", "only post the lines of -input there, in batches of 100")
	hand := flag.String("hand", "", "only do job A with -input and post the rows there, in batches of 100")
	input := flag.String("input", "", "file for -post and -hand")
	service := flag.Bool("serve", false, "only be the service that takes what is posted")
	flag.Parse()
	ok, err := true, error(nil)
	switch {
	case *place != "":
		err = fetch(context.Background(), *place, s.out)
	case *service:
		err = serve()
	case *post != "":
		err = bareLoop(*post, *input)
	case *hand != "":
		err = handLoop(*hand, *input)
	default:
		ok, err = s.all()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// all runs every job and reports whether all outputs were right.
func (s *settings) all() (ok bool, err error) {
	ok = true
	for _, job := range strings.Fields(s.jobs) {
		var do func() (bool, error)
		switch job {
		case "A", "B", "C":
			do = func() (bool, error) { return s.run(job, s.programs(job)) }
		case "rest":
			do = s.rest
		case "keys":
			do = s.manyKeys
		case "downloads":
			do = func() (bool, error) { return true, s.downloads() }
		default:
			return false, fmt.Errorf("there is no job %q: A, B, C, rest, keys or downloads", job)
		}
		good, err := do()
		if err != nil {
			return false, err
		}
		ok = ok && good
	}
	return ok, nil
}

// manyKeys is job B with so many keys that what tells them does not fit into the
// memory of the state store. The naive program would take all memory and minutes.
func (s *settings) manyKeys() (bool, error) {
	many := *s
	many.rows, many.peers = s.keyRows, ""
	ps := many.programs("B")
	return many.run("B", slices.DeleteFunc(ps, func(p *program) bool { return p.name == "naive" }))
}

// known is what verify prints for 500,000 rows.
func known(job string) string {
	return map[string]string{"A": "682ea9f6c9b1db35", "B": "aed511d0caaf9fbf", "C": "d530cd4d55f55817"}[job]
}

// program is one way to do a job.
type program struct {
	name   string
	args   []string
	out    string
	before func() error // each run
	digest string
	runs   []usage
}

// usage is what one run took.
type usage struct {
	wall, cpu time.Duration
	peak      int64 // bytes
}

func (s *settings) programs(job string) []*program {
	kind := "customers"
	if job == "C" {
		kind = "receipts"
	}
	in := filepath.Join(s.work, fmt.Sprintf("%s-%d.csv", kind, s.rows))
	bin := func(name string) string { return filepath.Join(s.work, "bin", name) }
	out := func(name string) string { return filepath.Join(s.out, "weir-bench-"+name+".ndjson") }
	state := filepath.Join(s.work, "state")
	ps := []*program{
		{name: "hand-written", out: out("hand"), args: []string{bin("handwritten"), job, in, out("hand"), "2"}},
		{name: "naive", out: out("naive"), args: []string{bin("naive"), job, in, out("naive")}},
		{name: "weir", out: out("weir"), before: func() error { return os.RemoveAll(state) }, args: []string{
			s.weir, "run", filepath.Join(s.pipelines, strings.ToLower(job)+".hcl"), "--var", "input=" + in, "--var", "output=" + out("weir"), "--state", state}},
	}
	if s.peers != "" {
		for _, name := range []string{"duckdb", "polars"} {
			script := filepath.Join(s.peers, name+".js")
			if _, err := os.Stat(script); err != nil {
				continue // it could not be had
			}
			ps = append(ps, &program{name: name, out: out(name), args: []string{"node", script, job, in, out(name)}})
		}
	}
	return ps
}

// run does one job with every program and reports whether all outputs were right.
func (s *settings) run(job string, ps []*program) (ok bool, err error) {
	defer func() {
		for _, p := range ps {
			_ = os.Remove(p.out) // it may never have been made
		}
	}()
	for round := range s.times {
		for _, p := range ps {
			u, err := p.measure()
			if err != nil {
				return false, fmt.Errorf("job %s: %s: %w", job, p.name, err)
			}
			p.runs = append(p.runs, u)
			if round == 0 {
				if p.digest, err = s.verify(p.out); err != nil {
					return false, err
				}
			}
			if err := os.Remove(p.out); err != nil {
				return false, err
			}
		}
	}
	return s.print(job, ps), nil
}

func (p *program) measure() (usage, error) {
	if p.before != nil {
		if err := p.before(); err != nil {
			return usage{}, err
		}
	}
	c := exec.Command(p.args[0], p.args[1:]...) //nolint:gosec // the programs to compare
	c.Env = append(os.Environ(), "POLARS_MAX_THREADS=2")
	start := time.Now()
	text, err := c.CombinedOutput()
	wall := time.Since(start)
	if err != nil {
		return usage{}, fmt.Errorf("%w\n%s", err, text)
	}
	u := usage{wall: wall, cpu: c.ProcessState.UserTime() + c.ProcessState.SystemTime()}
	if r, ok := c.ProcessState.SysUsage().(*syscall.Rusage); ok {
		u.peak = r.Maxrss << 10
	}
	return u, nil
}

// verify returns the order-insensitive digest of an output.
func (s *settings) verify(file string) (string, error) {
	text, err := exec.Command(filepath.Join(s.work, "bin", "verify"), file).CombinedOutput() //nolint:gosec // built by the script
	if err != nil {
		return "", fmt.Errorf("verify: %w\n%s", err, text)
	}
	_, digest, _ := strings.Cut(strings.TrimSpace(string(text)), "digest=")
	return digest, nil
}

// print shows the medians of a job and reports whether the digests agree.
func (s *settings) print(job string, ps []*program) bool {
	fmt.Printf("\njob %s, %d rows, medians of %d (least..most)\n", job, s.rows, s.times)
	fmt.Printf("  %-14s %8s %-16s %7s %9s %11s %8s  %s\n", "", "wall s", "", "cpu s", "k rows/s", "k rows/cpu s", "MiB", "weir is")
	var weir *program
	want := ps[0].digest
	if s.rows == 500_000 {
		want = known(job)
	}
	for _, p := range ps {
		if p.name == "weir" {
			weir = p
		}
	}
	ok := true
	for _, p := range ps {
		wall, cpu := p.median(func(u usage) time.Duration { return u.wall }), p.median(func(u usage) time.Duration { return u.cpu })
		least, most := p.runs[0].wall, p.runs[0].wall
		var peak int64
		for _, u := range p.runs {
			least, most, peak = min(least, u.wall), max(most, u.wall), max(peak, u.peak)
		}
		ratio := ""
		if p != weir {
			own := weir.median(func(u usage) time.Duration { return u.wall })
			ratio = fmt.Sprintf("%.2f of it", wall.Seconds()/own.Seconds())
		}
		if p.digest != want {
			ok = false
			ratio += "  WRONG OUTPUT: digest " + p.digest + ", not " + want
		}
		rate := func(d time.Duration) float64 { return float64(s.rows) / d.Seconds() / 1000 }
		fmt.Printf("  %-14s %8.2f %-16s %7.2f %9.0f %11.0f %8d  %s\n", p.name, wall.Seconds(),
			fmt.Sprintf("(%.2f..%.2f)", least.Seconds(), most.Seconds()), cpu.Seconds(), rate(wall), rate(cpu), peak>>20, ratio)
	}
	return ok
}

func (p *program) median(of func(usage) time.Duration) time.Duration {
	var ds []time.Duration
	for _, u := range p.runs {
		ds = append(ds, of(u))
	}
	slices.Sort(ds)
	return ds[len(ds)/2]
}
