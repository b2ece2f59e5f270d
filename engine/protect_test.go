package engine_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/engine"
	"weir/engine/plugin"
	"weir/engine/state"
	"weir/engine/testkit/ftpserver"
	"weir/plugins/csv"
	"weir/plugins/file"
	"weir/plugins/ftp"
)

// protectRig runs configurations one after another on one state, each in an engine
// of its own, as processes would. Its sinks honour idempotency keys.
type protectRig struct {
	t   *testing.T
	dir string
	box *box
}

func newProtectRig(t *testing.T) *protectRig {
	return &protectRig{t: t, dir: t.TempDir(), box: &box{keys: map[string]string{}}}
}

// run runs a configuration, DIR in it being the rig's folder, and returns the rows
// that were delivered, and why pipelines were not run.
func (r *protectRig) run(text, answer string) (rows string, refused map[string]*engine.StateError) {
	r.t.Helper()
	path := filepath.Join(r.dir, "main.hcl")
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(text, "DIR", r.dir)), 0o600); err != nil {
		r.t.Fatal(err)
	}
	e, ds := engine.New(engine.Options{Plugins: []plugin.Plugin{csv.Plugin(), file.Plugin(), ftp.Plugin(),
		{Name: "box", Sink: func() plugin.Sink { return &boxSink{box: r.box} }}}})
	if ds.HasErrors() {
		r.t.Fatal(ds.Err())
	}
	defer e.Close()
	l, ds := e.Load(r.t.Context(), path, engine.Inputs{})
	if ds.HasErrors() {
		r.t.Fatal(ds.Err())
	}
	r.box.rows = nil
	rep, err := e.Run(r.t.Context(), l, engine.RunOptions{StateDir: filepath.Join(r.dir, "state"), StateAnswer: answer})
	if err != nil {
		r.t.Fatal(err)
	}
	refused = map[string]*engine.StateError{}
	for _, p := range rep.Pipelines {
		var se *engine.StateError
		switch {
		case errors.As(p.Err, &se):
			refused[p.Name] = se
		case p.Err != nil:
			r.t.Fatal(p.Name, p.Err)
		}
	}
	if rep.OK != (len(refused) == 0) {
		r.t.Errorf("OK %v with %d refused", rep.OK, len(refused))
	}
	return strings.Join(r.box.rows, "; "), refused
}

func (r *protectRig) stored() (names []string) {
	r.t.Helper()
	s, err := state.Open(filepath.Join(r.dir, "state"), state.Options{ReadOnly: true})
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	list, err := s.Pipelines()
	if err != nil {
		r.t.Fatal(err)
	}
	for _, p := range list {
		names = append(names, p.Address)
	}
	return names
}

