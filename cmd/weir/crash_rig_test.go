package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"weir/engine/state"
	"weir/engine/state/kv"
	"weir/engine/state/pebblekv"
	"weir/engine/testkit/activate"
	"weir/engine/testkit/ftpserver"
)

// binary is the real program, built once for all tests of the package.
type binary struct {
	once sync.Once
	path string
	err  error
}

var theBinary binary

// weirBinary returns the path of the real program.
func weirBinary(t testing.TB) string {
	t.Helper()
	if testing.Short() {
		t.Skip("the real program runs and is killed only without -short")
	}
	b := &theBinary
	b.once.Do(func() {
		dir, err := os.MkdirTemp("", "weir-bin-") //nolint:usetesting // it serves every test of the package
		if err != nil {
			b.err = err
			return
		}
		b.path = filepath.Join(dir, "weir")
		// As make build does, which leaves nothing to compile.
		if out, err := exec.Command("go", "build", "-trimpath", "-o", b.path, ".").CombinedOutput(); err != nil {
			b.err = fmt.Errorf("%w: %s", err, out)
		}
	})
	if b.err != nil {
		t.Fatal(b.err)
	}
	return b.path
}

// crashRig is a configuration between real servers in this process, run by the
// real program.
type crashRig struct {
	t    testing.TB
	dir  string // holds the configuration, the state and files of sinks
	path string // of the configuration
	args []string
	// files is how many files the program may have open at a time; 0 is as many as the test may.
	files int
	ftp   *ftpserver.Server
	api   *activate.Server
}

func newCrashRig(t testing.TB, honour bool) *crashRig {
	t.Helper()
	r := &crashRig{t: t, dir: t.TempDir()}
	var err error
	if r.ftp, err = ftpserver.New(ftpserver.Options{User: "srs", Password: "pw"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.ftp.Close() })
	if r.api, err = activate.New(activate.Options{APIKey: "key", HonourKeys: honour, KeepApart: true}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.api.Close() })
	return r
}

// run starts the program once; crash is "", or where it is to die. It reports
// whether the run came to its end.
func (r *crashRig) run(ctx context.Context, crash string) (done bool, output string) {
	r.t.Helper()
	done, code, output := r.start(ctx, crash, append([]string{"run", r.path}, r.args...)...)
	if done && code != 0 {
		r.t.Fatalf("exit code %d: %s", code, output)
	}
	return done, output
}

// start runs a verb of the program. It reports whether it came to its end, and how.
func (r *crashRig) start(ctx context.Context, crash string, args ...string) (done bool, code int, output string) {
	r.t.Helper()
	args = append([]string{weirBinary(r.t)}, append(args, "--state", filepath.Join(r.dir, "state"))...)
	if r.files > 0 {
		args = append([]string{"bash", "-c", fmt.Sprintf("ulimit -n %d; exec \"$0\" \"$@\"", r.files)}, args...)
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(), crashVariable+"="+crash)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var ee *exec.ExitError
	if errors.As(err, &ee) && ee.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
		return false, 0, out.String()
	}
	if err != nil && ee == nil {
		r.t.Fatalf("%v: %s", err, out.String())
	}
	return true, cmd.ProcessState.ExitCode(), out.String()
}

// final is what is left when all input is done, in words that can be compared.
type final struct {
	api    string // profiles, orders and, by key, events
	store  string // counts, file ledger, rejects
	keys   string // everything that steps keep, byte for byte
	server string // files and where they are now
	out    string // the file of the file sink
}

// final collects the end state.
func (r *crashRig) final() (f final) {
	r.t.Helper()
	f.store, f.keys = r.stored()
	f.server = fmt.Sprint(r.ftp.FS().Files())
	out, err := os.ReadFile(filepath.Join(r.dir, "out.ndjson"))
	if err != nil && !os.IsNotExist(err) {
		r.t.Fatal(err)
	}
	f.out = string(out)
	st := r.api.State()
	var sb strings.Builder
	for _, p := range st.Profiles {
		fmt.Fprintln(&sb, "profile", p.Fields)
	}
	for _, o := range st.Orders {
		fmt.Fprintln(&sb, "order", o.ID, o.Event, o.At, o.Products, o.TotalValue)
	}
	for _, body := range r.deliveries() {
		fmt.Fprintln(&sb, body)
	}
	f.api = sb.String()
	return f
}

