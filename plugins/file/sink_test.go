package file

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"go.uber.org/zap"

	"weir/engine/diag"
	"weir/engine/plugin"
	"weir/engine/record"
)

type host struct {
	now    time.Time
	place  string
	shared map[string]any
	owner  string // the state store
}

func (h *host) Log() *zap.Logger                           { return zap.NewNop() }
func (h *host) Clock() plugin.Clock                        { return h }
func (h *host) Machine() plugin.Machine                    { return plugin.SystemMachine{} }
func (h *host) Now() time.Time                             { return h.now }
func (h *host) Sleep(context.Context, time.Duration) error { return nil }
func (h *host) Share(key string, open func() (any, func(), error)) (any, func(), error) {
	if v, ok := h.shared[key]; ok {
		return v, func() {}, nil
	}
	v, _, err := open()
	h.shared[key] = v
	return v, func() { delete(h.shared, key) }, err
}

func (h *host) Place() string { return h.place }
func (h *host) Owner() string { return h.owner }

func newHost() *host {
	return &host{now: time.Date(2024, 7, 1, 22, 30, 5, 0, time.UTC), shared: map[string]any{}}
}

// rows is a batch {id int, name, price} of the ids from..to.
func rows(from, to int) *record.Batch {
	b := new(record.Batch)
	b.Reset(record.NewSchema([]record.Field{
		{Name: "id", Type: record.Of(record.Int)}, {Name: "name", Type: record.NullableOf(record.String)}, {Name: "price", Type: record.Of(record.Float)},
	}), to-from)
	for i := range b.N {
		b.Cols[0].Ints[i] = int64(from + i)
		b.Cols[1].SetNull(i)
		b.Cols[2].Floats[i] = 2.5
	}
	return b
}

func config(t *testing.T, src string) (*Sink, diag.List) {
	t.Helper()
	f, hd := hclsyntax.ParseConfig([]byte(src), "test.hcl", hcl.InitialPos)
	if hd.HasErrors() {
		t.Fatal(hd)
	}
	s := new(Sink)
	at, ds := s.Spec().Decode(f.Body, nil)
	ds = append(ds, s.Check(at)...)
	return s, append(ds, s.Bind(rows(0, 0).Schema, at, nil)...)
}

func sinkAt(t *testing.T, dir, name, options string) *Sink {
	t.Helper()
	s, ds := config(t, fmt.Sprintf("path = %q\n%s", filepath.Join(dir, name), options))
	if ds.HasErrors() {
		t.Fatal(ds.Err())
	}
	return s
}

func open(t *testing.T, s *Sink, resume []byte) *writer {
	t.Helper()
	w, err := s.Open(t.Context(), newHost(), resume)
	if err != nil {
		t.Fatal(err)
	}
	return w.(*writer)
}

func must[T any](t *testing.T) func(T, error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func deliver(t *testing.T, w plugin.Writer, b *record.Batch) {
	t.Helper()
	if rejected, err := w.Deliver(t.Context(), &plugin.Delivery{Key: "k", Rows: b}); err != nil || rejected != nil {
		t.Fatalf("rejected %v, error %v", rejected, err)
	}
}

// finish ends a run in the order of the contract and returns the last token.
func finish(t *testing.T, w *writer) []byte {
	t.Helper()
	tok := must[[]byte](t)(w.PrepareFinal(t.Context()))
	if err := w.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return tok
}

// names lists the entries of a folder.
func names(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	for _, e := range must[[]os.DirEntry](t)(os.ReadDir(dir)) {
		out = append(out, e.Name())
	}
	return out
}

func content(t *testing.T, path string) string {
	t.Helper()
	data := must[[]byte](t)(os.ReadFile(path))
	if bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		data = must[[]byte](t)(io.ReadAll(must[*gzip.Reader](t)(gzip.NewReader(bytes.NewReader(data)))))
	}
	return string(data)
}

