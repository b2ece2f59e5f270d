package engine_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/engine"
	"weir/engine/diag"
	"weir/plugins/all"
)

// FuzzLoad reads and plans any bytes as a configuration, in both syntaxes, with
// any value of a variable: there are diagnostics with places that exist, and
// they can be printed in every form.
func FuzzLoad(f *testing.F) {
	for _, dir := range []string{"../pipelines/srs-activate", "../testdata/script"} {
		files, _ := filepath.Glob(filepath.Join(dir, "*"))
		for _, name := range files {
			if b, err := os.ReadFile(name); err == nil {
				f.Add(string(b), false, "x")
			}
		}
	}
	f.Add(`{"locals":[{"a":"${upper("x")}"}],"pipeline":{"p":{"source":{"file":{"in":{"path":"x"}}}}}}`, true, "[1, 2]")
	f.Add("variable \"v\" {\n type = list(any)\n}\npipeline \"p\" {\n source \"file\" \"in\" {\n path = var.v[0]\n}\n}\n", false, "[")
	f.Add("module \"m\" {\n source = \"./\"\n}\nlocals {\n a = <<-E\n\t x\n  E\n}\n", false, "")
	f.Fuzz(func(t *testing.T, src string, json bool, value string) {
		dir := t.TempDir()
		name := "a.hcl"
		if json {
			name = "a.hcl.json"
		}
		if strings.Contains(src, "file(") || strings.Contains(src, "file:") || strings.Contains(src, "..") {
			t.Skip("reads what is not its own")
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(src), 0o600); err != nil {
			t.Fatal(err)
		}
		e, ds := engine.New(engine.Options{Plugins: all.Plugins(io.Discard)})
		if ds != nil {
			t.Fatal(ds.Err())
		}
		began := time.Now()
		in := engine.Inputs{Vars: []engine.VarFlag{{Name: "v", Value: value}}, Env: func(string) (string, bool) { return "", false }, AllowMissing: true}
		l, ds := e.Load(context.Background(), dir, in)
		checkDiagnostics(t, ds, l.Sources)
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func checkDiagnostics(t *testing.T, ds diag.List, sources map[string][]byte) {
	t.Helper()
	for _, d := range ds {
		if d.Summary == "" || d.Code == "" {
			t.Errorf("without summary or code: %+v", d)
		}
		if d.Subject == nil {
			continue
		}
		r := *d.Subject
		if src, ok := sources[r.Filename]; ok && (r.Start.Line < 1 || r.Start.Column < 1 || r.Start.Byte < 0 || r.Start.Byte > len(src)) {
			t.Errorf("%s: there is no %+v in %d bytes", d.Summary, r, len(src))
		}
	}
	for _, color := range []bool{false, true} {
		if err := diag.Text(io.Discard, ds, sources, diag.TextOptions{Color: color, Width: 60}); err != nil {
			t.Error(err)
		}
	}
	if err := diag.JSON(io.Discard, ds); err != nil {
		t.Error(err)
	}
}
