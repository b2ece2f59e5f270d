package csv

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"golang.org/x/text/encoding/ianaindex"

	"weir/engine/plugin"
	"weir/engine/record"
)

func gzipped(t testing.TB, text string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func zipped(t testing.TB, entries ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for i := 0; i < len(entries); i += 2 {
		f, err := w.Create(entries[i])
		if err == nil {
			_, err = io.WriteString(f, entries[i+1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// The same text in any character set that can hold it gives the same rows.
func TestCharsets(t *testing.T) {
	text := "a,b,c\nłódź,\"x\"\"ą\",3\nÓ,\"ż\n\",ę\n"
	want := []string{"2|łódź|x\"ą|3", "3|Ó|ż\n|ę"}
	for _, name := range []string{"utf-8", "windows-1250", "iso-8859-2", "ibm852", "utf-16le", "utf-16be", "gb18030"} {
		data := []byte(text)
		if name != "utf-8" {
			enc, err := ianaindex.IANA.Encoding(name)
			if err != nil {
				t.Fatal(err)
			}
			if data, err = enc.NewEncoder().Bytes(data); err != nil {
				t.Fatal(name, err)
			}
		}
		d := mustBind(t, abc+`charset = "`+name+`"`)
		for _, target := range []int{1, 1 << 20} {
			got, err := decode(t, d, data, target)
			if err != nil {
				t.Fatal(name, err)
			}
			diffLines(t, name, got.rows, want)
			if tells := name != "gb18030"; tells && got.ends[len(got.ends)-1] != int64(len(data)) || !tells && got.ends[0] != -1 {
				t.Errorf("%s: ends %d of %d", name, got.ends, len(data))
			}
		}
	}
}

func TestMarkOverDeclaredCharset(t *testing.T) {
	d := mustBind(t, abc+`charset = "windows-1252"`)
	got, err := decode(t, d, []byte("\ufeffa,b,c\né,2,3\n"), 100)
	if err != nil {
		t.Fatal(err)
	}
	diffLines(t, "rows", got.rows, []string{"2|é|2|3"})
	diffLines(t, "notices", got.notices, []string{"/in/a.csv: it begins with the mark of UTF-8, so it is read as that, not as windows-1252"})
}

// Members of an archive have each a header of their own; lines go on counting.
func TestMembers(t *testing.T) {
	d := mustBind(t, abc+`member = "*.csv"`)
	got, err := decode(t, d, zipped(t, "1.csv", "a,b,c\n1,2,3\n", "2.csv", "c,b,x,a\n1,2,3,4\n", "3.csv", ""), 100)
	if err != nil {
		t.Fatal(err)
	}
	diffLines(t, "rows", got.rows, []string{"2|1|2|3", "4|4|2|1"})
	diffLines(t, "notices", got.notices, []string{"Columns that nobody declared are not read: x", "/in/a.csv/3.csv is empty"})
}

func TestFailures(t *testing.T) {
	for _, tt := range []struct {
		name, options, in string
		code              string
		want              []string
	}{
		{name: "missing", in: "a,b,xyz\n1,2,3\n", code: "row.missing_column", want: []string{
			`/in/a.csv: the header lacks column "c" (declared at p.hcl:1,41); it has: a, b, xyz`, `declare it optional: c = "text optional"`}},
		{name: "near", options: `columns = { email = "text trim" }`, in: "E-Mail,x\n", code: "row.missing_column", want: []string{`Did you mean "E-Mail"? Name it with from: email = "text trim from 'E-Mail'"`}},
		{name: "other delimiter", in: "a;b;c\n1;2;3\n", code: "row.missing_column", want: []string{`set delimiter = ";"`}},
		{name: "utf-16 without mark", in: "a\x00,\x00b\x00\n\x00", code: "row.missing_column", want: []string{`set charset = "utf-16"`}},
		{name: "twice", in: "a,b,c, b\n", want: nil},
		{name: "twice exactly", in: "a,b,c,b\n", code: "row.duplicate_column", want: []string{`the header has column "b" twice`, "p.hcl:1,"}},
		{name: "header without end", in: "a,\"b,c\n1,2,3\n", code: "row.bad_header", want: []string{`the header has no end: "a,\"b,c"`}},
		{name: "damaged archive", in: string(gzipped(t, "a,b,c\n1,2,3\n")[:25]), code: "run.archive", want: []string{"/in/a.csv: the gzip data ends too early"}},
		{name: "second member lacks a column", options: abc + `member = "*"`, in: string(zipped(t, "1", "a,b,c\n1,2,3\n", "2", "a,b\n1,2\n")), code: "row.missing_column", want: []string{`/in/a.csv/2: the header lacks column "c"`}},
		{name: "mark against charset", options: abc + `charset = "utf-8"`, in: "\xff\xfea\x00", code: "run.charset", want: []string{"/in/a.csv: the text begins with the mark of utf-16le"}},
	} {
		options := tt.options
		if options == "" {
			options = abc
		}
		_, err := decode(t, mustBind(t, options), []byte(tt.in), 100)
		if tt.code == "" {
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		var f *plugin.Failure
		if !errors.As(err, &f) || f.Class != plugin.Data || string(f.Code) != tt.code {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		for _, w := range tt.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %v\nlacks %s", tt.name, err, w)
			}
		}
	}
}

// Rows before a lost connection are handed out; the row it cut is not, and the error keeps its class.
func TestLostConnection(t *testing.T) {
	lost := errors.New("connection lost")
	for _, target := range []int{1, 1 << 20} {
		d := mustBind(t, abc)
		body := io.MultiReader(strings.NewReader("a,b,c\n1,2,3\n4,5"), iotest.ErrReader(lost))
		got, err := decodeFrom(t, d, body, target, every(d), 0, 0)
		if !errors.Is(err, lost) || plugin.ClassOf(err) != plugin.Transient {
			t.Errorf("error %v", err)
		}
		diffLines(t, "rows", got.rows, []string{"2|1|2|3"})
	}
}

func TestResumeElsewhereIsRefused(t *testing.T) {
	d := mustBind(t, abc)
	for _, offset := range []int64{3, 100} {
		_, err := decodeFrom(t, d, strings.NewReader("a,b,c\n1,2,3\n"), 100, every(d), offset, 2)
		if err == nil || !strings.Contains(err.Error(), "reading cannot go on at byte") {
			t.Errorf("from %d: %v", offset, err)
		}
	}
}

// Chunks are parsed at the same time as others are split and parsed.
func TestParallelParse(t *testing.T) {
	data := receipts(2000, 2)
	d := mustBind(t, receiptOptions)
	r, err := d.Open(t.Context(), plugin.Object{Name: "x", Body: bytes.NewReader(data)}, every(d))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var first []*record.Column
	var counts []*int
	for {
		c := new(plugin.Chunk)
		err := r.Split(t.Context(), c, 8<<10)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		col, n := new(record.Column), new(int)
		first, counts = append(first, col), append(counts, n)
		wg.Go(func() {
			var b record.Batch
			if err := r.Parse(t.Context(), c, &b); err != nil || len(b.Rejects) > 0 {
				t.Error(err, b.Rejects)
				return
			}
			*n = b.N
			col.Alias(&b.Cols[0])
		})
	}
	wg.Wait()
	row := 0
	for i, col := range first {
		for k := range *counts[i] {
			if want := fmt.Sprintf("%08d", row); string(col.Bytes(k)) != want {
				t.Fatalf("row %d is %s", row, col.Bytes(k))
			}
			row++
		}
	}
	if row != 2000 {
		t.Errorf("%d rows", row)
	}
}
