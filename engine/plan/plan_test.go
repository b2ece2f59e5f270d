package plan_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/engine"
	"weir/engine/diag"
	"weir/engine/plan"
	"weir/engine/state"
	"weir/plugins/all"
)

// load plans the given steps of one pipeline, or whole files when they hold blocks of their own.
func load(t *testing.T, text string) (*plan.Plan, string) {
	t.Helper()
	if !strings.Contains(text, "pipeline \"") {
		text = "pipeline \"p\" {\n" + text + "\n}\n"
	}
	file := filepath.Join(t.TempDir(), "p.hcl")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	e, ds := engine.New(engine.Options{Plugins: all.Plugins(io.Discard)})
	if ds != nil {
		t.Fatal(ds.Err())
	}
	l, ds := e.Load(context.Background(), file, engine.Inputs{Env: func(string) (string, bool) { return "", false }})
	msg := ""
	if err := ds.Err(); err != nil {
		msg = strings.ReplaceAll(err.Error(), file, "p.hcl")
	}
	return l.Plan, msg
}

// said is what a load says.
type said diag.List

// text is all of it, warnings too.
func (s said) text() string {
	var out []string
	for _, d := range s {
		out = append(out, d.Summary+": "+d.Detail)
	}
	return strings.Join(out, "\n")
}

// loadAll plans whole files and returns all that is said.
func loadAll(t *testing.T, text string) (*plan.Plan, said) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "p.hcl")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return loadPath(t, file)
}

func loadPath(t *testing.T, path string) (*plan.Plan, said) {
	t.Helper()
	e, ds := engine.New(engine.Options{Plugins: all.Plugins(io.Discard)})
	if ds != nil {
		t.Fatal(ds.Err())
	}
	l, ds := e.Load(context.Background(), path, engine.Inputs{Env: func(string) (string, bool) { return "", false }})
	return l.Plan, said(ds)
}

const (
	source = "source \"file\" \"in\" {\n path = \"/in/*.csv\"\n}\n"
	decode = "decode \"csv\" {\n columns = { a = \"text\", b = \"int required\", c = \"decimal\" }\n}\n"
	sink   = "sink \"stdout\" \"out\" {}\n"
)

// group is a step whose groups are whole or not at all.
func group(name, by string) string {
	return "group \"" + name + "\" {\n by = [\"" + by + "\"]\n within = \"adjacent\"\n on_reject = \"group\"\n fields = { a = \"'x'\", b = \"len(rows)\" }\n}\n"
}

