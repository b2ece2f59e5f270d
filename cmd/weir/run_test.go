package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"go.uber.org/zap"

	"weir/engine"
	"weir/engine/diag"
	"weir/engine/plan"
	"weir/engine/plugin"
)

// fakeEngine gives the verbs a configuration and an outcome.
type fakeEngine struct {
	diags  diag.List
	source string
	plan   *plan.Plan
	report *engine.RunReport
	err    error

	in  engine.Inputs // as Load was called
	ran engine.RunOptions
}

func (f *fakeEngine) Load(_ context.Context, _ string, in engine.Inputs) (*engine.Loaded, diag.List) {
	f.in = in
	return &engine.Loaded{Sources: map[string][]byte{"a.hcl": []byte(f.source)}, Plan: f.plan}, f.diags
}

func (f *fakeEngine) Run(ctx context.Context, _ *engine.Loaded, o engine.RunOptions) (*engine.RunReport, error) {
	f.ran = o
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return f.report, f.err
}

// weir runs a command line in this process.
func weir(ctx context.Context, f *fakeEngine, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	if f.plan == nil {
		f.plan = &plan.Plan{Pipelines: []*plan.Pipeline{{Address: "customers"}, {Address: "purchases"}}}
	}
	a := &app{
		stdin: strings.NewReader(""), stdout: &out, stderr: &errs, getenv: func(string) string { return "" },
		newEngine: func(*zap.Logger) (runner, diag.List) { return f, nil },
	}
	code = a.main(ctx, args)
	return code, out.String(), errs.String()
}

func purchases() engine.PipelineReport {
	return engine.PipelineReport{
		Name: "purchases",
		Ledger: engine.Ledger{
			Read: 15, Delivered: 5, Filtered: map[string]int64{"no_customer": 2, "test_orders": 0}, Grouped: 7, Rejected: 1,
		},
		Objects: 2,
		Groups:  []engine.GroupCount{{Step: "group.order", Rows: 12, Groups: 5}},
	}
}

func TestRunPrintsLedger(t *testing.T) {
	f := &fakeEngine{report: &engine.RunReport{OK: true, Pipelines: []engine.PipelineReport{{Name: "customers"}, purchases()}}}
	code, out, errs := weir(t.Context(), f, "run", "--state", "dir", "--pipeline", "purchases", "--var", "a=b=c")
	want := `customers
  read          0
  delivered     0
  filtered      0
  deduplicated  0
  grouped       0
  rejected      0
  held          0
  0 read = 0 delivered

purchases
  read                  15  from 2 files
  delivered              5
  filtered no_customer   2
  filtered test_orders   0
  deduplicated           0
  grouped                7  12 rows became 5 groups
  rejected               1
  held                   0
  15 read = 5 delivered + 2 filtered (no_customer) + 7 grouped + 1 rejected
`
	if d := cmp.Diff(want, out); d != "" || code != exitOK || errs != "" {
		t.Errorf("code %d, stderr %q\n%s", code, errs, d)
	}
	if f.ran.StateDir != "dir" || len(f.ran.Pipelines) != 1 || f.in.Vars[0] != (engine.VarFlag{Name: "a", Value: "b=c"}) {
		t.Errorf("the engine was given %+v and %+v", f.in, f.ran)
	}
}

func TestRunJSON(t *testing.T) {
	f := &fakeEngine{report: &engine.RunReport{OK: true, Pipelines: []engine.PipelineReport{{Name: "customers"}, purchases()}}}
	code, out, _ := weir(t.Context(), f, "run", "--json")
	want := `{"pipelines":[{"pipeline":"customers","ledger":{"read":0,"delivered":0,"filtered":{},"deduplicated":0,"grouped":0,"rejected":0,"held":0}},` +
		`{"pipeline":"purchases","ledger":{"read":15,"delivered":5,"filtered":{"no_customer":2,"test_orders":0},"deduplicated":0,"grouped":7,"rejected":1,"held":0}}],"ok":true}` + "\n"
	if d := cmp.Diff(want, out); d != "" || code != exitOK {
		t.Errorf("code %d\n%s", code, d)
	}
}

