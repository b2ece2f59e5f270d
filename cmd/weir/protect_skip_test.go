package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A file is not skipped for a pipeline that would break what is stored: the entry would
// stand under its new name, where the state of the former one is to go (I8).
func TestSkipProtectsState(t *testing.T) {
	dir := t.TempDir()
	file, st := filepath.Join(dir, "p.hcl"), filepath.Join(dir, "state")
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	weir := func(args string) (int, string) {
		t.Helper()
		code, out, errs := weirIn(t, append(strings.Fields(args), "--state", st)...)
		return code, out + errs
	}
	text := strings.NewReplacer("DIR", dir, "KEY", "id").Replace(rekeyed)
	write("p.hcl", text)
	write("a.csv", "id\nrow-x\n")
	if code, out := weir("run " + file); code != exitOK || !strings.Contains(out, "row-x") {
		t.Fatal(code, out)
	}
	write("b.csv", "id\nrow-y\n")
	write("p.hcl", strings.Replace(text, `pipeline "p"`, `pipeline "q"`, 1))
	code, out := weir("files skip q b.csv --config " + file)
	if code != exitConfig || !strings.Contains(out, "its files are not skipped") || !strings.Contains(out, "p.hcl:") {
		t.Fatal(code, out)
	}
	if code, out := weir("run " + file + " --stored-state keep"); code != exitOK || strings.Contains(out, "row-x") || !strings.Contains(out, "row-y") {
		t.Fatal(code, out)
	}
	write("c.csv", "id\nrow-z\n")
	if code, out := weir("files skip q c.csv --config " + file); code != exitOK {
		t.Fatal(code, out)
	}
	if code, out := weir("run " + file); code != exitOK || strings.Contains(out, "row-z") {
		t.Error(code, out)
	}
}
