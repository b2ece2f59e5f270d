package pipelines_test

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zip"

	"weir/engine/exec"
	"weir/engine/testkit/ftpserver"
)

// deflated is a deflate stream of head and then times copies of block, made by
// compressing block once: blocks that end at a byte can be repeated.
func deflated(t *testing.T, head string, block []byte, times int) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	write := func(b []byte) (from int) {
		from = out.Len()
		if _, err := w.Write(b); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		return from
	}
	write([]byte(head))
	write(block)
	from := write(block) // what it refers to is one block back, wherever it stands
	one := bytes.Clone(out.Bytes()[from:])
	for range times - 2 {
		out.Write(one)
	}
	out.Write([]byte{3, 0}) // the last block, empty
	return out.Bytes()
}

// zipped is an archive with raw as its first member. Further ones have no data of
// their own.
func zipped(t *testing.T, raw []byte, size uint64, names ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, n := range names {
		w, err := z.CreateRaw(&zip.FileHeader{Name: n, Method: zip.Deflate, CompressedSize64: uint64(len(raw)), UncompressedSize64: size})
		if err != nil {
			t.Fatal(err)
		}
		if n != names[0] {
			continue // see overlapping
		}
		if _, err := w.Write(raw); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func gzipped(raw []byte) []byte {
	out := append([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"), raw...)
	return binary.LittleEndian.AppendUint64(out, 0)
}

// overlapping makes every entry of the archive's directory point at its first member.
func overlapping(t *testing.T, archive []byte) []byte {
	t.Helper()
	entry := []byte("PK\x01\x02")
	at := bytes.Index(archive, entry)
	if at < 0 {
		t.Fatal("no directory")
	}
	for ; at >= 0 && at < len(archive); at += len(entry) {
		binary.LittleEndian.PutUint32(archive[at+42:], 0)
		next := bytes.Index(archive[at+4:], entry)
		if next < 0 {
			break
		}
		at += next
	}
	return archive
}

const megabyte = 1 << 20

// TestBombs reads archives of about 10 MB that hold more than 10 GB. The limit ends
// it before memory or disk fill up, the file is set aside, and the next is read.
func TestBombs(t *testing.T) {
	zeros := make([]byte, megabyte)
	lines := []byte(strings.Repeat(strings.Repeat("0", 1020)+";a\n", megabyte/1023))
	const times = 10 * 1024
	raw := deflated(t, "", zeros, times)
	rawLines := deflated(t, "id;v\n", lines, times/10)
	if len(raw) < 8*megabyte || len(raw) > 16*megabyte || len(rawLines) > 8*megabyte {
		t.Fatalf("the bombs have %d and %d bytes", len(raw), len(rawLines))
	}
	size := uint64(times) * megabyte
	small := deflated(t, "id;v\n", lines, 100)
	for name, tc := range map[string]struct {
		data    []byte
		options string
		words   []string
	}{
		"zip of zeros":       {zipped(t, raw, size, "a.csv"), "", []string{"a.csv"}},
		"gzip of zeros":      {gzipped(raw), "", []string{"bomb"}},
		"zip of rows":        {zipped(t, rawLines, size, "a.csv"), "max_ratio = 10", []string{`the zip member "a.csv" data expands to more than 10 times its size, which max_ratio allows`, "Raise max_ratio if the file is known to be sound"}},
		"gzip of rows":       {gzipped(rawLines), "", []string{"the gzip data expands to more than 200 times its size, which max_ratio allows"}},
		"zip that lies":      {zipped(t, rawLines, 1000, "a.csv"), "max_expanded = \"20MiB\"", []string{`zip member "a.csv"`}},
		"by size":            {gzipped(rawLines), "max_ratio = 0\nmax_expanded = \"20MiB\"", []string{"the gzip data expands to more than max_expanded allows (20.0 MiB)", "Raise max_expanded"}},
		"members that share": {overlapping(t, zipped(t, small, 100*megabyte, names(50)...)), "member = \"*.csv\"\nmax_ratio = 10", []string{"data expands to more than 10 times its size"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := bombBench(t, tc.data, tc.options)
			before := heap()
			r := b.run()
			if grown := int64(heap()) - int64(before); grown > 96*megabyte {
				t.Errorf("the memory grew by %d MiB", grown>>20)
			}
			var q *exec.QuarantineError
			if !errors.As(r.Err, &q) || len(q.Files) != 1 {
				t.Errorf("not set aside: %v", r.Err)
			}
			says(t, fmt.Sprint(r.Err, r.Notices), append(tc.words, "b_bomb", "run.file_quarantined")...)
			if r.Ledger.Read > 100_000 || b.out.Len() > 64*megabyte {
				t.Errorf("%d rows were read, %d bytes printed", r.Ledger.Read, b.out.Len())
			}
			for _, id := range []string{"\"first\"", "\"next\""} {
				if n := strings.Count(b.out.String(), id); n != 1 {
					t.Errorf("row %s was delivered %d times", id, n)
				}
			}
			if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "weir-*.zip")); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
			printed := b.out.Len()
			b.good()
			if b.out.Len() != printed {
				t.Error("something was delivered again")
			}
		})
	}
}

func names(n int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf("m%02d.csv", i))
	}
	return out
}

