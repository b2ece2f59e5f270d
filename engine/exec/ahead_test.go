package exec_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestEncodedAhead: rows that lanes encode before a dedupe step has decided which
// of them go on become what they become when they are encoded after it, behind a
// step that changes nothing: whether rows are dropped, refused for want of a key or
// by their key's expression, or cannot be written.
func TestEncodedAhead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SampledFrom([]string{
			`keys = { a = "key" }`, `keys = { a = "string(id)" }`, `keys = { a = "n > 3 ? key : ''" }`,
			"keys = { a = \"key[n:]\", b = \"n > 2 ? string(n) : nil\" }\nmax_merge = 3", `keys = { a = "string(int(key) % 7)" }`,
		}).Draw(t, "keys")
		more := rapid.SampledFrom([]string{
			`keep = "first"`, `keep = "changed"`, `keep = "last"`, `keep = "all"`, "keep = \"first\"\ntrace = true", "keep = \"first\"\nno_key = \"pass\"",
		}).Draw(t, "more")
		format := rapid.SampledFrom([]string{"ndjson", "csv"}).Draw(t, "format")
		body := source + `
			map "m" {
			  keep   = "*"
			  fields = { share = "1 / (id % ` + fmt.Sprint(rapid.IntRange(2, 40).Draw(t, "unwritable")) + `)" }
			}
			filter "f" {
			  drop = "n == 2"
			}
			dedupe "d" {
			  ` + keys + "\n" + more + `
			}
			` + rapid.SampledFrom([]string{"", "commit {\n rows = 40\n}"}).Draw(t, "commit")
		sink := "\nsink \"file\" \"out\" {\n path = \"DIR/out\"\n format = \"" + format + "\"\n}\n"
		ahead := newRig(t, tempDir(t), body+sink)
		after := newRig(t, tempDir(t), body+"\nmap \"same\" {\n keep = \"*\"\n}\n"+sink)
		text := randomRows(t)
		var out [2]string
		for i, r := range []*rig{ahead, after} {
			r.chunk = 200
			r.put("f.csv", text)
			counts := r.done().Counts
			written, err := os.ReadFile(filepath.Join(r.dir, "out"))
			if err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			out[i] = fmt.Sprintf("%v\n%s", counts, written)
			for _, x := range r.rejects() {
				out[i] += fmt.Sprintf("row %d, %s: %s\n", x.Row, x.Step, x.Reason)
			}
		}
		if out[0] != out[1] {
			t.Fatalf("of\n%s\n%s\ncomes\n%s\nencoded ahead, and encoded after\n%s", text, body, out[0], out[1])
		}
	})
}

// randomRows draws rows of source.
func randomRows(t *rapid.T) string {
	var sb strings.Builder
	sb.WriteString("id,key,n\n")
	for i := range rapid.IntRange(0, 120).Draw(t, "rows") {
		key := rapid.SampledFrom([]string{"", "1", "2", "30", "x", `"a ""b"""`, "łó"}).Draw(t, "key")
		fmt.Fprintf(&sb, "%d,%s,%d\n", i, key, rapid.IntRange(0, 5).Draw(t, "n"))
	}
	return sb.String()
}
