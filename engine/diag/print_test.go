package diag

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the golden sections")

// TestGolden prints the diagnostics described in each archive. In the section
// "source", «...» encloses the subject and ‹...› the context. In "diagnostic",
// lines of "key: value" set the fields.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got := printed(t, ar)
			if !*update {
				for _, f := range ar.Files {
					if want, ok := got[f.Name]; ok {
						if d := cmp.Diff(string(f.Data), want); d != "" {
							t.Errorf("%s (-want +got):\n%s", f.Name, d)
						}
						delete(got, f.Name)
					}
				}
				for f := range got {
					t.Errorf("section %s is missing", f)
				}
				return
			}
			rewrite(t, name, ar, got)
		})
	}
}

func rewrite(t *testing.T, name string, ar *txtar.Archive, got map[string]string) {
	t.Helper()
	kept := ar.Files[:0]
	for _, f := range ar.Files {
		if _, ok := got[f.Name]; !ok {
			kept = append(kept, f)
		}
	}
	ar.Files = kept
	for _, n := range []string{"text", "json"} {
		ar.Files = append(ar.Files, txtar.File{Name: n, Data: []byte(got[n])})
	}
	if err := os.WriteFile(name, txtar.Format(ar), 0o644); err != nil {
		t.Fatal(err)
	}
}

// printed builds the list that the archive describes and prints it both ways.
func printed(t *testing.T, ar *txtar.Archive) map[string]string {
	t.Helper()
	sources := map[string][]byte{}
	var list List
	o := TextOptions{Width: 80}
	var subject, context *hcl.Range
	for _, f := range ar.Files {
		kind, name, _ := strings.Cut(f.Name, " ")
		switch kind {
		case "source":
			sources[name], subject, context = marked(name, string(f.Data))
		case "diagnostic":
			d := Diagnostic{Subject: subject, Context: context}
			parseFields(t, &d, &o, string(f.Data))
			list = append(list, d)
			subject, context = nil, nil
		}
	}
	var text, js bytes.Buffer
	if err := Text(&text, list, sources, o); err != nil {
		t.Fatal(err)
	}
	if err := JSON(&js, list); err != nil {
		t.Fatal(err)
	}
	// The escape character is spelled out, so that golden files stay readable.
	return map[string]string{"text": strings.ReplaceAll(text.String(), "\x1b", "ESC"), "json": js.String()}
}

// marked removes the signs from s and returns the ranges they enclosed.
func marked(name, s string) (src []byte, subject, context *hcl.Range) {
	pos := hcl.InitialPos
	ranges := map[rune]*hcl.Range{'«': {Filename: name}, '‹': {Filename: name}}
	seen := map[rune]bool{}
	s = strings.NewReplacer("<TAB>", "\t", "<BEL>", "\a", "<BAD>", "\xff", "<CR>", "\r").Replace(s)
	for i := 0; i < len(s); {
		r := []rune(s[i:])[0]
		n := len(string(r))
		if s[i] == 0xff {
			n = 1
		}
		switch r {
		case '«', '‹':
			ranges[r].Start, seen[r] = pos, true
		case '»':
			ranges['«'].End = pos
		case '›':
			ranges['‹'].End = pos
		default:
			src = append(src, s[i:i+n]...)
			pos.Byte += n
			pos.Column++
			if r == '\n' {
				pos.Line, pos.Column = pos.Line+1, 1
			}
		}
		i += n
	}
	if seen['«'] {
		subject = ranges['«']
	}
	if seen['‹'] {
		context = ranges['‹']
	}
	return src, subject, context
}

func parseFields(t *testing.T, d *Diagnostic, o *TextOptions, s string) {
	t.Helper()
	for line := range strings.Lines(s) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "code":
			d.Code = Code(value)
		case "summary":
			d.Summary = strings.ReplaceAll(value, "<ESC>", "\x1b")
		case "detail":
			if d.Detail != "" {
				d.Detail += "\n"
			}
			d.Detail += strings.ReplaceAll(value, `\s`, " ")
		case "fix":
			d.Fix = value
		case "severity":
			if value == "warning" {
				d.Severity = Warning
			}
		case "color":
			o.Color = true
		case "width":
			o.Width = 40
		case "row":
			d.Row = &RowRef{Object: "/srs/klanten_1.csv", Row: 48112, Line: 48115, Column: value}
		case "object":
			d.Row = &RowRef{Object: value}
		default:
			t.Fatalf("unknown field %q", key)
		}
	}
}