func TestFormats(t *testing.T) {
	for _, tc := range []struct{ name, options, want string }{
		{"ndjson", "", "{\"id\":0,\"name\":null,\"price\":2.5}\n{\"id\":1,\"name\":null,\"price\":2.5}\n"},
		{"ndjson without nulls", `nulls = "omit"`, "{\"id\":0,\"price\":2.5}\n{\"id\":1,\"price\":2.5}\n"},
		{"csv", `format = "csv"`, "id,name,price\n0,,2.5\n1,,2.5\n"},
		{"csv of another kind", "format = \"csv\"\nheader = false\ndelimiter = \"|\"\ndecimal_comma = true\nnewline = \"crlf\"", "0||2,5\r\n1||2,5\r\n"},
		{"gzip", "format = \"csv\"\ncompress = \"gzip\"", "id,name,price\n0,,2.5\n1,,2.5\n"},
	} {
		for _, way := range []string{"deliver", "encode"} {
			t.Run(tc.name+", "+way, func(t *testing.T) {
				dir := t.TempDir()
				w := open(t, sinkAt(t, dir, "out", tc.options+"\nexists = \"replace\""), nil)
				if way == "deliver" {
					deliver(t, w, rows(0, 2))
				} else {
					data := must[[]byte](t)(w.NewEncode()(nil, rows(0, 2)))
					if err := w.WriteEncoded(t.Context(), data, 2); err != nil {
						t.Fatal(err)
					}
				}
				if got := names(t, dir); !slices.Equal(got, []string{".out.1.weir-part"}) {
					t.Errorf("before the end the folder has %v", got)
				}
				finish(t, w)
				if got := content(t, filepath.Join(dir, "out")); got != tc.want || len(names(t, dir)) != 1 {
					t.Errorf("got %q, folder %v", got, names(t, dir))
				}
				if st := must[os.FileInfo](t)(os.Stat(filepath.Join(dir, "out"))); st.Mode().Perm() != 0o640 {
					t.Errorf("mode %v", st.Mode())
				}
			})
		}
	}
}

func TestNameHasTheTime(t *testing.T) {
	dir := t.TempDir()
	w := open(t, sinkAt(t, dir, "customer_%Y%m%d%H%M%S_100%%.csv", "timezone = \"Europe/Amsterdam\""), nil)
	deliver(t, w, rows(0, 1))
	finish(t, w)
	if got := names(t, dir); !slices.Equal(got, []string{"customer_20240702003005_100%.csv"}) {
		t.Errorf("folder %v", got)
	}
}

func TestEmptyRuns(t *testing.T) {
	for _, tc := range []struct {
		options string
		want    []string
		text    string
	}{
		{"", nil, ""},
		{"empty = true\nformat = \"csv\"", []string{"out"}, "id,name,price\n"},
		{"empty = true\ncompress = \"gzip\"", []string{"out"}, ""},
	} {
		dir := t.TempDir()
		tok := finish(t, open(t, sinkAt(t, dir, "out", tc.options+"\nexists = \"replace\""), nil))
		if got := names(t, dir); !slices.Equal(got, tc.want) {
			t.Errorf("%q: folder %v", tc.options, got)
		}
		if tc.want != nil && content(t, filepath.Join(dir, "out")) != tc.text {
			t.Errorf("%q: %q", tc.options, content(t, filepath.Join(dir, "out")))
		}
		finish(t, open(t, sinkAt(t, dir, "out", tc.options+"\nexists = \"replace\""), tok))
	}
}

