package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"weir/engine/diag"
)

// TestScreen: what is read from elsewhere reaches no terminal raw, however the writes cut it.
func TestScreen(t *testing.T) {
	const hostile = "a\x1b[31mb\u009b1mc\u202ed\x07e\x7ff\xc2\xff\x9b\rg\r\nh\ti\u2066j\x1b]0;x\x07k\x1bcl\x1b[8mm é 漢\n"
	const want = "a\uFFFD[31mb\uFFFD1mc\uFFFDd\uFFFDe\uFFFDf\uFFFD\uFFFD\uFFFD\uFFFDg\r\nh\ti\uFFFDj\uFFFD]0;x\uFFFDk\uFFFDcl\uFFFD[8mm é 漢\n"
	for size := 1; size <= len(hostile); size++ {
		var out bytes.Buffer
		writePieces(t, newScreen(&out), hostile, size)
		if out.String() != want {
			t.Fatalf("in pieces of %d: %q\nwant %q", size, out.String(), want)
		}
	}
	const colored = "\x1b[1;31merror\x1b[0m: \x1b[2Jx\x1b[31\u009bm\x1b[1;2;3;4;5;6;7mz\n"
	for size := 1; size <= len(colored); size++ {
		var out bytes.Buffer
		writePieces(t, inColor(newScreen(&out)), colored, size)
		if want := "\x1b[1;31merror\x1b[0m: \uFFFD[2Jx\uFFFD[31\uFFFDm\uFFFD[1;2;3;4;5;6;7mz\n"; out.String() != want {
			t.Fatalf("in pieces of %d: %q\nwant %q", size, out.String(), want)
		}
	}
}

func writePieces(t *testing.T, w io.Writer, text string, size int) {
	t.Helper()
	for at := 0; at < len(text); at += size {
		piece := text[at:min(at+size, len(text))]
		if n, err := w.Write([]byte(piece)); n != len(piece) || err != nil {
			t.Fatal(n, err)
		}
	}
}

// TestScreenOfJSON: a document keeps every character, and none of them steers.
func TestScreenOfJSON(t *testing.T) {
	const text = "a\x1b\u009b\u202e\x7f\u2069é\r\n\t\"\\"
	var out bytes.Buffer
	if err := printJSON(newScreen(&out), map[string]string{text: text}); err != nil {
		t.Fatal(err)
	}
	if line := strings.TrimSuffix(out.String(), "\n"); strings.ContainsFunc(line, diag.Steers) || !utf8.ValidString(line) {
		t.Errorf("%q", out.String())
	}
	var got map[string]string
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || got[text] != text {
		t.Errorf("%q, %v", got, err)
	}
}

// TestColumnsOfHostileFile: the sample file does not choose how the proposal is shown.
func TestColumnsOfHostileFile(t *testing.T) {
	dir := t.TempDir()
	file := writeSample(t, dir, "na\u009bme;b\u202e\nx\u009by\u202ez;\x1b[31m3\n")
	for _, args := range [][]string{{"columns", file}, {"columns", file, "--json"}, {"columns", file + "\u009b"}} {
		var out bytes.Buffer
		a := newApp(strings.NewReader(""), &out, &out)
		a.main(t.Context(), args)
		text := strings.NewReplacer("\n", "", "\t", "").Replace(out.String())
		if text == "" || strings.ContainsFunc(text, diag.Steers) {
			t.Errorf("%q", out.String())
		}
	}
}

func writeSample(t *testing.T, dir, text string) string {
	t.Helper()
	file := filepath.Join(dir, "sample.csv")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