func ftpFolder(t *testing.T, files map[string]string) *ftpserver.Server {
	t.Helper()
	s, err := ftpserver.New(ftpserver.Options{User: "weir", Password: "s3cret-pw"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	for name, text := range files {
		s.Put("/in/"+name, []byte(text), time.Date(2024, 6, 1, 0, 0, 0, 0, time.UTC))
	}
	return s
}

func fromFTP(s *ftpserver.Server, more string) string {
	return fmt.Sprintf(`
connection "ftp" "erp" {
  host     = "127.0.0.1"
  port     = %d
  tls      = "none"
  user     = "weir"
  password = "s3cret-pw"
}
pipeline "p" {
  %s
  source "ftp" "files" {
    connection = connection.ftp.erp
    path       = "/in/*.csv"
    ready      = "now"
  }
  decode "csv" {
    columns = { id = "text" }
  }
  sink "box" "out" {
    name = "p"
  }
}
`, s.Port(), more) + deduped("q", "id")
}

// deduped is a pipeline that lets each row of in/NAME.csv through once, by a key.
func deduped(name, key string) string {
	return fmt.Sprintf(`
pipeline "%[1]s" {
  source "file" "in" {
    path    = "DIR/in/*.csv"
    ready   = "now"
    missing = "empty"
  }
  decode "csv" {
    columns = { id = "text" }
  }
  dedupe "once" {
    keys = { id = "%[2]s" }
  }
  sink "box" "out" {
    name = "q"
  }
}
`, name, key)
}

// A source that reads from another host: nothing is read until somebody says what the
// ledger is worth. Kept, files that look the same count as read; dropped or laid aside,
// they are read again, and a receiver that honours keys gets them.
func TestRunAfterTheHostChanged(t *testing.T) {
	const old, both = `p {"id":"1"}`, `p {"id":"1"}; p {"id":"2"}`
	for answer, want := range map[string]string{"keep": `p {"id":"2"}`, "rebuild": both, "fork": both} {
		for _, flag := range []bool{false, true} {
			r := newProtectRig(t)
			one := ftpFolder(t, map[string]string{"a.csv": "id\n1\n"})
			two := ftpFolder(t, map[string]string{"a.csv": "id\n1\n", "b.csv": "id\n2\n"})
			if rows, refused := r.run(fromFTP(one, ""), ""); rows != old || len(refused) != 0 {
				t.Fatalf("first run: %s, %v", rows, refused)
			}
			if err := os.Mkdir(filepath.Join(r.dir, "in"), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(r.dir, "in", "q.csv"), []byte("id\nx\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			rows, refused := r.run(fromFTP(two, ""), "")
			if rows != `q {"id":"x"}` || refused["p"] == nil || !strings.Contains(refused["p"].Error(), "reads from ftp://") {
				t.Fatalf("without an answer: %s, %v", rows, refused)
			}
			if d := refused["p"].Diagnostics[0]; d.Subject == nil || !strings.Contains(d.Detail, "1 file is in the ledger") || !strings.Contains(d.Detail, "it does not run") {
				t.Errorf("diagnostic %+v", d)
			}
			more, ask := `state = "`+answer+`"`, ""
			if flag {
				more, ask = "", answer
			}
			for _, want := range []string{want, ""} { // what was done once is not done again
				if rows, refused := r.run(fromFTP(two, more), ask); rows != want || len(refused) != 0 {
					t.Errorf("%s: %s, want %s; %v", answer, rows, want, refused)
				}
			}
			if got := fmt.Sprint(r.stored()); (answer == "fork") != (got == "[p p~1 q]") {
				t.Errorf("%s: stored are %s", answer, got)
			}
		}
	}
}

// Keys that are computed in another way, and a pipeline that has another name.
func TestRunDoesNotRekey(t *testing.T) {
	r := newProtectRig(t)
	if err := os.Mkdir(filepath.Join(r.dir, "in"), 0o700); err != nil {
		t.Fatal(err)
	}
	put := func(name, text string) {
		if err := os.WriteFile(filepath.Join(r.dir, "in", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(text, answer, want string, says string) {
		t.Helper()
		rows, refused := r.run(text, answer)
		var msg strings.Builder
		for _, e := range refused {
			fmt.Fprint(&msg, e.Diagnostics)
		}
		if rows != want || (says == "") != (len(refused) == 0) || !strings.Contains(msg.String(), says) {
			t.Errorf("%q: %s, want %s; %s", answer, rows, want, msg.String())
		}
	}
	const x = `q {"id":"x"}`
	put("a.csv", "id\nx\n")
	expect(deduped("q", "id"), "", x, "")
	expect(deduped("q", "id + '!'"), "", "", "1 key is stored in q/dedupe")
	expect(deduped("q", "id"), "", "", "") // put back, nothing happened
	expect(deduped("q", "id + '!'"), "rebuild", x, "")
	put("b.csv", "id\nx\n")
	expect(deduped("new", "id + '!'"), "", "", "begins anew")
	expect(deduped("new", "id + '!'"), "keep", "", "")
	if got := fmt.Sprint(r.stored()); got != "[new]" {
		t.Errorf("stored are %s", got)
	}
	expect(deduped("q", "id + '!'")+deduped("new", "id + '!'"), "", x, "")
	expect(deduped("new", "upper(id)"), "fork", x, "")
}