func TestExists(t *testing.T) {
	run := func(t *testing.T, s *Sink, tok []byte, from int) []byte {
		t.Helper()
		w := open(t, s, tok)
		deliver(t, w, rows(from, from+1))
		return finish(t, w)
	}
	t.Run("replace", func(t *testing.T) {
		dir := t.TempDir()
		s := sinkAt(t, dir, "out.csv", "format = \"csv\"\nheader = false\nexists = \"replace\"")
		run(t, s, run(t, s, nil, 0), 1)
		if got := content(t, filepath.Join(dir, "out.csv")); got != "1,,2.5\n" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("number", func(t *testing.T) {
		dir := t.TempDir()
		s := sinkAt(t, dir, "out.csv.gz", "format = \"csv\"\nheader = false\ncompress = \"gzip\"\nexists = \"number\"")
		run(t, s, run(t, s, run(t, s, nil, 0), 1), 2)
		for n, name := range []string{"out.csv.gz", "out-1.csv.gz", "out-2.csv.gz"} {
			if got := content(t, filepath.Join(dir, name)); got != fmt.Sprintf("%d,,2.5\n", n) {
				t.Errorf("%s: %q", name, got)
			}
		}
	})
	t.Run("error", func(t *testing.T) {
		dir := t.TempDir()
		s := sinkAt(t, dir, "out", "") // which is the default
		w := open(t, s, nil)
		deliver(t, w, rows(0, 1))
		tok := must[[]byte](t)(w.PrepareFinal(t.Context()))
		if err := os.WriteFile(filepath.Join(dir, "out"), []byte("theirs"), 0o600); err != nil {
			t.Fatal(err)
		}
		wantCode(t, w.Publish(t.Context()), "env.file_exists")
		_ = w.Close(t.Context())
		_, err := s.Open(t.Context(), newHost(), tok)
		wantCode(t, err, "env.file_exists")
		if got := content(t, filepath.Join(dir, "out")); got != "theirs" {
			t.Errorf("the other file holds %q", got)
		}
		if err := os.Remove(filepath.Join(dir, "out")); err != nil {
			t.Fatal(err)
		}
		w = open(t, s, tok) // publishes; its own file is in the way of the next
		_, err = w.Deliver(t.Context(), &plugin.Delivery{Rows: rows(0, 1)})
		wantCode(t, err, "env.file_exists")
		if got := content(t, filepath.Join(dir, "out")); !strings.Contains(got, `"id":0`) {
			t.Errorf("got %q", got)
		}
	})
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var f *plugin.Failure
	if !errors.As(err, &f) || string(f.Code) != code || f.Class != plugin.Environment {
		t.Errorf("error %v, want %s", err, code)
	}
}

func TestRowsThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	w := open(t, sinkAt(t, dir, "out", ""), nil)
	b := rows(0, 3)
	b.Cols[2].Floats[1] = math.Inf(1)
	rejected, err := w.Deliver(t.Context(), &plugin.Delivery{Rows: b})
	if err != nil || len(rejected) != 1 || rejected[0].Row != 1 || rejected[0].Reason != "price: the number +Inf cannot be written as JSON" {
		t.Errorf("rejected %v, error %v", rejected, err)
	}
	if out, err := w.NewEncode()([]byte("x"), b); err == nil || string(out) != "x" {
		t.Errorf("a lane encodes it as %s, %v", out, err)
	}
	if out, ends, err := w.NewEncodeSpans()([]byte("x"), []int{1}, b); err == nil || string(out) != "x" || len(ends) != 1 {
		t.Errorf("a lane encodes it as %s, %v, %v", out, ends, err)
	}
	finish(t, w)
	if got := content(t, filepath.Join(dir, "out")); strings.Count(got, "\n") != 2 {
		t.Errorf("got %q", got)
	}
}

// TestSpans: the ends that a lane is told part what it encoded into rows.
func TestSpans(t *testing.T) {
	for _, format := range []string{"ndjson", "csv"} {
		w := open(t, sinkAt(t, t.TempDir(), "out", "format = \""+format+"\""), nil)
		b := rows(0, 3)
		b.Sel = []int32{0, 2}
		all := must[[]byte](t)(w.NewEncode()([]byte("x"), b))
		out, ends, err := w.NewEncodeSpans()([]byte("x"), []int{1}, b)
		if err != nil || string(out) != string(all) || len(ends) != 3 || ends[2] != len(out) {
			t.Fatalf("%s: %q, ends %v, %v; want %q", format, out, ends, err, all)
		}
		b.Sel = []int32{2}
		if last := must[[]byte](t)(w.NewEncode()(nil, b)); string(out[ends[1]:ends[2]]) != string(last) {
			t.Errorf("%s: the last row is %q, want %q", format, out[ends[1]:ends[2]], last)
		}
	}
}

func TestOnlyRejectedRowsLeaveNoFile(t *testing.T) {
	dir := t.TempDir()
	w := open(t, sinkAt(t, dir, "out", ""), nil)
	b := rows(0, 1)
	b.Cols[2].Floats[0] = math.NaN()
	if rejected, err := w.Deliver(t.Context(), &plugin.Delivery{Rows: b}); err != nil || len(rejected) != 1 {
		t.Fatalf("rejected %v, error %v", rejected, err)
	}
	finish(t, w)
	if got := names(t, dir); got != nil {
		t.Errorf("folder %v", got)
	}
}

func TestProblemsOfTheFolder(t *testing.T) {
	dir := t.TempDir()
	_, err := sinkAt(t, dir, "no/out", "").Open(t.Context(), newHost(), nil)
	wantCode(t, err, "env.missing_folder")
	_, err = sinkAt(t, dir, "out", "").Open(t.Context(), newHost(), []byte("{"))
	wantCode(t, err, "state.bad_token")

	s := sinkAt(t, dir, "out", "")
	w := open(t, s, nil)
	deliver(t, w, rows(0, 5))
	tok := must[[]byte](t)(w.Prepare(t.Context()))
	if err := errors.Join(w.Close(t.Context()), os.Truncate(w.tok.Part, 3)); err != nil {
		t.Fatal(err)
	}
	_, err = s.Open(t.Context(), newHost(), tok)
	wantCode(t, err, "env.part_file_lost")
	if err := os.Remove(w.tok.Part); err != nil {
		t.Fatal(err)
	}
	_, err = s.Open(t.Context(), newHost(), tok)
	wantCode(t, err, "env.part_file_lost")
}

func TestDeliverAllocatesNothingPerRow(t *testing.T) {
	w := open(t, sinkAt(t, t.TempDir(), "out", ""), nil)
	d := &plugin.Delivery{Rows: rows(0, 1000)}
	var err error
	run := func() { _, err = w.Deliver(context.Background(), d) }
	for range 20 {
		run()
	}
	if n := testing.AllocsPerRun(20, run); n > 1 || err != nil {
		t.Errorf("a delivery of 1000 rows allocates %v times, %v", n, err)
	}
	_ = w.Close(t.Context())
}

func TestDiagnostics(t *testing.T) {
	for _, tc := range []struct{ name, src, want string }{
		{"fine", `path = "/tmp/x"`, ""},
		{"folder", `path = "/tmp/"`, "must name a file"},
		{"time", `path = "/tmp/%q"`, "has %q, which stands for nothing"},
		{"end", `path = "/tmp/x%"`, "must not end in a single %"},
		{"zone", "path = \"x\"\ntimezone = \"Mars\"", "must be a time zone"},
		{"delimiter", "path = \"x\"\ndelimiter = \"ab\"", "must be one ASCII character"},
		{"mode", "path = \"x\"\nmode = \"9\"", "must be octal permissions"},
		{"decimal comma", "path = \"x\"\nformat = \"csv\"\ndecimal_comma = true", "delimiter = \";\" is usual"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, ds := config(t, tc.src)
			got := ""
			for _, d := range ds {
				got += d.Summary + ": " + d.Detail
			}
			if tc.want == "" && got != "" || !strings.Contains(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
	for _, o := range new(Sink).Spec().Describe() {
		if o.Doc == "" {
			t.Errorf("%s has no doc", o.Name)
		}
	}
	if p := Plugin(); p.Sink().Guarantee() == "" || p.Sink().Batching() != (plugin.Batching{}) || !strings.Contains(p.Example, `sink "file"`) {
		t.Errorf("plugin %+v", p)
	}
}

// TestOneWriterOfATarget: while a sink writes a file, no other sink of the process does,
// whatever links lead there; sinks that give way to one another do not share a part file.
func TestOneWriterOfATarget(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "real"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	shared := newHost()
	at := func(place string) *host { return &host{now: shared.now, place: place, shared: shared.shared} }
	openAt := func(s *Sink, place string) *writer {
		t.Helper()
		return must[plugin.Writer](t)(s.Open(t.Context(), at(place), nil)).(*writer)
	}
	for _, exists := range []string{"error", "replace"} {
		options := fmt.Sprintf("exists = %q", exists)
		first := openAt(sinkAt(t, dir, "real/out", options), "a/sink.out")
		deliver(t, first, rows(0, 1))
		_, err := sinkAt(t, dir, "link/out", options).Open(t.Context(), at("b/sink.out"), nil)
		wantCode(t, err, "env.target_taken")
		if !strings.Contains(err.Error(), "is being written by a/sink.out") {
			t.Error(err)
		}
		finish(t, first)
		if exists == "replace" {
			second := openAt(sinkAt(t, dir, "link/out", options), "b/sink.out")
			deliver(t, second, rows(1, 2))
			finish(t, second)
		}
	}
	options := "exists = \"number\""
	first := openAt(sinkAt(t, dir, "real/n", options), "a/sink.out")
	second := openAt(sinkAt(t, dir, "real/n", options), "b/sink.out")
	deliver(t, first, rows(0, 1))
	deliver(t, second, rows(1, 2))
	finish(t, first)
	finish(t, second)
	if a, b := content(t, filepath.Join(dir, "real/n")), content(t, filepath.Join(dir, "real/n-1")); !strings.Contains(a, `"id":0`) || !strings.Contains(b, `"id":1`) {
		t.Errorf("%q and %q", a, b)
	}
	if len(shared.shared) != 0 {
		t.Errorf("still shared: %v", shared.shared)
	}
}

// TestGuarantee: what a receiver gets depends on what becomes of a file that is there.
func TestGuarantee(t *testing.T) {
	for options, want := range map[string]string{
		"": "the run stops and nothing is lost", "exists = \"replace\"": "it replaces what an earlier run wrote", "exists = \"number\"": "it gets a number",
	} {
		if got := sinkAt(t, t.TempDir(), "out", options).Guarantee(); !strings.HasPrefix(got, "exactly once: ") || !strings.Contains(got, want) {
			t.Errorf("%s: %s", options, got)
		}
	}
}
