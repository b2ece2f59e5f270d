package csv

import (
	"bytes"
	stdcsv "encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// reference tells rows apart one byte at a time, straight from the rules in the
// package documentation. It returns the kind of each row ("ok", "open", "long")
// with its text and line.
func reference(text string, maxRow int) []string {
	var out []string
	line := 1
	for len(text) > 0 {
		first := strings.IndexByte(text, '\n')
		if first < 0 {
			first = len(text)
		}
		end, quoted := referenceEnd(text)
		kind := "ok"
		switch {
		case first > maxRow:
			kind, end = "long", first
		case quoted || end > maxRow:
			kind, end = "open", first
		}
		row := strings.TrimSuffix(text[:end], "\r")
		if kind == "long" {
			row = text[:maxRow]
		}
		if row != "" {
			out = append(out, fmt.Sprintf("%d %s %q", line, kind, row))
		}
		line += 1 + strings.Count(text[:end], "\n")
		text = text[min(end+1, len(text)):]
	}
	return out
}

// referenceEnd returns the place of the line end that ends the first row, and
// whether the text ends within a quoted cell.
func referenceEnd(text string) (end int, open bool) {
	start, quoted := true, false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quoted && c == '"' && strings.HasPrefix(text[i+1:], `"`):
			i++
		case quoted && c == '"':
			quoted = false
		case quoted:
		case c == '"' && start:
			quoted = true
		case c == '\n':
			return i, false
		}
		start = !quoted && c == ','
	}
	return len(text), quoted
}

// observed returns what the decoder made of text in the form of reference.
func observed(t testing.TB, d *Decoder, text string, target int) []string {
	t.Helper()
	got, err := decode(t, d, []byte(text), target)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[int]string{}
	for _, r := range got.rejects {
		var row int
		if _, err := fmt.Sscanf(r, "row %d", &row); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(r, "row.unterminated_quote") {
			kinds[row] = "open"
		}
		if strings.Contains(r, "row.too_long") {
			kinds[row] = "long"
		}
	}
	var out []string
	for i, raw := range got.raws {
		line, _, _ := strings.Cut(got.rows[i], "|")
		kind := kinds[i+1]
		if kind == "" {
			kind = "ok"
		}
		if kind == "long" {
			raw = strings.TrimSuffix(raw, "\r") // where a line is cut says nothing about its end
		}
		out = append(out, fmt.Sprintf("%s %s %q", line, kind, raw))
	}
	return out
}

func checkExtents(t testing.TB, d *Decoder, text string) {
	t.Helper()
	// Without a line feed, carriage returns end rows; another test has that.
	if !strings.Contains(text, "\n") && strings.Contains(text, "\r") || !utf8.ValidString(text) {
		return
	}
	want := reference(text, d.dialect.maxRow)
	for i, w := range want {
		if strings.Contains(w, " long ") {
			want[i] = strings.ReplaceAll(w, `\r"`, `"`)
		}
	}
	for _, target := range []int{1, 2, 3, 5, 9, 17, 33, 1 << 20} {
		got := observed(t, d, text, target)
		if !slices.Equal(got, want) {
			t.Fatalf("%q in chunks of %d:\n%q\nwant\n%q", text, target, got, want)
		}
	}
}

const positional = "header = false\n" + abc

// Any text is cut into the same rows by the decoder, in chunks of any size, and by the reference.
func TestRowsAgreeWithReference(t *testing.T) {
	small, usual := mustBind(t, positional+"max_row = 16"), mustBind(t, positional)
	rapid.Check(t, func(rt *rapid.T) {
		parts := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "bc", ",", ",", "\"", "\"", "\"\"", "\n", "\n", "\r\n", "\r", " ", ",\"", "\",", "12345678901234567"}), 0, 40).Draw(rt, "parts")
		checkExtents(t, small, strings.Join(parts, ""))
		checkExtents(t, usual, strings.Join(parts, ""))
	})
}

