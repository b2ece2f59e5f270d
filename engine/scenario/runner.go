package scenario

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/zclconf/go-cty/cty"

	"weir/engine/diag"
	"weir/engine/plugin"
)

// Run runs the tests of s, several at a time, and calls report with each result
// in the order of the files, from one goroutine at a time. Cover is nil unless
// asked for. A cancelled ctx ends the tests that run and starts no more.
func Run(ctx context.Context, s *Suite, o Options, report func(*Result)) *Cover {
	var cover *Cover
	if o.Cover {
		cover = newCover()
	}
	type job struct {
		file *File
		test *Test
		done chan *Result
	}
	var jobs []job
	for _, f := range s.Files {
		for _, t := range f.Tests {
			if o.Match == nil || o.Match.MatchString(t.Name) {
				jobs = append(jobs, job{f, t, make(chan *Result, 1)})
			}
		}
	}
	parallel := o.Parallel
	if parallel <= 0 {
		parallel = runtime.GOMAXPROCS(0)
	}
	next := make(chan job)
	var wg sync.WaitGroup
	for range min(parallel, len(jobs)) {
		wg.Go(func() {
			for j := range next {
				started := plugin.SystemClock{}.Now()
				r := runTest(ctx, j.test, o, cover)
				r.Test, r.File, r.Elapsed = j.test, j.file, plugin.SystemClock{}.Now().Sub(started)
				maps.Copy(r.Sources, s.Sources)
				j.done <- r
			}
		})
	}
	wg.Go(func() {
		for _, j := range jobs {
			next <- j
		}
		close(next)
	})
	for _, j := range jobs {
		report(<-j.done)
	}
	wg.Wait()
	return cover
}

// runner runs one test.
type runner struct {
	o        Options
	t        *Test
	cover    *Cover
	clock    *clock
	servers  []*server
	dir      string // of everything the test keeps
	state    string
	copies   int
	vars     map[string]cty.Value
	edited   map[string][]byte // what files of the configuration hold that steps changed, see config.Inputs
	machines []*machine        // what the steps of each process of the test reach
	served   *served           // nil while nothing is served
	frozen   []frozen
	dead     []*served // that crashed
	secrets  []string  // values of sensitive variables, of all runs
	stop     context.CancelFunc
	res      *Result
}

func runTest(ctx context.Context, t *Test, o Options, cover *Cover) *Result {
	res := &Result{Sources: map[string][]byte{}}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	r := &runner{o: o, t: t, cover: cover, clock: &clock{now: t.at}, vars: maps.Clone(t.vars), edited: map[string][]byte{}, stop: stop, res: res}
	if err := r.begin(); err != nil { //nolint:contextcheck // the servers end with the test, not with a call
		res.Problems = append(res.Problems, diag.Errorf("test.failed", &t.Range, "The test could not begin", "%s.", err))
	} else {
		for _, s := range t.steps {
			if r.step(ctx, s); ctx.Err() != nil {
				res.Problems = append(res.Problems, diag.Errorf("run.interrupted", &s.rng, "The test was interrupted", ""))
			}
			if !res.Passed() {
				break // what later steps find would follow from this
			}
		}
	}
	if err := r.end(ctx); err != nil {
		res.Problems = append(res.Problems, diag.Errorf("test.failed", &t.Range, "The test could not end", "%s.", err))
	}
	r.mask()
	return res
}

// mask takes the values of sensitive variables out of the problems, which show
// what servers recorded (I9).
func (r *runner) mask() {
	for i := range r.res.Problems {
		d := &r.res.Problems[i]
		for _, s := range r.secrets {
			d.Summary, d.Detail = strings.ReplaceAll(d.Summary, s, "(secret)"), strings.ReplaceAll(d.Detail, s, "(secret)")
		}
	}
}

func (r *runner) begin() (err error) {
	if r.dir, err = os.MkdirTemp("", "weir-test-"); err != nil {
		return err
	}
	r.state = filepath.Join(r.dir, "state")
	for _, s := range r.t.servers {
		running, err := s.start(r.clock)
		if err != nil {
			return err
		}
		r.servers = append(r.servers, running)
	}
	return nil
}

func (r *runner) end(ctx context.Context) error {
	var errs []error
	if r.served != nil {
		errs = append(errs, r.served.stop(ctx))
	}
	for _, s := range r.servers {
		errs = append(errs, s.close())
	}
	r.stop()
	for _, f := range r.frozen {
		f.gate.open()
		<-f.over
	}
	for _, v := range r.dead {
		v.bury(ctx)
	}
	if r.dir != "" {
		errs = append(errs, os.RemoveAll(r.dir))
	}
	return errors.Join(errs...)
}
