package config

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"pgregory.net/rapid"
)

func tokensTooDeep(src []byte) bool {
	tokens, _ := hclsyntax.LexConfig(src, "a.hcl", hcl.InitialPos)
	return tooDeepTokens(tokens) != nil
}

// TestPlainlyFlat checks that a glance at a file never lets pass what a close look does not.
func TestPlainlyFlat(t *testing.T) {
	parts := []string{
		"a", "for", "b1e9", " ", "\n", "\n\n", "=", "==", "!=", "=>", "<=", ">=", "<", ">", "<<", "<<E\n", "E\n", "+", "-", "!", "?", ":", "*", "/", "//", "/*", "*/", "#", "%", "&&", "||",
		"{", "}", "[", "]", "(", ")", "\"", "\"", "\\", "\\\"", "${", "$${", "%{", "%{if ", "~}", "${a.b}", "${-a}", "${a.1e999}", "\"${a}\"", "\"x\"", "1", "23.5", "1e999", "9999999999", ",", ".", "'", "\r\n", "é",
	}
	repeated := append([]string{"{ for ", "\"${", "x = ["}, parts...)
	flat := 0
	rapid.Check(t, func(rt *rapid.T) {
		var b strings.Builder
		for range rapid.IntRange(0, 12).Draw(rt, "parts") {
			if rapid.IntRange(0, 3).Draw(rt, "repeat") == 0 {
				b.WriteString(strings.Repeat(rapid.SampledFrom(repeated).Draw(rt, "what"), rapid.SampledFrom([]int{70, 210, 520}).Draw(rt, "times")))
			} else {
				b.WriteString(rapid.SampledFrom(parts).Draw(rt, "part"))
			}
		}
		src := []byte(b.String())
		if !plainlyFlat(src) {
			return
		}
		flat++
		if tokensTooDeep(src) {
			rt.Fatalf("taken for flat: %q", src)
		}
	})
	if flat == 0 {
		t.Error("nothing was flat")
	}
}

// TestPlainlyFlatFiles checks that ordinary files need no close look.
func TestPlainlyFlatFiles(t *testing.T) {
	files, flat := 0, 0
	err := filepath.WalkDir("../../pipelines", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".hcl" {
			return err
		}
		src, err := os.ReadFile(path)
		if files++; plainlyFlat(src) {
			flat++
		}
		return err
	})
	if err != nil || files == 0 || flat*2 < files {
		t.Errorf("%d of %d files are plainly flat, %v", flat, files, err)
	}
	if !plainlyFlat([]byte("a \"b\" {\n  path = \"${var.data}/in/*.csv\" # where\n  n = [1, -2.5 * 3]\n}\n")) {
		t.Error("a simple file is not flat")
	}
}
