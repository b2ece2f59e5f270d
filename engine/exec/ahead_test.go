package exec_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"weir/engine/record"
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

// probeEncoder is a probe that takes what lanes encoded.
type probeEncoder struct{ *probeWriter }

func (w probeEncoder) NewEncode() func(dst []byte, b *record.Batch) ([]byte, error) {
	return record.NewEncoder(w.s.in, record.JSONOptions{}).AppendLines
}

func (w probeEncoder) NewEncodeSpans() func(dst []byte, ends []int, b *record.Batch) ([]byte, []int, error) {
	return record.NewEncoder(w.s.in, record.JSONOptions{}).AppendLineSpans
}

func (w probeEncoder) WriteEncoded(ctx context.Context, data []byte, rows int) error {
	lines := strings.SplitAfter(string(data), "\n")
	if lines[len(lines)-1] != "" || len(lines) != rows+1 {
		return fmt.Errorf("%d rows are %q", rows, data)
	}
	_, err := w.s.p.take(ctx, w.s.to, "encoded", lines[:rows])
	return err
}

// TestLanesEncode: lanes encode where one sink takes all that comes of their rows
// as it comes, also behind a step that only selects; elsewhere rows are delivered.
func TestLanesEncode(t *testing.T) {
	const m, d = "map \"m\" {\n keep = [\"id\", \"key\"]\n}\n", "dedupe \"d\" {\n keys = { k = \"key\" }\n%s\n}\n"
	sink := "sink \"probe\" \"out\" {\n encodes = true\n%s\n}\n"
	for _, tt := range []struct {
		name, body string
		encoded    bool
	}{
		{"map", m + fmt.Sprintf(sink, ""), true},
		{"dedupe", m + fmt.Sprintf(d, "") + fmt.Sprintf(sink, ""), true},
		{"changed", m + fmt.Sprintf(d, "keep = \"changed\"") + fmt.Sprintf(sink, ""), true},
		{"rows held back", m + fmt.Sprintf(d, "keep = \"last\"") + fmt.Sprintf(sink, ""), false},
		{"traced", m + fmt.Sprintf(d, "trace = true") + fmt.Sprintf(sink, ""), false},
		{"another step", fmt.Sprintf(d, "") + m + fmt.Sprintf(sink, ""), false},
		{"cut into batches", m + fmt.Sprintf(d, "") + fmt.Sprintf(sink, "rows = 10"), false},
		{"some rows", m + fmt.Sprintf(d, "") + fmt.Sprintf(sink, "when = \"id > 3\""), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, t.TempDir(), source+tt.body)
			r.put("f.csv", csvRows(0, 100))
			r.done()
			got := r.probe.seen["out"]
			if len(got) == 0 {
				t.Fatal("nothing was delivered")
			}
			for _, x := range got {
				if (x.Key == "encoded") != tt.encoded {
					t.Errorf("a delivery has the key %s", x.Key)
				}
			}
		})
	}
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