func FuzzRows(f *testing.F) {
	for _, s := range []string{"", "a,b,c\n", "\"a\n", "1,\"2\"\"\n\",3\r\n\"", "\"a\"b,\"c\nd\",\n\n"} {
		f.Add(s)
	}
	small := mustBind(f, positional+"max_row = 16")
	f.Fuzz(func(t *testing.T, s string) {
		if !strings.HasPrefix(s, "\ufeff") {
			checkExtents(t, small, s)
			checkStandard(t, mustBind(t, positional), s)
		}
	})
}

// What encoding/csv accepts gives the same cells, on the same lines.
func TestCellsAgreeWithStandard(t *testing.T) {
	d := mustBind(t, positional)
	rapid.Check(t, func(rt *rapid.T) {
		cell := rapid.SampledFrom([]string{"", "a", "x y", "\"\"", "\"a\"", "\"b\"\"c\"", "\"d\ne\"", "\"f,g\"", "é", "\"\"\"\""})
		var sb strings.Builder
		for range rapid.IntRange(0, 12).Draw(rt, "rows") {
			n := rapid.IntRange(1, 4).Draw(rt, "cells")
			for i := range n {
				if i > 0 {
					sb.WriteByte(',')
				}
				sb.WriteString(cell.Draw(rt, "cell"))
			}
			sb.WriteString(rapid.SampledFrom([]string{"\n", "\r\n", "\n\n"}).Draw(rt, "end"))
		}
		checkStandard(t, d, sb.String())
	})
}

func checkStandard(t testing.TB, d *Decoder, text string) {
	t.Helper()
	if !strings.Contains(text, "\n") && strings.Contains(text, "\r") || !utf8.ValidString(text) {
		return
	}
	std := stdcsv.NewReader(strings.NewReader(text))
	std.FieldsPerRecord = -1
	var want []string
	for {
		rec, err := std.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return // the standard has no rule for it, we have
		}
		line, _ := std.FieldPos(0)
		switch {
		case len(rec) == 3 || len(rec) == 4 && rec[3] == "":
			want = append(want, fmt.Sprintf("%d|%s", line, strings.Join(rec[:3], "|")))
		default:
			want = append(want, fmt.Sprintf("%d|~|~|~", line))
		}
	}
	for _, target := range []int{1, 13, 1 << 20} {
		got, err := decode(t, d, []byte(text), target)
		if err != nil {
			t.Fatal(err)
		}
		for i := range got.rows {
			// The standard makes line feeds of the line ends within cells; here cells stay as they are (I6).
			got.rows[i] = strings.ReplaceAll(got.rows[i], "\r\n", "\n")
		}
		if !slices.Equal(got.rows, want) {
			t.Fatalf("%q in chunks of %d:\n%q\nwant\n%q", text, target, got.rows, want)
		}
	}
}

// The places of delimiters found eight bytes at a time are those found one at a time.
func TestDelimiters(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := rapid.SliceOf(rapid.SampledFrom([]byte{',', ',' + 1, ',' - 1, 0, 1, 0x80, 0xAC, 0xFF, 'a'})).Draw(rt, "b")
		from := rapid.IntRange(0, len(b)).Draw(rt, "from")
		to := rapid.IntRange(from, len(b)).Draw(rt, "to")
		d := dialect{delim: []byte{','}, d: ','}
		var want []uint32
		for i, c := range b[:to] {
			if i >= from && c == ',' {
				want = append(want, uint32(i))
			}
		}
		if got := d.delimiters(b, from, to, nil); !slices.Equal(got, want) {
			rt.Fatalf("%q %d..%d: %v, want %v", b, from, to, got, want)
		}
	})
}

