package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2/hclwrite"

	"weir/engine/config"
)

const top = "../.." // of the project, seen from this package

func readme(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(top, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// fenced returns the first code block of the README in the given language.
func fenced(t *testing.T, language string) string {
	t.Helper()
	_, rest, ok := strings.Cut(readme(t), "```"+language+"\n")
	block, _, closed := strings.Cut(rest, "```\n")
	if !ok || !closed {
		t.Fatalf("README.md has no block in %q", language)
	}
	return block
}

func TestReadmePipelineIsWellFormed(t *testing.T) {
	src := []byte(fenced(t, "hcl"))
	if ds := config.CheckSyntax("README.md", src); ds != nil {
		t.Fatal(ds.Err())
	}
	if d := cmp.Diff(string(hclwrite.Format(src)), string(src)); d != "" {
		t.Errorf("weir fmt would change it (-want +got):\n%s", d)
	}
}

// TestReadmeRuns does what the README tells its reader to do.
func TestReadmeRuns(t *testing.T) {
	files := map[string]string{"orders.hcl": fenced(t, "hcl"), "receipts/monday.csv": fenced(t, "csv")}
	want := fenced(t, "text")
	t.Chdir(t.TempDir())
	if err := os.Mkdir("receipts", 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out, errs bytes.Buffer
	a := newApp(strings.NewReader(""), &out, &errs)
	if code := a.main(t.Context(), []string{"run", "orders.hcl"}); code != exitOK {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	if d := cmp.Diff(want, out.String()); d != "" {
		t.Errorf("the ledger (-want +got):\n%s", d)
	}
	written, _ := filepath.Glob("orders_????-??-??.ndjson")
	if len(written) != 1 {
		t.Fatalf("written %v", written)
	}
	got, err := os.ReadFile(written[0])
	if err != nil {
		t.Fatal(err)
	}
	records := `{"order":"00123","customer":"JAN","total":20}` + "\n" + `{"order":"00125","customer":"EVA","total":1.25}` + "\n"
	if d := cmp.Diff(records, string(got)); d != "" {
		t.Errorf("the records (-want +got):\n%s", d)
	}
}

func TestReadmeNamesEveryVerb(t *testing.T) {
	text := readme(t)
	for _, c := range newApp(nil, nil, nil).root().Commands() {
		if c.Name() != "help" && c.Name() != "completion" && !strings.Contains(text, "`weir "+c.Name()+"`") {
			t.Errorf("README.md does not say what weir %s does", c.Name())
		}
	}
}

// TestPagesShowNoSecretArgument: no page tells people to give a secret as an argument (I9).
func TestPagesShowNoSecretArgument(t *testing.T) {
	wrong := regexp.MustCompile(`--(var[ =]\w*(password|passphrase|secret|token|key|pw)|token|password)\w*=`)
	pages := 0
	err := filepath.WalkDir(top, func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Ext(p) != ".md" {
			return err
		}
		pages++
		b, err := os.ReadFile(p)
		if found := wrong.FindString(string(b)); found != "" {
			t.Errorf("%s shows %s", p, found)
		}
		return err
	})
	if err != nil || pages < 10 {
		t.Error(pages, err)
	}
}

func TestReadmeLinks(t *testing.T) {
	for _, m := range regexp.MustCompile(`\]\(([^)#]+)`).FindAllStringSubmatch(readme(t), -1) {
		if _, err := os.Stat(filepath.Join(top, m[1])); err != nil && !strings.Contains(m[1], "://") {
			t.Errorf("README.md links to %s: %v", m[1], err)
		}
	}
}