func TestStructure(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"no sink", source + decode, "p.hcl:1:1: Pipeline p has no sink"},
		{"no source", sink, "sink.out has nothing to read"},
		{"bytes into a step", source + "map \"m\" {\n fields = { x = \"1\" }\n}\n" + sink, "map.m cannot read source.in: A source yields bytes. Put a decode block after it"},
		{"dangling", source + decode + "map \"m\" {\n from = decode.cvs\n keep = \"*\"\n}\n" + sink, "p.hcl:9:9: There is no step decode.cvs: Did you mean decode.csv?"},
		{"cycle", source + decode + "map \"m\" {\n from = map.n\n keep = \"*\"\n}\nmap \"n\" {\n from = map.m\n keep = \"*\"\n}\nsink \"stdout\" \"out\" {\n from = decode.csv\n}\n",
			"Steps read each other in a circle: map.n -> map.m -> map.n."},
		{"itself", source + decode + "map \"m\" {\n from = map.m\n keep = \"*\"\n}\n" + sink, "map.m -> map.m."},
		{"duplicate", source + decode + "map \"m\" {\n keep = \"*\"\n}\nmap \"m\" {\n keep = \"*\"\n}\n" + sink, "Duplicate step map.m: It is already declared at line 8"},
		{"unread", source + decode + "map \"m\" {\n keep = \"*\"\n}\nsink \"stdout\" \"out\" {\n from = decode.csv\n}\n", "Nothing reads map.m"},
		{"inputs differ", source + decode + "map \"m\" {\n keep = [\"a\"]\n}\nmap \"n\" {\n from = decode.csv\n keep = [\"b\"]\n}\nsink \"stdout\" \"out\" {\n from = [map.m, map.n]\n}\n",
			"The inputs of sink.out have different fields: only map.m has a (string); only map.n has b (int)"},
		{"whole groups of groups", source + decode + group("g", "a") + group("h", "b") + sink, "group.h cannot be refused because of rows before group.g"},
		{"whole groups of pieces", source + decode + "expand \"e\" {\n rows = \"1..b\"\n keep = [\"a\"]\n fields = { b = \"item\" }\n}\n" + group("g", "a") + sink, "group.g cannot be refused because of rows before expand.e"},
		{"whole groups by identity", source + decode + "dedupe \"d\" {\n keys = { a = \"a\" }\n}\n" + group("g", "dedupe.id") + sink, "by reads dedupe, which a refused row does not have"},
		{"when and otherwise", source + decode + "map \"m\" {\n when = \"b > 1\"\n otherwise = true\n keep = \"*\"\n}\n" + sink, "when and otherwise exclude each other"},
		{"unknown source", "source \"ftpp\" \"in\" {}\n" + decode + sink, "There is no source \"ftpp\": Did you mean \"ftp\"? There is: file, ftp, sftp."},
		{"reserved column", source + "decode \"csv\" {\n columns = { meta = \"text\" }\n}\n" + sink, "A column cannot be called meta"},
		{"schedule", "schedule = \"every now\"\n" + source + decode + sink, "schedule needs a duration of a second or more after every"},
		{"cron", "schedule = \"cron 99 * * * *\"\n" + source + decode + sink, "has \"99\" as its minute"},
		{"limit", source + decode + sink + "dead_letter {\n limit = \"many\"\n}\n", "limit must be a share such as \"1%\" or a number of rows such as \"100\", not \"many\"."},
		{"two decoders", source + decode + "decode \"csv\" {\n name = \"again\"\n from = source.in\n columns = { a = \"text\" }\n}\nsink \"stdout\" \"out\" {\n from = decode.csv\n}\nsink \"stdout\" \"two\" {\n from = decode.again\n}\n",
			"Two decoders read source.in"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, got := load(t, tc.text); !strings.Contains(got, tc.want) {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

// TestProjection checks that columns nobody reads are not asked of the decoder.
func TestProjection(t *testing.T) {
	p, msg := load(t, source+"decode \"csv\" {\n columns = { a = \"text\", b = \"int required\", c = \"decimal\", d = \"text\", e = \"text\" }\n}\n"+
		"map \"m\" {\n when = \"b > 1\"\n fields = { x = \"upper(a)\", unread = \"c\" }\n}\nfilter \"f\" {\n drop = \"x == 'A'\"\n}\nmap \"n\" {\n fields = { y = \"x + '!'\" }\n}\n"+sink)
	if msg != "" {
		t.Fatal(msg)
	}
	for _, n := range p.Pipelines[0].Nodes {
		var names []string
		for _, s := range n.Want {
			names = append(names, n.Out.Fields()[s].Name)
		}
		want := map[string]string{"decode.csv": "a b", "map.m": "x", "filter.f": "x", "map.n": "y"}[n.Address]
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: columns %q are read, want %q", n.Address, got, want)
		}
	}
}

func TestOrderOfPipelines(t *testing.T) {
	pipe := func(name, extra string) string {
		return "pipeline \"" + name + "\" {\n" + extra + source + decode + sink + "}\n"
	}
	p, msg := load(t, pipe("a", "after = [pipeline.c]\n")+pipe("b", "")+pipe("c", "after = [pipeline.b]\n"))
	if msg != "" {
		t.Fatal(msg)
	}
	var got []string
	for _, q := range p.Pipelines {
		got = append(got, q.Address)
	}
	if strings.Join(got, " ") != "b c a" {
		t.Errorf("order %v", got)
	}
	if _, msg := load(t, pipe("a", "after = [pipeline.b]\n")+pipe("b", "after = [pipeline.a]\n")); !strings.Contains(msg, "Pipelines wait for each other: a -> b -> a.") {
		t.Error(msg)
	}
	if _, msg := load(t, pipe("a", "after = [pipeline.x]\n")); !strings.Contains(msg, "There is no pipeline x") {
		t.Error(msg)
	}
}

// TestGoodPipelineBesideBad checks that a pipeline with errors leaves the others in the plan (I8).
func TestGoodPipelineBesideBad(t *testing.T) {
	p, msg := load(t, "pipeline \"bad\" {\n"+source+decode+"map \"m\" {\n fields = { x = \"nope\" }\n}\n"+sink+"}\npipeline \"good\" {\n"+source+decode+sink+"}\n")
	if !strings.Contains(msg, "There is no column \"nope\" here") || len(p.Pipelines) != 1 || p.Pipelines[0].Address != "good" {
		t.Errorf("%s; %d pipelines", msg, len(p.Pipelines))
	}
}

// TestStateMemory: the engine block bounds the memory of the state store.
func TestStateMemory(t *testing.T) {
	pipeline := "pipeline \"p\" {\n" + source + decode + sink + "}\n"
	p, msg := load(t, pipeline+"engine {\n state_memory = \"1GiB\"\n}\n")
	if msg != "" || p.Engine.StateMemory != 1<<30 {
		t.Errorf("%d, %s", p.Engine.StateMemory, msg)
	}
	if p, msg = load(t, pipeline+"engine {}\n"); msg != "" || p.Engine.StateMemory != state.DefaultMemory {
		t.Errorf("%d, %s", p.Engine.StateMemory, msg)
	}
	if _, msg = load(t, pipeline+"engine {\n state_memory = \"1MiB\"\n}\n"); !strings.Contains(msg, "state_memory must be 32MiB or more") {
		t.Error(msg)
	}
}