func bombBench(t *testing.T, data []byte, options string) *bench {
	t.Helper()
	p := ftpPlace(t, ftpserver.Options{})
	p.fs.Put("/in/a_first.csv", []byte("id;v\nfirst;a\n"), longAgo())
	p.fs.Put("/in/b_bomb.csv", data, longAgo())
	p.fs.Put("/in/c_next.csv", []byte("id;v\nnext;a\n"), longAgo())
	b := newBench(t, strings.Replace(pipelineOf("ftp", p.config, ""), `delimiter = ";"`, "delimiter = \";\"\n"+options, 1))
	return b
}

// TestLocalTimes reads local times around the changes of the clock: one that does
// not exist is a reason to refuse the row, of two the first is meant, and a zone in
// the text decides by itself.
func TestLocalTimes(t *testing.T) {
	for name, tc := range map[string]struct{ format, zone, text, want string }{
		"before the gap":          {"%d-%m-%Y %H:%M:%S", "Europe/Amsterdam", "31-03-2024 01:59:59", "2024-03-31T01:59:59+01:00"},
		"first of the gap":        {"%d-%m-%Y %H:%M:%S", "Europe/Amsterdam", "31-03-2024 02:00:00", ""},
		"in the gap":              {"%d-%m-%Y %H:%M:%S", "Europe/Amsterdam", "31-03-2024 02:30:00", ""},
		"last of the gap":         {"%d-%m-%Y %H:%M:%S", "Europe/Amsterdam", "31-03-2024 02:59:59", ""},
		"after the gap":           {"%d-%m-%Y %H:%M:%S", "Europe/Amsterdam", "31-03-2024 03:00:00", "2024-03-31T03:00:00+02:00"},
		"before the fold":         {"%d-%m-%Y %H:%M:%S", "Europe/Amsterdam", "27-10-2024 01:59:59", "2024-10-27T01:59:59+02:00"},
		"first of the fold":       {"%d-%m-%Y %H:%M:%S", "Europe/Amsterdam", "27-10-2024 02:00:00", "2024-10-27T02:00:00+02:00"},
		"last of the fold":        {"%d-%m-%Y %H:%M:%S", "Europe/Amsterdam", "27-10-2024 02:59:59", "2024-10-27T02:59:59+02:00"},
		"after the fold":          {"%d-%m-%Y %H:%M:%S", "Europe/Amsterdam", "27-10-2024 03:00:00", "2024-10-27T03:00:00+01:00"},
		"second time, by zone":    {"%d-%m-%Y %H:%M:%S%z", "Europe/Amsterdam", "27-10-2024 02:30:00+0100", "2024-10-27T02:30:00+01:00"},
		"gap, by zone":            {"%d-%m-%Y %H:%M:%S%z", "Europe/Amsterdam", "31-03-2024 02:30:00+0100", "2024-03-31T03:30:00+02:00"},
		"half an hour, gap":       {"%d-%m-%Y %H:%M:%S", "Australia/Lord_Howe", "06-10-2024 02:15:00", ""},
		"half an hour, after":     {"%d-%m-%Y %H:%M:%S", "Australia/Lord_Howe", "06-10-2024 02:30:00", "2024-10-06T02:30:00+11:00"},
		"a day that was left out": {"%d-%m-%Y %H:%M:%S", "Pacific/Apia", "30-12-2011 12:00:00", ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "")
			in := writeFile(t, b.dir, "in.csv", []byte("at\n"+tc.text+"\n"), time.Time{})
			b.configure(fmt.Sprintf(`
pipeline "p" {
  source "file" "in" {
    path  = %q
    ready = "now"
  }
  decode "csv" {
    columns = {
      at = "datetime '%s' %s"
    }
  }
  map "row" {
    fields = {
      id = "strftime(at, '%%Y-%%m-%%dT%%H:%%M:%%S%%:z')"
    }
  }
  sink "stdout" "out" {}
  dead_letter {
    limit = "100%%"
  }
}
`, in, tc.format, tc.zone))
			r := b.good()
			if tc.want == "" {
				if r.Ledger.Rejected != 1 || len(b.ids()) > 0 {
					t.Errorf("not refused: %+v, %q", r.Ledger, b.ids())
				}
				says(t, fmt.Sprint(r.Notices), "Row rejected by decode.csv, at", "does not exist in "+tc.zone+": clocks went from ")
				return
			}
			b.exactly([]string{tc.want})
		})
	}
}