// deliveries returns the bodies of the requests, each key once. A key that came
// with another body, or a request without one, is an error (I7).
func (r *crashRig) deliveries() (bodies []string) {
	r.t.Helper()
	seen := map[string]string{}
	var events []string
	for _, q := range r.api.Requests() {
		key, body := q.Header.Get("Idempotency-Key"), string(q.Raw)
		before, ok := seen[key]
		switch {
		case key == "":
			r.t.Error("a request has no key")
		case !ok:
			seen[key] = body
			m, _ := q.Body.(map[string]any)
			list, _ := m["events"].([]any)
			for _, e := range list {
				events = append(events, fmt.Sprint(e))
			}
		case before != body:
			r.t.Errorf("key %s came with another body (I7):\n%s\nbefore:\n%s", key, body, before)
		}
	}
	return events
}

// repeats counts the requests whose key had come before.
func (r *crashRig) repeats() (n int) {
	var keys []string
	for _, q := range r.api.Requests() {
		if k := q.Header.Get("Idempotency-Key"); slices.Contains(keys, k) {
			n++
		} else {
			keys = append(keys, k)
		}
	}
	return n
}

// stored describes the store: what must be the same whatever happened on the way.
func (r *crashRig) stored() (text, keys string) {
	r.t.Helper()
	db, err := pebblekv.Open(filepath.Join(r.dir, "state"), pebblekv.Options{})
	if err != nil {
		r.t.Fatal(err)
	}
	var sb strings.Builder
	err = db.Scan([]byte{0x20}, []byte{0x21}, func(k, v []byte) bool {
		sb.WriteString(hex.EncodeToString(k) + "=" + hex.EncodeToString(v) + "\n")
		return true
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.leftovers(db)
	s, err := state.New(db, state.Options{})
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	pipes, err := s.Pipelines()
	if err != nil {
		r.t.Fatal(err)
	}
	for _, p := range pipes {
		text += r.storedPipeline(s, p.Address)
	}
	return text, sb.String()
}

// leftovers reports cuts, reservations and held rows that no commit cleared.
func (r *crashRig) leftovers(db kv.Store) {
	r.t.Helper()
	for _, kind := range []byte{0x13, 0x1b, 0x1e, 0x1f} {
		err := db.Scan([]byte{kind}, []byte{kind + 1}, func(k, v []byte) bool {
			r.t.Errorf("the store still has %x = %x", k, v)
			return true
		})
		if err != nil {
			r.t.Error(err)
		}
	}
}

func (r *crashRig) storedPipeline(s *state.Store, p string) string {
	r.t.Helper()
	must := func(err error) {
		if err != nil {
			r.t.Fatal(err)
		}
	}
	tot, err := s.Totals(p)
	must(err)
	if d := tot.Difference(); d != 0 {
		r.t.Errorf("the totals of %s are off by %d (I3)", p, d)
	}
	runs, err := s.Runs(p, 100)
	must(err)
	var sum state.Counts
	for _, x := range runs {
		sum.Add(x.Counts)
		if d := x.Counts.Difference(); d != 0 {
			r.t.Errorf("run %d of %s is off by %d (I3)", x.Number, p, d)
		}
	}
	if fmt.Sprint(sum) != fmt.Sprint(tot.Counts) {
		r.t.Errorf("runs of %s add up to %v, its totals are %v (I3)", p, sum, tot.Counts)
	}
	var sb strings.Builder
	fmt.Fprintln(&sb, p, tot.Counts)
	files, err := s.Files(p, true)
	must(err)
	for _, f := range files {
		fmt.Fprintln(&sb, f.Path, f.State, f.Rows, f.Size, f.Hash, f.Target)
	}
	cursors, err := s.Cursors(p)
	must(err)
	for n, c := range cursors {
		fmt.Fprintln(&sb, n, c.Name, c.Row, c.Done)
	}
	must(s.Rejects(p, 0, func(x state.Reject) bool {
		fmt.Fprintln(&sb, "reject", x.ID, x.Object, x.Row, x.Line, x.Step, x.Reason)
		return true
	}))
	return sb.String()
}

// same reports how got differs from want.
func (r *crashRig) same(got, want final) {
	r.t.Helper()
	for _, x := range []struct{ what, got, want string }{
		{"the API", got.api, want.api}, {"the store", got.store, want.store}, {"the keys of steps", got.keys, want.keys},
		{"the FTP server", got.server, want.server}, {"the file", got.out, want.out},
	} {
		if x.got == x.want {
			continue
		}
		a, b := strings.Split(x.got, "\n"), strings.Split(x.want, "\n")
		i := 0
		for i < min(len(a), len(b)) && a[i] == b[i] {
			i++
		}
		at := func(l []string) string {
			if i < len(l) {
				return l[i]
			}
			return "(nothing)"
		}
		r.t.Errorf("%s is not as without crashes: %d lines, want %d; line %d is\n%.300s\nwant\n%.300s", x.what, len(a), len(b), i+1, at(a), at(b))
	}
}

// oldTime is the time of test files.
func oldTime(day int) time.Time { return time.Date(2024, 7, day, 0, 0, 0, 0, time.UTC) }