func TestNothingPrintsNothing(t *testing.T) {
	var text, js bytes.Buffer
	if err := Text(&text, nil, nil, TextOptions{}); err != nil || text.Len() != 0 {
		t.Errorf("text: %q, %v", text.String(), err)
	}
	if err := JSON(&js, nil); err != nil || js.String() != "{\"diagnostics\":[]}\n" {
		t.Errorf("json: %q, %v", js.String(), err)
	}
}

func TestCounts(t *testing.T) {
	e, w := Diagnostic{}, Diagnostic{Severity: Warning}
	for want, l := range map[string]List{
		"no problems":         nil,
		"1 error":             {e},
		"2 warnings":          {w, w},
		"3 errors, 1 warning": {e, w, e, e},
	} {
		if got := Counts(l); got != want {
			t.Errorf("Counts = %q, want %q", got, want)
		}
	}
}

// Ranges that do not lie in their source, as after an edit between reading and
// printing, must still print.
func TestForeignRanges(t *testing.T) {
	src := map[string][]byte{"a": []byte("x\n")}
	for _, r := range []hcl.Range{
		{Filename: "a"},
		{Filename: "a", Start: hcl.Pos{Line: 9, Column: 9, Byte: 99}, End: hcl.Pos{Line: 9, Column: 10, Byte: 100}},
		{Filename: "a", Start: hcl.Pos{Line: 1, Column: 70, Byte: 70}, End: hcl.Pos{Line: 4, Column: 1, Byte: 3}},
		{Filename: "a", Start: hcl.Pos{Line: 2, Column: 1, Byte: 2}, End: hcl.Pos{Line: 1, Column: 1, Byte: 0}},
	} {
		var b bytes.Buffer
		l := List{{Summary: "s", Subject: &r, Context: &hcl.Range{Filename: "a"}}}
		if err := Text(&b, l, src, TextOptions{}); err != nil || !strings.Contains(b.String(), "error: s") {
			t.Errorf("%v: %q, %v", r, b.String(), err)
		}
	}
}

func FuzzRender(f *testing.F) {
	f.Add([]byte("a\tb名é\n"), 1, 4, 30)
	f.Fuzz(func(t *testing.T, text []byte, from, n, width int) {
		if from < 0 || n < 0 || from > len(text) || n > len(text)-from || width < 20 || width > 200 {
			return // not a range of the text
		}
		line, marks := markedLine{number: 1, text: text, from: from, to: from + n}.render(width)
		if w := textWidth(line); w > width {
			t.Errorf("line is %d cells wide, limit %d", w, width)
		}
		if w := textWidth(marks); w > width {
			t.Errorf("marks are %d cells wide, limit %d", w, width)
		}
		if strings.ContainsFunc(line, Steers) {
			t.Errorf("control character in %q", line)
		}
	})
}

// Of more than people read, the errors are printed: warnings do not keep them out.
func TestTextPrintsErrorsFirst(t *testing.T) {
	var l List
	for range 600 {
		l = append(l, Warnf("a.b", nil, "a warning", "."))
	}
	for range 20 {
		l = append(l, Errorf("a.b", nil, "an error", "."))
	}
	for _, tt := range []struct {
		list             List
		errors, warnings int
		more             string
	}{
		{l, 20, 480, "… and 120 more;"},
		{l[:600], 0, 500, "… and 100 more;"},
		{l[500:], 20, 100, ""},
	} {
		var b strings.Builder
		if err := Text(&b, tt.list, nil, TextOptions{}); err != nil {
			t.Fatal(err)
		}
		out := b.String()
		if e, w := strings.Count(out, "an error"), strings.Count(out, "a warning"); e != tt.errors || w != tt.warnings {
			t.Errorf("%d errors and %d warnings are printed, want %d and %d", e, w, tt.errors, tt.warnings)
		}
		if strings.Contains(out, "… and") != (tt.more != "") || !strings.Contains(out, tt.more) {
			t.Errorf("the end is %q", out[max(len(out)-100, 0):])
		}
	}
}