func TestRunExpandedAndNotices(t *testing.T) {
	p := engine.PipelineReport{
		Name: "p", Ledger: engine.Ledger{Read: 2, Expanded: 3, Delivered: 5},
		Notices: diag.List{{Code: "row.unused_columns", Severity: diag.Warning, Summary: "Columns nobody declared"}},
	}
	f := &fakeEngine{report: &engine.RunReport{OK: true, Pipelines: []engine.PipelineReport{p}}}
	code, out, errs := weir(t.Context(), f, "run", "--json")
	for _, part := range []string{`"held":0,"expanded":3}`, `"notices":[{"severity":"warning","code":"row.unused_columns"`, `"ok":true`} {
		if !strings.Contains(out, part) {
			t.Errorf("%s is missing in %s", part, out)
		}
	}
	if code != exitOK || !strings.Contains(errs, "1 warning") {
		t.Errorf("code %d, stderr %s", code, errs)
	}
	if _, out, _ = weir(t.Context(), f, "run"); !strings.Contains(out, "2 read + 3 expanded = 5 delivered") {
		t.Error(out)
	}
}

// A run that goes on with rows that were held before says so in its sum.
func TestRunTakesUpHeldRows(t *testing.T) {
	p := engine.PipelineReport{Name: "p", Ledger: engine.Ledger{Read: 40, Delivered: 6, Grouped: 36, Held: -2}}
	f := &fakeEngine{report: &engine.RunReport{OK: true, Pipelines: []engine.PipelineReport{p}}}
	code, out, _ := weir(t.Context(), f, "run")
	if code != exitOK || !strings.Contains(out, "40 read + 2 taken up = 6 delivered + 36 grouped") || strings.Contains(out, "-2") {
		t.Errorf("code %d:\n%s", code, out)
	}
}

// I3: a ledger that does not add up is a failure, in words and in the exit code.
func TestRunRefusesWrongSum(t *testing.T) {
	p := engine.PipelineReport{Name: "p", Ledger: engine.Ledger{Read: 3, Delivered: 1, Held: 1}}
	f := &fakeEngine{report: &engine.RunReport{OK: true, Pipelines: []engine.PipelineReport{p}}}
	code, out, _ := weir(t.Context(), f, "run")
	if code != exitFailed || !strings.Contains(out, "does not add up: 3 read is not 1 delivered + 1 held") {
		t.Errorf("code %d:\n%s", code, out)
	}
	if code, out, _ = weir(t.Context(), f, "run", "--json"); code != exitFailed || !strings.Contains(out, `"ok":false`) {
		t.Errorf("code %d:\n%s", code, out)
	}
}

func TestRunExitCodes(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	login := plugin.Fail(plugin.Environment, "env.login_refused", errors.New("530 login incorrect"), "Check ftp_username and ftp_password.")
	for _, tt := range []struct {
		name   string
		errs   []error // of the pipelines
		err    error   // of the run
		code   int
		stderr string
	}{
		{"fine", []error{nil, nil}, nil, exitOK, ""},
		{"failed", []error{errors.New("too many rejects")}, nil, exitFailed, "too many rejects"},
		{"damaged data", []error{plugin.Fail(plugin.Data, "", errors.New("damaged archive"), "")}, nil, exitFailed, "damaged archive"},
		{"credentials", []error{nil, login}, nil, exitEnvironment, "[env.login_refused]"},
		{"network", []error{fmt.Errorf("sink: %w", refused)}, nil, exitEnvironment, "connection refused"},
		{"server busy", []error{plugin.Fail(plugin.Transient, "", errors.New("503 from the API"), "")}, nil, exitEnvironment, "503"},
		{"both", []error{login, errors.New("too many rejects")}, nil, exitFailed, "Pipeline p1 stopped"},
		{"store", nil, &fs.PathError{Op: "open", Path: "state", Err: fs.ErrPermission}, exitEnvironment, "weir: open state"},
		{"interrupted", []error{context.Canceled}, nil, exitFailed, "the next run goes on from there"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &fakeEngine{err: tt.err, report: &engine.RunReport{OK: tt.code == exitOK}}
			if tt.err != nil {
				f.report = nil
			}
			for i, err := range tt.errs {
				f.report.Pipelines = append(f.report.Pipelines, engine.PipelineReport{Name: fmt.Sprint("p", i), Err: err})
			}
			code, _, errs := weir(t.Context(), f, "run")
			if code != tt.code || !strings.Contains(errs, tt.stderr) {
				t.Errorf("code %d, want %d; stderr:\n%s", code, tt.code, errs)
			}
			code, out, _ := weir(t.Context(), f, "run", "--json")
			if code != tt.code || !strings.Contains(out, fmt.Sprintf(`"ok":%v`, tt.code == exitOK)) {
				t.Errorf("with --json: code %d, want %d; %s", code, tt.code, out)
			}
		})
	}
}

