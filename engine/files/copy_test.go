package files_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/engine/plugin"
)

// spooled returns the paths of the copies in the spool folder, and of their sums.
func (w *world) spooled() []string {
	w.t.Helper()
	found, err := filepath.Glob(filepath.Join(w.spool, "*", "*"))
	w.must(err)
	return slices.DeleteFunc(found, func(p string) bool { return strings.HasSuffix(p, ".json") })
}

// TestLeftCopies: what an earlier process left in the spool folder is used when
// it is what it claims to be, and fetched again when it is not.
func TestLeftCopies(t *testing.T) {
	text := strings.Repeat("0123456\n", 10)
	garble := func(t *testing.T, name string) {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		clear(b) // as a power cut leaves what was not written yet
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, tc := range map[string]struct {
		cut    []int
		change func(t *testing.T, spooled []string)
		opened []int64 // by the run after
	}{
		"whole":          {nil, func(*testing.T, []string) {}, []int64{0}}, // to be compared
		"whole, garbled": {nil, func(t *testing.T, s []string) { garble(t, s[0]) }, []int64{0}},
		"whole, shorter": {nil, func(t *testing.T, s []string) {
			if err := os.Truncate(s[0], 30); err != nil {
				t.Fatal(err)
			}
		}, []int64{0}},
		"part":          {[]int{30, 0, 0, 0, 0}, func(*testing.T, []string) {}, []int64{27}},
		"part, garbled": {[]int{30, 0, 0, 0, 0}, func(t *testing.T, s []string) { garble(t, s[0]) }, []int64{0}},
		"part, longer than noted": {[]int{30, 0, 0, 0, 0}, func(t *testing.T, s []string) {
			f, err := os.OpenFile(s[0], os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.WriteString("xxxx"); err != nil {
				t.Fatal(err)
			}
			f.Close() //nolint:errcheck // written
		}, []int64{27}},
		"part without a note": {[]int{30, 0, 0, 0, 0}, func(t *testing.T, s []string) {
			if err := os.Remove(s[1]); err != nil {
				t.Fatal(err)
			}
		}, []int64{0}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, plugin.FileOptions{Ready: "now"})
			w.fs.put("/in/a.csv", text, ago(time.Hour))
			w.fs.cut = tc.cut
			_, err := w.begin().set.Next(t.Context()) // and then the process is killed
			if (err != nil) != (tc.cut != nil) {
				t.Fatal(err)
			}
			tc.change(t, w.spooled())
			w.restart()
			w.fs.opened, w.fs.cut = nil, nil
			w.run()
			if len(w.rows) != 10 || w.rows[9] != "/in/a.csv:0123456" || !slices.Equal(w.fs.opened, tc.opened) {
				t.Errorf("%q, opened at %v, want %v", w.rows, w.fs.opened, tc.opened)
			}
			if left, err := filepath.Glob(filepath.Join(w.spool, "*", "*")); err != nil || len(left) > 0 {
				t.Errorf("left after the run: %v, %v", left, err)
			}
		})
	}
}

// TestLeftCopyOfChangedFile: what an earlier process left of a file that may have changed since,
// in its middle, is not gone on with.
func TestLeftCopyOfChangedFile(t *testing.T) {
	text := strings.Repeat("0123456\n", 10)
	big := strings.Repeat("0123456\n", 4<<10)
	for name, tc := range map[string]struct {
		text    string
		age     time.Duration
		noTimes bool
		cut     []int
		at      int // of the change
	}{
		"part of a new file":                       {text, time.Second, false, []int{30, 0, 0, 0, 0}, 8},
		"part of a file without time":              {text, time.Hour, true, []int{30, 0, 0, 0, 0}, 8},
		"whole, of a new file":                     {big, time.Second, false, nil, 12 << 10},
		"whole, of a file whose time was set back": {big, time.Hour, false, nil, 14 << 10},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, plugin.FileOptions{Ready: "now"})
			w.fs.noTimes = tc.noTimes
			w.fs.put("/in/a.csv", tc.text, ago(tc.age))
			w.fs.cut = tc.cut
			_, err := w.begin().set.Next(t.Context()) // and then the process is killed
			if (err != nil) != (tc.cut != nil) {
				t.Fatal(err)
			}
			f := w.fs.files["/in/a.csv"]
			f.text = f.text[:tc.at] + "changed" + f.text[tc.at+7:]
			w.restart()
			w.fs.cut = nil
			w.run()
			if want := strings.Count(tc.text, "\n"); len(w.rows) != want || w.rows[tc.at/8] != "/in/a.csv:changed" {
				t.Errorf("%d rows, want %d; %q", len(w.rows), want, w.rows[:min(8, len(w.rows))])
			}
		})
	}
}

