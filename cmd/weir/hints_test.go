package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// prose are words that may follow "weir" or one of its verbs in a sentence.
var prose = []string{
	"and", "answers", "are", "as", "before", "begins", "checks", "does", "ends", "from", "goes", "had", "has", "in", "is", "it", "knows", "lists", "of", "on", "once", "or",
	"process", "reports", "runs", "says", "shows", "that", "the", "there", "to", "was", "with", "write", "finish", "moves", "asked", "may", "makes", "for", "while", "when",
}

// unmade are verbs that there might be, and are not: a text that names one sends people nowhere.
var unmade = regexp.MustCompile(`\b(backfill|weir review|weir diff|weir lsp)\b`)

// TestHintsNameVerbsThatExist holds every verb and flag that a text of the program names
// against those that there are.
func TestHintsNameVerbsThatExist(t *testing.T) {
	root := newApp(strings.NewReader(""), new(bytes.Buffer), new(bytes.Buffer)).root()
	named := regexp.MustCompile(`\bweir ([a-z]+)((?: [a-z]+| [A-Z]+| --[a-z-]+(?:=\S+)?)*)`)
	found := 0
	for _, dir := range []string{"engine", "plugins", "cmd"} {
		eachLiteral(t, filepath.Join(top, dir), func(at, text string) {
			if m := unmade.FindString(text); m != "" {
				t.Errorf("%s: %q is no verb: %q", at, m, text)
			}
			for _, m := range named.FindAllStringSubmatch(text, -1) {
				if why := wrongHint(root, m[1], strings.Fields(m[2])); why != "" {
					t.Errorf("%s: %s: %q", at, why, text)
				}
				found++
			}
		})
	}
	if found < 40 {
		t.Errorf("only %d verbs were found", found)
	}
}

// wrongHint says what is wrong with a verb and the words after it, "" when nothing is.
func wrongHint(root *cobra.Command, verb string, words []string) string {
	sub := func(c *cobra.Command, name string) *cobra.Command {
		i := slices.IndexFunc(c.Commands(), func(s *cobra.Command) bool { return s.Name() == name })
		if i < 0 {
			return nil
		}
		return c.Commands()[i]
	}
	c := sub(root, verb)
	if c == nil {
		if slices.Contains(prose, verb) {
			return ""
		}
		return "there is no verb " + verb
	}
	for i, w := range words {
		if flag, ok := strings.CutPrefix(w, "--"); ok {
			flag, _, _ = strings.Cut(flag, "=")
			if !hasFlag(c, flag) {
				return c.CommandPath() + " has no flag --" + flag
			}
			continue
		}
		if s := sub(c, w); s != nil {
			c = s
			continue
		}
		if i == 0 && c.HasSubCommands() && w == strings.ToLower(w) && !slices.Contains(prose, w) {
			return c.CommandPath() + " has no verb " + w
		}
	}
	return ""
}

func hasFlag(c *cobra.Command, name string) bool {
	found := name == "help"
	look := func(f *pflag.Flag) { found = found || f.Name == name }
	c.Flags().VisitAll(look)
	c.InheritedFlags().VisitAll(look)
	return found
}

// eachLiteral calls f with every text in the sources below dir, tests left out.
func eachLiteral(t *testing.T, dir string, f func(at, text string)) {
	t.Helper()
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") {
			return err
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, p, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				if s, err := strconv.Unquote(l.Value); err == nil {
					f(fset.Position(l.Pos()).String(), s)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestWrongHints shows that wrong hints are found.
func TestWrongHints(t *testing.T) {
	root := newApp(strings.NewReader(""), new(bytes.Buffer), new(bytes.Buffer)).root()
	for hint, wrong := range map[string]bool{
		"backfil p": true, "files retry p": false, "files retry PIPELINE --again": false, "files retry --never": true, "files rettry p": true,
		"run --pipeline": false, "state reset p --yes": false, "serve runs": false, "that wrote": false, "rejects ls": false,
	} {
		words := strings.Fields(hint)
		if why := wrongHint(root, words[0], words[1:]); why != "" != wrong {
			t.Errorf("%s: %q", hint, why)
		}
	}
}
