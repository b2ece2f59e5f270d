package compute

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/engine/diag"
	"weir/engine/record"
)

// corpusExpressions returns every expression of expr's own test data: a line each
// in the generated list, a block each among the examples, the crasher whole.
func corpusExpressions(t *testing.T) []string {
	t.Helper()
	var out []string
	for src := range strings.Lines(corpus(t, "generated.txt")) {
		out = append(out, strings.TrimSpace(src))
	}
	blocks := strings.Split(corpus(t, "examples.md"), "```")
	for i := 1; i < len(blocks); i += 2 {
		out = append(out, strings.TrimSpace(blocks[i]))
	}
	return append(out, corpus(t, "crash.txt"))
}

// checkRefusal checks that each diagnostic says something and points into src.
func checkRefusal(t *testing.T, src string, ds diag.List) {
	t.Helper()
	for _, d := range ds {
		s := d.Subject
		switch {
		case s == nil:
			t.Errorf("%.200q\nno place: %+v", src, d)
		case s.Start.Byte < 0 || s.End.Byte < s.Start.Byte || s.End.Byte > len(src) || s.Start.Line < 1 || s.Start.Column < 1:
			t.Errorf("%.200q\nthe place %v is outside of the text", src, s)
		case d.Summary == "" || d.Code == "":
			t.Errorf("%.200q\nno words: %+v", src, d)
		}
	}
}

// TestWholeCorpus compiles all of expr's test data: no panic, every refusal points
// into the text, and what runs as kernels gives what the VM gives.
func TestWholeCorpus(t *testing.T) {
	c, b, _ := corpusCompiler()
	list := corpusExpressions(t)
	every := 1
	if testing.Short() {
		every = 11
	}
	compiled, refused, fast := 0, 0, 0
	for i := 0; i < len(list); i += every {
		src := list[i]
		x, ds := c.Row(txt(src), record.Invalid)
		if len(ds) > 0 {
			refused++
			checkRefusal(t, src, ds)
			continue
		}
		compiled++
		e := x.(*Expr)
		if e.slow != "" {
			continue
		}
		fast++
		want, got := outcomes(e, b, false), outcomes(e, b, true)
		for k := range want {
			if d := sameOutcome(want[k], got[k]); d != "" {
				t.Errorf("%s, row %d (-VM +kernel)\n%s", src, k, d)
			}
		}
	}
	t.Logf("of %d expressions %d compiled, %d of them with kernels; %d were refused", len(list)/every, compiled, fast, refused)
	if compiled < 5000/every || fast < 1000/every || refused < 1000/every {
		t.Error("the corpus hardly tests anything")
	}
}

// TestCutCorpus cuts expressions everywhere: half an expression is refused with a
// place in what is left of it, or is one by itself.
func TestCutCorpus(t *testing.T) {
	c, _, _ := corpusCompiler()
	list := corpusExpressions(t)
	for i := 0; i < len(list); i += 997 {
		src := list[i]
		for at := range len(src) {
			_, ds := c.Row(txt(strings.ToValidUTF8(src[:at], "?")), record.Invalid)
			checkRefusal(t, strings.ToValidUTF8(src[:at], "?"), ds)
		}
	}
}

// TestCorpusIsThere fails where the module of expr holds its test data under
// another name, which the other tests would pass over in silence.
func TestCorpusIsThere(t *testing.T) {
	dir := corpusDir(t)
	names, err := os.ReadDir(dir)
	if os.IsNotExist(err) {
		t.Skipf("expr's module holds no test data: %s", filepath.Base(dir))
	}
	if err != nil || len(names) < 4 {
		t.Errorf("%d files in expr's test data, %v", len(names), err)
	}
}