// hungFS is a server that sends a file only after meanwhile has happened.
type hungFS struct {
	*fakeFS
	meanwhile func()
}

func (f hungFS) Open(ctx context.Context, p string, offset int64) (io.ReadCloser, error) {
	r, err := f.fakeFS.Open(ctx, p, offset)
	f.meanwhile()
	return r, err
}

// TestLeftBehindCopy: a run that hung in a transfer, and was given up, does not touch the
// copy that its successor makes meanwhile, whatever the server still sends it.
func TestLeftBehindCopy(t *testing.T) {
	for name, size := range map[string]int{"the rest": 80, "another file": 120, "nothing": 0} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, plugin.FileOptions{Ready: "now"})
			w.fs.put("/in/a.csv", strings.Repeat("0123456\n", 10), ago(time.Hour))
			w.fs.cut = []int{30, 0, 0, 0, 0}
			if _, err := w.begin().set.Next(t.Context()); err == nil {
				t.Fatal("the transfer did not break off")
			}
			w.restart()
			ctx, giveUp := context.WithCancel(t.Context())
			defer giveUp()
			w.fs.cut = nil
			w.fs.before = func(op, _ string) {
				if op == "open" {
					w.fs.files["/in/a.csv"].text = strings.Repeat("x", size)
				}
			}
			part := w.spooled()[0]
			r := w.beginOn(hungFS{w.fs, func() {
				giveUp()
				w.must(os.WriteFile(part, []byte("the successor's"), 0o600))
			}})
			if _, err := r.set.Next(ctx); !errors.Is(err, context.Canceled) {
				t.Fatalf("Next returned %v", err)
			}
			if have, err := os.ReadFile(part); err != nil || string(have) != "the successor's" {
				t.Errorf("the copy is %q, %v", have, err)
			}
		})
	}
}

// TestLeftBehindAfterCopy: the same of a run that hung after the transfer.
func TestLeftBehindAfterCopy(t *testing.T) {
	w := newWorld(t, plugin.FileOptions{Ready: "now"})
	w.fs.put("/in/a.csv", "0123456\n", ago(time.Hour))
	ctx, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	var part string
	w.fs.before = func(op, _ string) {
		if op == "stat" && len(w.fs.opened) > 0 {
			giveUp()
			part = w.spooled()[0]
			w.must(os.WriteFile(part, []byte("the successor's"), 0o600))
		}
	}
	if _, err := w.begin().set.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("Next returned %v", err)
	}
	if have, err := os.ReadFile(part); err != nil || string(have) != "the successor's" {
		t.Errorf("the copy is %q, %v", have, err)
	}
}

// TestLeftCopyOfAnother: a copy that a killed run left is not taken for the file that has come
// in its place since, with the same name, size and time: that is read, and only then deleted.
func TestLeftCopyOfAnother(t *testing.T) {
	for name, text := range map[string][2]string{
		"short": {"old\n", "new\n"},
		"long":  {strings.Repeat("a row of the file\n", 2000), strings.Repeat("a row of the file\n", 1999) + "another is within\n"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, plugin.FileOptions{Ready: "now", After: "delete"})
			w.fs.put("/in/a.csv", text[0], ago(time.Hour))
			if _, err := w.begin().set.Next(t.Context()); err != nil { // and then the process is killed
				t.Fatal(err)
			}
			w.restart()
			delete(w.fs.files, "/in/a.csv")
			w.fs.put("/in/a.csv", text[1], ago(time.Hour))
			w.run()
			lines := strings.Split(strings.TrimSpace(text[1]), "\n")
			if len(w.rows) != len(lines) || w.rows[len(w.rows)-1] != "/in/a.csv:"+lines[len(lines)-1] {
				t.Errorf("%d rows, the last is %q", len(w.rows), w.rows[max(0, len(w.rows)-1)])
			}
			w.wantPaths()
		})
	}
}
