package pipelines_test

import (
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/engine/compute"
	"weir/engine/config"
	"weir/engine/diag"
	"weir/engine/files"
	"weir/engine/function"
	"weir/engine/plan"
	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/spec"
	"weir/engine/step"
	"weir/plugins/all"
)

// watched is a compiler that notes what does not run as kernels.
type watched struct {
	plugin.Compiler
	seen *seen
}

type seen struct {
	mu    sync.Mutex
	count int
	slow  map[string]string // why, by expression
}

func (s *seen) note(t spec.Text, x plugin.Expr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, compiled := x.(*compute.Expr); compiled && e != nil {
		s.count++
		if fully, why := e.Kernel(); !fully {
			s.slow[strings.TrimSpace(t.S)] = why
		}
	}
}

func (w watched) Row(t spec.Text, want record.Kind) (plugin.Expr, diag.List) {
	x, ds := w.Compiler.Row(t, want)
	w.seen.note(t, x)
	return x, ds
}

func (w watched) Rows(t spec.Text, extra []record.Field, want record.Kind) (plugin.Expr, diag.List) {
	x, ds := w.Compiler.Rows(t, extra, want)
	w.seen.note(t, x)
	return x, ds
}

func (w watched) Value(t spec.Text, env []record.Field, want record.Kind) (plugin.Expr, diag.List) {
	x, ds := w.Compiler.Value(t, env, want)
	w.seen.note(t, x)
	return x, ds
}

// planned plans the connector in dir with the values that have no default.
func planned(t *testing.T, dir string, vars map[string]string) *seen {
	t.Helper()
	in := config.Inputs{Env: func(string) (string, bool) { return "", false }}
	for n, v := range vars {
		in.Vars = append(in.Vars, config.VarFlag{Name: n, Value: v})
	}
	c, ds := config.Load(dir, in)
	if ds.HasErrors() {
		t.Fatal(ds.Err())
	}
	plugins := map[string]plugin.Plugin{}
	for _, p := range all.Plugins(io.Discard) {
		plugins[p.Name] = files.Adapt(p)
	}
	s := &seen{slow: map[string]string{}}
	_, ds = plan.Build(c, plan.Options{Plugins: plugins, Steps: step.All(), Compiler: func(in *record.Schema, v plan.Values) plugin.Compiler {
		return watched{compute.New(in, compute.Options{Vars: v.Vars, Locals: v.Locals, Now: plugin.SystemClock{}.Now, Functions: function.All()}), s}
	}})
	if ds.HasErrors() {
		t.Fatal(ds.Err())
	}
	return s
}

// The expressions of the connector run as kernels, but for those listed here.
func TestExpressionsAreKernels(t *testing.T) {
	s := planned(t, "srs-activate", map[string]string{
		"ftp_host": "127.0.0.1", "ftp_username": "srs", "ftp_password": "p", "activate_account": "1", "activate_api_key": "k",
	})
	want := map[string]string{
		// One reply for a request of many rows, whose shape is known only when it is there.
		"status in [200, 201, 400] ? body?.errors ?? [] : []": "a field of a value whose type shows only at run time runs row by row, in body?.errors",
	}
	if d := cmp.Diff(want, s.slow); d != "" {
		t.Errorf("what runs row by row (-want +got):\n%s", d)
	}
	if s.count < 40 {
		t.Errorf("only %d expressions were compiled", s.count)
	}
}
