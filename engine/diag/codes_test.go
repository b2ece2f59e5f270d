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
		known[string(c.Code)] = false
		if c.Meaning == "" {
			t.Errorf("%s has no meaning", c.Code)
		}
	}
	if !slices.IsSortedFunc(list, func(a, b CodeDoc) int { return strings.Compare(string(a.Code), string(b.Code)) }) {
		t.Error("codes are not sorted")
	}
	code := regexp.MustCompile(`"((?:config|expr|plan|run|row|env|state)\.[a-z_]+)"`)
	for _, top := range []string{"../../engine", "../../plugins", "../../cmd"} {
		err := filepath.WalkDir(top, func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") || d.Name() == "codes.go" {
				return err
			}
			text, err := os.ReadFile(p)
			for _, m := range code.FindAllStringSubmatch(string(text), -1) {
				if _, ok := known[m[1]]; !ok {
					t.Errorf("%s: %s is not in engine/diag/codes.go: say there what it stands for", p, m[1])
				}
				known[m[1]] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for c, used := range known {
		if !used {
			t.Errorf("%s is in codes.go and nothing reports it", c)
		}
	}
}
