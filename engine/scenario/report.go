package scenario

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"weir/engine/diag"
)

// Report collects results and prints them.
type Report struct {
	results []*Result
	shown   map[string]bool // problems of configurations that were printed
}

// Add takes the next result, in the order of the files.
func (r *Report) Add(res *Result) { r.results = append(r.results, res) }

// Failed reports whether a test did not pass.
func (r *Report) Failed() bool {
	for _, res := range r.results {
		if !res.Passed() {
			return true
		}
	}
	return false
}

// Broken reports whether a test could not be run because its configuration is wrong.
func (r *Report) Broken() bool {
	for _, res := range r.results {
		if res.Broken {
			return true
		}
	}
	return false
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2fs", d.Seconds()) }

// Text writes one result as go test does: nothing for a test that passed,
// unless verbose. Problems are those of diag.Text, indented, with the place first.
// What is wrong with a configuration is written once, not for each of its tests.
func (r *Report) Text(w io.Writer, res *Result, verbose bool, o diag.TextOptions) error {
	if res.Passed() {
		if !verbose {
			return nil
		}
		_, err := fmt.Fprintf(w, "--- PASS: %s (%s)\n", res.Test.Name, seconds(res.Elapsed))
		return err
	}
	if _, err := fmt.Fprintf(w, "--- FAIL: %s (%s)\n", res.Test.Name, seconds(res.Elapsed)); err != nil {
		return err
	}
	for _, d := range res.Problems {
		text := indent(problemText(d, res.Sources, o), "    ")
		if res.Broken {
			if r.shown[text] {
				continue
			}
			if r.shown == nil {
				r.shown = map[string]bool{}
			}
			r.shown[text] = true
		}
		if _, err := io.WriteString(w, text); err != nil {
			return err
		}
	}
	return nil
}

// problemText is one problem with its place first, as tools find it in the output of tests.
func problemText(d diag.Diagnostic, sources map[string][]byte, o diag.TextOptions) string {
	var sb strings.Builder
	_ = diag.Text(&sb, diag.List{d}, sources, o) // a strings.Builder takes everything
	text := strings.TrimRight(sb.String(), "\n")
	if i := strings.LastIndexByte(text, '\n'); i >= 0 {
		text = strings.TrimRight(text[:i], "\n") // the line of counts
	}
	if d.Subject == nil {
		return text
	}
	lines := strings.Split(text, "\n")
	if len(lines) > 1 && strings.HasPrefix(lines[1], "  at ") {
		lines = append(lines[:1], lines[2:]...)
	}
	return fmt.Sprintf("%s:%d:%d: %s", d.Subject.Filename, d.Subject.Start.Line, d.Subject.Start.Column, strings.TrimPrefix(strings.Join(lines, "\n"), "error: "))
}

// Summary writes a line for each file, and FAIL when a test failed.
func (r *Report) Summary(w io.Writer) error {
	type sums struct {
		tests, failed int
		elapsed       time.Duration
	}
	var order []*File
	by := map[*File]*sums{}
	for _, res := range r.results {
		s := by[res.File]
		if s == nil {
			s = &sums{}
			by[res.File] = s
			order = append(order, res.File)
		}
		s.tests++
		s.elapsed += res.Elapsed
		if !res.Passed() {
			s.failed++
		}
	}
	for _, f := range order {
		s, word, failed := by[f], "ok  ", ""
		if s.failed > 0 {
			word, failed = "FAIL", fmt.Sprintf(", %d failed", s.failed)
		}
		tests := "tests"
		if s.tests == 1 {
			tests = "test"
		}
		if _, err := fmt.Fprintf(w, "%s\t%s\t%d %s%s\t%s\n", word, f.Name, s.tests, tests, failed, seconds(s.elapsed)); err != nil {
			return err
		}
	}
	if !r.Failed() {
		return nil
	}
	_, err := io.WriteString(w, "FAIL\n")
	return err
}

type jsonResult struct {
	File     string          `json:"file"`
	Line     int             `json:"line"`
	Name     string          `json:"name"`
	Passed   bool            `json:"passed"`
	Seconds  float64         `json:"seconds"`
	Problems json.RawMessage `json:"problems"`
}

// JSON writes all results as one object: {"tests": [...], "passed": true}, and
// what the tests do not reach when cover is not nil.
func (r *Report) JSON(w io.Writer, cover *Cover) error {
	out := struct {
		Tests    []jsonResult `json:"tests"`
		Passed   bool         `json:"passed"`
		Coverage *Coverage    `json:"coverage,omitempty"`
	}{Tests: []jsonResult{}, Passed: !r.Failed()}
	for _, res := range r.results {
		var sb strings.Builder
		if err := diag.JSON(&sb, res.Problems); err != nil {
			return err
		}
		var list struct {
			Diagnostics json.RawMessage `json:"diagnostics"`
		}
		if err := json.Unmarshal([]byte(sb.String()), &list); err != nil {
			return err
		}
		out.Tests = append(out.Tests, jsonResult{
			File: res.File.Name, Line: res.Test.Range.Start.Line, Name: res.Test.Name, Passed: res.Passed(),
			Seconds: res.Elapsed.Seconds(), Problems: list.Diagnostics,
		})
	}
	if cover != nil {
		c := cover.Result()
		out.Coverage = &c
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(out)
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	File    string        `xml:"file,attr"`
	Line    int           `xml:"line,attr"`
	Time    string        `xml:"time,attr"`
	Failure *junitFailure `xml:"failure,omitempty"`
	Error   *junitFailure `xml:"error,omitempty"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Time     string      `xml:"time,attr"`
	Cases    []junitCase `xml:"testcase"`
}

// JUnit writes all results in the XML form that build servers read: a suite for each file.
func (r *Report) JUnit(w io.Writer) error {
	root := struct {
		XMLName xml.Name      `xml:"testsuites"`
		Suites  []*junitSuite `xml:"testsuite"`
	}{}
	by := map[*File]*junitSuite{}
	total := map[*File]time.Duration{}
	for _, res := range r.results {
		s := by[res.File]
		if s == nil {
			s = &junitSuite{Name: res.File.Name}
			by[res.File] = s
			root.Suites = append(root.Suites, s)
		}
		c := junitCase{
			Name: res.Test.Name, Class: filepath.ToSlash(filepath.Dir(res.File.Name)), File: res.File.Name,
			Line: res.Test.Range.Start.Line, Time: fmt.Sprintf("%.3f", res.Elapsed.Seconds()),
		}
		if !res.Passed() {
			f := &junitFailure{Message: res.Problems[0].Summary}
			for _, d := range res.Problems {
				f.Text += problemText(d, res.Sources, diag.TextOptions{}) + "\n"
			}
			if res.Broken {
				c.Error = f
				s.Errors++
			} else {
				c.Failure = f
				s.Failures++
			}
		}
		s.Tests++
		total[res.File] += res.Elapsed
		s.Time = fmt.Sprintf("%.3f", total[res.File].Seconds())
		s.Cases = append(s.Cases, c)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(root); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}
