package diag

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestCodes holds the list of codes against those that the sources use.
func TestCodes(t *testing.T) {
	known := map[string]bool{}
	list := Codes()
	for _, c := range list {
		known[string(c.Code)] = true
		if c.Meaning == "" {
			t.Errorf("%s has no meaning", c.Code)
		}
	}
	if !slices.IsSortedFunc(list, func(a, b CodeDoc) int { return strings.Compare(string(a.Code), string(b.Code)) }) {
		t.Error("codes are not sorted")
	}
	used := usedCodes(t)
	for c, at := range used {
		if !known[c] {
			t.Errorf("%s: %s is not in engine/diag/codes.go: say there what it stands for", at, c)
		}
	}
	for c := range known {
		if used[c] == "" {
			t.Errorf("%s is in codes.go and nothing reports it", c)
		}
	}
}

// usedCodes finds the codes in the sources, with a file where each stands: whatever has the
// form of a code of a known kind, and what is given as the code of a problem, of any kind.
func usedCodes(t *testing.T) map[string]string {
	t.Helper()
	forms := []*regexp.Regexp{
		regexp.MustCompile(`"((?:config|env|expr|plan|row|run|serve|state|test)\.[a-z0-9_]+)"`),
		regexp.MustCompile(`\bdiag\.(?:Errorf|Warnf|FromError|FromHCL)\(\s*"([^"]*)"`),
		regexp.MustCompile(`\bFail\([\w.]+,\s*"([^"]+)"`),
		regexp.MustCompile(`\b[cC]ode:\s*"([^"]*\.[^"]*)"`),
	}
	fileNames := []string{"serve.json"} // which have the form of a code
	used := map[string]string{}
	for _, top := range []string{"../../engine", "../../plugins", "../../cmd"} {
		err := filepath.WalkDir(top, func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") || d.Name() == "codes.go" {
				return err
			}
			text, err := os.ReadFile(p)
			for _, form := range forms {
				for _, m := range form.FindAllStringSubmatch(string(text), -1) {
					if !slices.Contains(fileNames, m[1]) {
						used[m[1]] = p
					}
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return used
}
