package bytestream

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"weir/engine/plugin"
)

func gz(t testing.TB, texts ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	for _, s := range texts {
		w := gzip.NewWriter(&out)
		if _, err := io.WriteString(w, s); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

// zipped makes an archive of name, text, name, text...
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

// onlyReader hides every method of a reader but Read.
type onlyReader struct{ io.Reader }

// readParts returns "name=text" of every part.
func readParts(s *Stream) ([]string, error) {
	var out []string
	for {
		p, err := s.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		b, err := io.ReadAll(s)
		if err != nil {
			return out, err
		}
		out = append(out, p.Name+"="+string(b))
	}
}

func TestOpen(t *testing.T) {
	mac := zipped(t, "a.csv", "1\n", "__MACOSX/._a.csv", "x", "sub/", "")
	several := zipped(t, "b/2.csv", "two", "readme.txt", "no", "1.csv", "one")
	for _, tt := range []struct {
		name string
		data []byte
		o    Options
		want string
		err  string
	}{
		{name: "plain", data: []byte("a;b\n"), want: "=a;b\n"},
		{name: "empty", data: nil, want: "="},
		{name: "short", data: []byte("a"), want: "=a"},
		{name: "gzip", data: gz(t, "hello"), want: "=hello"},
		{name: "gzip of several members", data: gz(t, "a\n", "b\n"), want: "=a\nb\n"},
		{name: "none leaves gzip alone", data: gz(t, ""), o: Options{Compression: "none"}, want: "=" + string(gz(t, ""))},
		{name: "gzip declared", data: []byte("a;b\n"), o: Options{Compression: "gzip"}, err: "is not gzip, as compression says"},
		{name: "gzip declared, empty", o: Options{Compression: "gzip"}, err: "is empty"},
		{name: "gzip cut short", data: gz(t, strings.Repeat("abc", 99))[:20], err: "ends too early"},
		{name: "zip of one", data: mac, want: "a.csv=1\n"},
		{name: "zip of several", data: several, err: "holds 3 files: b/2.csv, readme.txt, 1.csv"},
		{name: "zip with pattern", data: several, o: Options{Member: "*.csv"}, want: "b/2.csv=two|1.csv=one"},
		{name: "zip with folder", data: several, o: Options{Member: "b/*.csv"}, want: "b/2.csv=two"},
		{name: "zip without match", data: several, o: Options{Member: "*.xml"}, err: `no member of the zip archive matches "*.xml"`},
		{name: "zip of none", data: zipped(t), err: "holds no files"},
		{name: "zip cut short", data: several[:60], err: "zip data is damaged"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for kind, r := range map[string]io.Reader{
				"reader at": bytes.NewReader(tt.data), "reader": onlyReader{bytes.NewReader(tt.data)}, "byte by byte": iotest.OneByteReader(bytes.NewReader(tt.data)),
			} {
				s, err := Open(r, tt.o)
				var got []string
				if err == nil {
					got, err = readParts(s)
					if cerr := s.Close(); cerr != nil {
						t.Error(cerr)
					}
				}
				if tt.err != "" {
					if err == nil || !strings.Contains(err.Error(), tt.err) || plugin.ClassOf(err) != plugin.Data {
						t.Errorf("%s: error %v, want %s", kind, err, tt.err)
					}
				} else if err != nil || strings.Join(got, "|") != tt.want {
					t.Errorf("%s: %q, %v, want %q", kind, got, err, tt.want)
				}
			}
		})
	}
}

func TestDamagedMember(t *testing.T) {
	data := zipped(t, "a.csv", strings.Repeat("abcdefgh", 1000))
	data[45] ^= 0x55
	s, err := Open(bytes.NewReader(data), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = readParts(s); err == nil || plugin.ClassOf(err) != plugin.Data || !strings.Contains(err.Error(), `zip member "a.csv" data is damaged`) {
		t.Errorf("error %v", err)
	}
}

func TestLostConnectionKeepsItsClass(t *testing.T) {
	lost := errors.New("connection lost")
	for name, data := range map[string][]byte{"plain": []byte("abcdefgh"), "gzip": gz(t, "hello"), "zip": zipped(t, "a", "b")} {
		body := io.MultiReader(bytes.NewReader(data[:6]), iotest.ErrReader(lost))
		s, err := Open(body, Options{})
		if err == nil {
			_, err = readParts(s)
		}
		if !errors.Is(err, lost) || plugin.ClassOf(err) != plugin.Transient {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLimits(t *testing.T) {
	bomb := strings.Repeat("\x00", ratioFloor+1<<20)
	for _, tt := range []struct {
		o    Options
		want string
	}{
		{Options{MaxRatio: 200}, "more than 200 times its size, which max_ratio allows"},
		{Options{MaxSize: 1 << 20}, "expands to more than max_expanded allows (1.0 MiB)"},
		{Options{}, ""},
		{Options{MaxRatio: 5000, MaxSize: 1 << 30}, ""},
	} {
		tt.o.Member = "*"
		for name, data := range map[string][]byte{"gzip": gz(t, bomb), "zip": zipped(t, "a", bomb)} {
			s, err := Open(bytes.NewReader(data), tt.o)
			if err != nil {
				t.Fatal(err)
			}
			if _, err = s.Next(); err != nil {
				t.Fatal(err)
			}
			_, err = io.Copy(io.Discard, s)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%s %+v: %v", name, tt.o, err)
			}
			if s.out > ratioFloor+1<<20 {
				t.Errorf("%s: read %d bytes", name, s.out)
			}
		}
	}
}

func TestSpoolIsRemoved(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	s, err := Open(onlyReader{bytes.NewReader(zipped(t, "a", "b"))}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if found, _ := filepath.Glob(dir + "/*"); len(found) != 0 { // so that nothing is left after a crash
		t.Errorf("spooled to %v", found)
	}
	if _, err := s.Next(); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(s); err != nil || string(b) != "b" {
		t.Errorf("%q, %v", b, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if found, _ := filepath.Glob(dir + "/*"); len(found) != 0 {
		t.Errorf("left behind: %v", found)
	}
}

func TestSkip(t *testing.T) {
	text := "0123456789"
	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	for name, r := range map[string]io.Reader{"seek": f, "read": onlyReader{strings.NewReader(text)}, "gzip": bytes.NewReader(gz(t, text))} {
		for _, n := range []int64{0, 4, 10, 11} {
			t.Run(fmt.Sprint(name, n), func(t *testing.T) {
				if sk, ok := r.(io.Seeker); ok {
					if _, err := sk.Seek(0, io.SeekStart); err != nil {
						t.Fatal(err)
					}
				} else {
					r = onlyReader{strings.NewReader(text)}
				}
				s, err := Open(r, Options{})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := s.Next(); err != nil {
					t.Fatal(err)
				}
				got, err := s.Skip(n)
				if want := min(n, 10); got != want || (n > 10) != errors.Is(err, io.EOF) {
					t.Errorf("skipped %d, %v", got, err)
				}
				rest, err := io.ReadAll(s)
				if err != nil || string(rest) != text[min(n, 10):] {
					t.Errorf("rest %q, %v", rest, err)
				}
			})
		}
	}
}