// Whatever the options, chunks of any size give the same.
func TestChunkSizeDoesNotMatter(t *testing.T) {
	for _, options := range []string{"", "trim = true", `escape = "\\"`, `comment = "#"`, `quote = ""`, `charset = "windows-1252"`, `delimiter = "é"`, `charset = "windows-1252"` + "\n" + `delimiter = "é"`, `invalid = "replace"`, `charset = "utf-16le"`} {
		d := mustBind(t, positional+"max_row = 24\n"+options)
		rapid.Check(t, func(rt *rapid.T) {
			parts := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "\xe9", "é", ",", ",", "\"", "\"\"", "\\\"", "\n", "\n", "\r\n", " ", "#", ",\"", "\",", "12345678", "\x00", "\n\x00"}), 0, 40).Draw(rt, "parts")
			data := []byte(strings.Join(parts, ""))
			whole, err := decode(rt2tb{t, rt}, d, data, 1<<20)
			if err != nil {
				rt.Fatal(err)
			}
			for _, target := range []int{1, 2, 3, 5, 9, 17, 33} {
				got, err := decode(rt2tb{t, rt}, d, data, target)
				if err != nil || !slices.Equal(got.rows, whole.rows) || !slices.Equal(got.raws, whole.raws) || !slices.Equal(got.rejects, whole.rejects) {
					rt.Fatalf("%s %q in chunks of %d: %v\n%q\n%q\nwant\n%q\n%q", options, data, target, err, got.rows, got.rejects, whole.rows, whole.rejects)
				}
			}
		})
	}
}

// rt2tb lets helpers that want a testing.TB fail a property.
type rt2tb struct {
	testing.TB
	rt *rapid.T
}

func (r rt2tb) Fatalf(format string, args ...any) { r.rt.Fatalf(format, args...) }

// Reading on from the end of any chunk gives the rest, in any character set and compression that tells places.
func TestResume(t *testing.T) {
	text := "skip\na,b,c\n1,2,3\r\n\"4\n\",5,6\n\n7,é,9\n\"x,\n,,\n" + strings.Repeat("y", 50) + "\n10,\"1\"\"1\",12"
	utf16 := []byte{0xFF, 0xFE}
	for _, r := range text {
		utf16 = append(utf16, byte(r), byte(r>>8))
	}
	latin := bytes.ReplaceAll([]byte(text), []byte("é"), []byte{0xE9})
	for name, tt := range map[string]struct {
		options string
		data    []byte
	}{
		"utf-8":                  {"", []byte(text)},
		"byte order mark":        {"", append([]byte("\ufeff"), text...)},
		"utf-16":                 {"", utf16},
		"latin1":                 {`charset = "iso-8859-1"`, latin},
		"delimiter not in ascii": {`charset = "iso-8859-1"` + "\n" + `delimiter = "§"`, bytes.ReplaceAll(latin, []byte{','}, []byte{0xA7})},
		"gzip":                   {"", gzipped(t, text)},
		"zip":                    {`member = "*.csv"`, zipped(t, "1.csv", text, "no.txt", "no", "2.csv", "\ufeff"+text)},
		"without header":         {"header = false", []byte(text)},
	} {
		d := mustBind(t, abc+"skip = 1\nmax_row = 40\n"+tt.options)
		whole, err := decode(t, d, tt.data, 1)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(whole.ends) < 7 {
			t.Fatalf("%s: only %d chunks: %q", name, len(whole.ends), whole.rows)
		}
		for i, end := range whole.ends {
			for kind, body := range map[string]io.Reader{"seek": bytes.NewReader(tt.data), "read": struct{ io.Reader }{bytes.NewReader(tt.data)}} {
				rest, err := decodeFrom(t, d, body, 30, every(d), end, whole.lines[i])
				if err != nil {
					t.Errorf("%s %s from %d: %v", name, kind, end, err)
					continue
				}
				if want := whole.rows[whole.counts[i]:]; !slices.Equal(rest.rows, want) {
					t.Errorf("%s %s from %d:\n%q\nwant\n%q", name, kind, end, rest.rows, want)
				}
			}
		}
	}
}
