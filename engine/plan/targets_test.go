package plan_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/engine/diag"
)

// writes is a pipeline that writes files, the second of them with what else is given.
func writes(name string, sinks ...string) string {
	text := fmt.Sprintf("pipeline %q {\n%s%s", name, source, decode)
	for i, s := range sinks {
		text += fmt.Sprintf("sink \"file\" \"s%d\" {\n from = decode.csv\n%s\n}\n", i+1, s)
	}
	return text + "}\n"
}

// TestOneTarget: two sinks that write one place are an error of both pipelines,
// however the path is written; what only may be one place is said.
func TestOneTarget(t *testing.T) {
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		text, want string
		left       int // pipelines
	}{
		"one pipeline":           {writes("p", `path = "out.json"`, `path = "./out.json"`), "sink.s2 writes what sink.s1 writes", 0},
		"routes of one pipeline": {writes("p", "path = \"out.json\"\nwhen = \"a == '1'\"", "path = \"out.json\"\notherwise = true"), "let one sink read both ways: from = [decode.csv]", 0},
		"two pipelines":          {writes("a", `path = "out.json"`) + writes("b", `path = "x/../out.json"`) + writes("c", `path = "c.json"`), "sink.s1 writes what sink.s1 of pipeline a writes", 1},
		"absolute and relative":  {writes("a", `path = "out.json"`) + writes("b", fmt.Sprintf("path = %q", filepath.Join(wd, "out.json"))), "that is one place", 0},
		"one time":               {writes("a", `path = "out_%Y%m%d.json"`) + writes("b", `path = "./out_%Y%m%d.json"`), "that is one place", 0},
		"a time and a number":    {writes("a", `path = "out_%Y.json"`) + writes("b", `path = "out_2026.json"`), "sink.s1 may write what sink.s1 of pipeline a writes", 2},
		"a time that replaces":   {writes("a", "path = \"out_%Y.json\"\nexists = \"replace\"") + writes("b", `path = "out_2026.json"`), "at some times that is one place, and one would lose", 0},
		"two times":              {writes("a", `path = "out_%d.json"`) + writes("b", `path = "out_%m.json"`), "at some times that is one place", 2},
		"a time and a half":      {writes("a", `path = "out_%d_01.json"`) + writes("b", `path = "out_07_%m.json"`), "may write", 2},
		"other times":            {writes("a", `path = "a_%d.json"`) + writes("b", `path = "b_%d.json"`), "", 2},
		"other digits":           {writes("a", `path = "p1_%d.json"`) + writes("b", `path = "p2_%d.json"`), "", 2},
		"numbers":                {writes("a", "path = \"out.json\"\nexists = \"number\"") + writes("b", "path = \"out.json\"\nexists = \"number\""), "", 2},
		"a number and none":      {writes("a", "path = \"out.json\"\nexists = \"number\"") + writes("b", "path = \"out.json\"\nexists = \"replace\""), "that is one place", 0},
		"numbers of a pipeline":  {writes("p", "path = \"out.json\"\nexists = \"number\"", "path = \"out.json\"\nexists = \"number\""), "that is one place", 0},
		"three":                  {writes("a", `path = "out.json"`) + writes("b", `path = "out.json"`) + writes("c", `path = "out.json"`), "of pipeline a writes", 0},
		"other places":           {writes("a", `path = "a/out.json"`, `path = "b/out.json"`), "", 1},
		"a loop":                 {writes("a", `path = "/in/out.csv"`), "a would read what it writes", 0},
		"a loop in time":         {writes("a", `path = "/in/../in/out_%Y.csv"`), "what a run writes, the next reads", 0},
		"another ending":         {writes("a", `path = "/in/out.ndjson"`), "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			p, got := loadAll(t, tc.text)
			if tc.want == "" && len(got) > 0 || !strings.Contains(got.text(), tc.want) {
				t.Errorf("got  %s\nwant %s", got.text(), tc.want)
			}
			if len(p.Pipelines) != tc.left {
				t.Errorf("%d pipelines are left, want %d", len(p.Pipelines), tc.left)
			}
			for _, d := range diag.List(got) {
				if !strings.HasSuffix(d.Subject.Filename, "p.hcl") || d.Subject.Start.Line < 2 {
					t.Errorf("place %v", d.Subject)
				}
			}
		})
	}
}

// TestOneTargetOfModules: modules are compared with each other and with the root.
func TestOneTargetOfModules(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"main.hcl":   "module \"x\" {\n source = \"./part\"\n out = \"out.json\"\n}\nmodule \"y\" {\n source = \"./part\"\n out = \"./out.json\"\n}\nmodule \"z\" {\n source = \"./part\"\n out = \"z.json\"\n}\n",
		"part/p.hcl": "variable \"out\" { type = string }\n" + writes("p", "path = var.out"),
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p, got := loadPath(t, dir)
	if !strings.Contains(got.text(), "of pipeline x.p writes") || len(p.Pipelines) != 1 || p.Pipelines[0].Address != "z.p" {
		t.Errorf("%s; %d pipelines", got.text(), len(p.Pipelines))
	}
}