func broken() *fakeEngine {
	return &fakeEngine{
		source: "x = y\n",
		diags: diag.List{{
			Code: "config.unknown_reference", Summary: "Unknown variable",
			Subject: &hcl.Range{Filename: "a.hcl", Start: hcl.Pos{Line: 1, Column: 5, Byte: 4}, End: hcl.Pos{Line: 1, Column: 6, Byte: 5}},
		}},
	}
}

func TestWrongConfiguration(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.hcl")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"run", "validate", "graph"} {
		code, out, errs := weir(t.Context(), broken(), verb, file)
		if verb == "validate" {
			out, errs = errs, out // what validate prints is its result
		}
		if code != exitConfig || out != "" || !strings.Contains(errs, "    1 | x = y\n      |     ^\n") {
			t.Errorf("%s: code %d\n%s\n%s", verb, code, out, errs)
		}
	}
	code, out, _ := weir(t.Context(), broken(), "run", "--json")
	want := `{"pipelines":[],"ok":false,"diagnostics":[{"severity":"error","code":"config.unknown_reference"`
	if code != exitConfig || !strings.HasPrefix(out, want) {
		t.Errorf("code %d: %s", code, out)
	}
}

func TestUsageErrors(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"run --nonsense", "unknown flag: --nonsense"},
		{"run a b", "accepts at most 1 arg"},
		{"run --var secretvalue", "--var must be name=value"},
		{"run --pipeline purchase", `did you mean "purchases"?`},
		{"run --pipeline x", "the pipelines are: customers, purchases"},
		{"run --log-level loud", "--log-level must be"},
		{"run --log-format xml", "--log-format must be"},
		{"graph --format png", "--format must be one of mermaid, dot, svg"},
		{"wibble", "unknown command"},
		{"fmt no/such/file", "no such file or folder: no/such/file"},
	} {
		code, _, errs := weir(t.Context(), &fakeEngine{}, strings.Fields(tt.args)...)
		if code != exitConfig || !strings.Contains(errs, tt.want) {
			t.Errorf("%s: code %d: %s", tt.args, code, errs)
		}
		if strings.Contains(errs, "secretvalue") {
			t.Errorf("%s: the value is shown: %s", tt.args, errs)
		}
	}
}

func TestInterruptedBeforeStart(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errInterrupted)
	code, _, errs := weir(ctx, &fakeEngine{}, "run")
	if code != exitFailed || !strings.Contains(errs, "interrupted") {
		t.Errorf("code %d: %s", code, errs)
	}
}

func TestGraphOfPlan(t *testing.T) {
	src := &plan.Node{Address: "source.files", Kind: "source", Type: "ftp"}
	sink := &plan.Node{Address: "sink.activate", Kind: "sink", Type: "rest", Inputs: []*plan.Node{src}, Otherwise: true}
	f := &fakeEngine{plan: &plan.Plan{Pipelines: []*plan.Pipeline{{Address: "purchases", Nodes: []*plan.Node{src, sink}}}}}
	code, out, _ := weir(t.Context(), f, "graph", "--pipeline", "purchases")
	want := `flowchart TD
  subgraph g0["purchases"]
    g0n0(["<b>source</b> ftp files"])
    g0n1(["<b>sink</b> rest activate"])
    g0n0 -->|"otherwise"| g0n1
  end
`
	if d := cmp.Diff(want, out); d != "" || code != exitOK {
		t.Errorf("code %d\n%s", code, d)
	}
	if !f.in.AllowMissing {
		t.Error("a picture needs no secrets")
	}
}

// stepClock is a clock that moves on by step each time it is read.
type stepClock struct {
	plugin.Clock
	now  time.Time
	step time.Duration
}

func (c *stepClock) Now() time.Time {
	c.now = c.now.Add(c.step)
	return c.now
}

func TestProgressLine(t *testing.T) {
	var b bytes.Buffer
	show, remove := progressLine(&b, &stepClock{now: time.Unix(0, 0), step: progressPause / 2})
	for i := range int64(4) {
		show(engine.Progress{Pipeline: "p", Object: "/srs/a\x1b.csv", Rows: i, Offset: i * 30, Size: 100})
	}
	remove()
	want := "\r\x1b[Kp: 0 rows, in a\uFFFD.csv (0%)\r\x1b[Kp: 2 rows, in a\uFFFD.csv (60%)\r\x1b[K"
	if b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}
