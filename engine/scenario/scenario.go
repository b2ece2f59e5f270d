// Package scenario runs the test blocks of *.test.hcl files.
//
// A test is a scenario: servers inside the process that take the place of those
// the connections name, and runs of the pipelines between them, one after the
// other, with what each must have done. Everything else is the production
// engine: it plans the folder of the test file with the connections moved to
// the servers (plugin.Movable) and keeps its state in a folder of the test. Time
// is virtual: sleeping moves it on at once.
//
// From a start block to a stop block, or to a crash, the folder is served by the
// server of weir serve, with its store, its schedules and its reloads. A step ends when
// nothing goes on any more and nothing is due. Time then moves in two cases alone, and
// always to the next moment that somebody waits for: when it is advanced, and when a
// run waits for it, as between two tries of a delivery. One run goes on at a time, so
// that what happens is the same each time. A reload changes the configuration
// in memory: no file is written, and ranges are those of the real files.
//
// A test also fails, without being told to look, when a ledger does not add up
// (I3), when the value of a sensitive variable turns up in an error, a notice, a
// reject or the log (I9), and when a stand-in saw what a careful client does not send.
package scenario

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"weir/engine/diag"
	"weir/engine/plugin"
	"weir/engine/spec"
)

// Suite is the tests of some files.
type Suite struct {
	Files   []*File           // sorted by name
	Sources map[string][]byte // of the test files, by name, for printing diagnostics
}

// File is one file of tests.
type File struct {
	Name  string
	Tests []*Test
}

// Test is one test block, with what the defaults block of its file adds.
type Test struct {
	Name   string
	Range  hcl.Range // of the block's header
	Folder string    // the configuration under test

	ranges  spec.Ranges // of what was decoded
	at      time.Time
	vars    map[string]cty.Value
	servers []*serverSpec
	steps   []*stepSpec
	chunk   int64 // bytes; 0 is what the engine chooses
}

// Options say how tests are run.
type Options struct {
	// Plugins returns the plugins of an engine whose standard output is out.
	Plugins  func(out io.Writer) []plugin.Plugin
	Match    *regexp.Regexp // run only tests whose name matches; nil runs all
	Parallel int            // tests at the same time; 0 is the number of processors
	Cover    bool           // collect what the tests reach
}

// Result is the outcome of one test.
type Result struct {
	Test *Test
	File *File
	// Problems are the expectations that were not met, or errors of the
	// configuration. Empty when the test passed.
	Problems diag.List
	Sources  map[string][]byte // files that ranges of Problems lie in
	Broken   bool              // the test could not be run: Problems are about the configuration
	Elapsed  time.Duration     // of the machine's time
}

// Passed reports whether the test met all its expectations.
func (r *Result) Passed() bool { return len(r.Problems) == 0 }

// kindFile is the type of the stand-in for the disk of the machine.
const kindFile = "file"

// serverSpec is a serve block.
type serverSpec struct {
	kind, name string
	rng        hcl.Range

	tls      string // ftp
	secure   bool   // rest
	user     string
	password spec.Secret
	folders  []string
	// foldersSet tells that the test says itself which there are.
	foldersSet bool
	files      []*fileSpec
	faults     []*faultSpec
	routes     []*routeSpec
	like       string
	activate   activateSpec
}

// address is that of the connection whose server s takes the place of.
func (s *serverSpec) address() string {
	module, name := cutModule(s.name)
	return module + s.kind + "." + name
}

// fileSpec is a file block.
type fileSpec struct {
	server   string // in a run: "ftp.activate"; "" when there is only one
	path     string
	rng      hcl.Range
	content  string
	modified string
	grow     []string
}

// faultSpec is a fault block: how a server misbehaves.
type faultSpec struct {
	kind, name string // in a run: which server
	rng        hcl.Range

	refuseLogin string // ftp
	cutAfter    int64
	stallAfter  int64
	silent      bool

	on          string // rest: "POST /v1/track", "" is every request
	skip, times int
	status      int
	body        string
	retryAfter  string
	redirect    string
	delay       time.Duration
	refuse      bool
	lose        bool
	cut         bool
}

// routeSpec is an on block: how a rest server answers.
type routeSpec struct {
	method, path string
	rng          hcl.Range
	status       spec.Text
	body         spec.Text
	text         string
	headers      map[string]string
	times        int
	delay        time.Duration

	statusExpr, bodyExpr *expression
}

// The kinds of steps.
const (
	stepRun     = "run"
	stepStart   = "start"
	stepReload  = "reload"
	stepAdvance = "advance"
	stepStop    = "stop"
)

// stepSpec is a step of a test: a run, start, reload, advance or stop block.
type stepSpec struct {
	kind      string
	name      string
	rng       hcl.Range
	pipelines []string
	advance   time.Duration
	crashAt   string
	at        string // reload: where the run is meanwhile
	hangs     bool   // reload: the run does not go on when it is asked to
	state     string // reload: what becomes of stored state
	varsRaw   cty.Value
	varsSet   bool
	vars      map[string]cty.Value
	edits     []*editSpec
	deleted   []string
	files     []*fileSpec
	remove    []*fileSpec
	faults    []*faultSpec
	expect    expectSpec
}

// title names the step in problems.
func (s *stepSpec) title() string {
	return fmt.Sprintf("%s%s %q", strings.ToUpper(s.kind[:1]), s.kind[1:], s.name)
}

// editSpec is an edit or write block, or a file to delete: a change of a file of the configuration.
type editSpec struct {
	kind, file    string
	rng           hcl.Range
	replace, with string
	content       string
}

// expectSpec is an expect block.
type expectSpec struct {
	outcome    string // of a reload
	actions    cty.Value
	actionsSet bool
	wanted     map[string]string // actions by pipeline

	ok      bool
	okSet   bool
	failure string
	ledger  cty.Value
	ledgers map[string]map[string]int64 // by pipeline; "" is the sum of all that ran

	requests, files, state, violations, rejects, notices, output, runs, deliveries, verdict []spec.Text

	asserts []assertion
}

// assertion is one expression of an expect block that must be true.
type assertion struct {
	attr string
	e    *expression
}
