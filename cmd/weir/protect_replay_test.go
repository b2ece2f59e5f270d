package main

import (
	"path/filepath"
	"strings"
	"testing"
)

const rekeyedRejects = `
pipeline "p" {
  STATE
  source "file" "in" {
    path  = "DIR/*.csv"
    ready = "now"
  }
  decode "csv" {
    columns = {
      id = "text"
      n  = "TYPE"
    }
  }
  dedupe "once" {
    keys = { id = "KEY" }
  }
  sink "stdout" "out" {}
}
`

// TestReplayProtectsState: refused rows are not replayed into keys that another
// configuration made, until somebody says what becomes of those.
func TestReplayProtectsState(t *testing.T) {
	for _, c := range []struct {
		state string // attribute of the pipeline
		flag  string
		code  int
		want  []string
		left  string // keys stored afterwards
	}{
		{"", "", exitConfig, []string{"1 key is stored", "p.hcl:15:", "its refused rows are not replayed", `state = "keep"`}, "once, 1 key"},
		{"", "fork", exitConfig, []string{"nothing would be left to replay"}, "once, 1 key"},
		{"", "drop", exitConfig, []string{"--stored-state is keep or rebuild, not"}, "once, 1 key"},
		{`state = "fork"`, "", exitConfig, []string{"A fork lays the refused rows aside", "--stored-state keep"}, "once, 1 key"},
		{"", "keep", exitOK, []string{"row-y", "1 read = 1 delivered"}, "once, 2 keys"},
		{`state = "keep"`, "", exitOK, []string{"row-y", "1 read = 1 delivered"}, "once, 2 keys"},
		{`state = "fork"`, "keep", exitOK, []string{"row-y", "1 read = 1 delivered"}, "once, 2 keys"},
		{"", "rebuild", exitOK, []string{"row-y", "1 read = 1 delivered"}, "once, 1 key"},
	} {
		t.Run(c.state+" "+c.flag, func(t *testing.T) {
			dir := t.TempDir()
			st := filepath.Join(dir, "state")
			file := filepath.Join(dir, "p.hcl")
			configure := func(key, typ string) {
				writeIn(t, dir, "p.hcl", strings.NewReplacer("DIR", dir, "KEY", key, "TYPE", typ, "STATE", c.state).Replace(rekeyedRejects))
			}
			writeIn(t, dir, "a.csv", "id,n\nrow-x,1\nrow-y,two\n")
			configure("id", "int")
			if code, out, errs := weirIn(t, "run", file, "--state", st); code != exitOK || !strings.Contains(out, "1 rejected") {
				t.Fatal(code, out, errs)
			}
			configure("upper(id)", "text")
			args := []string{"rejects", "replay", "p", "--all", "--config", file, "--state", st}
			if c.flag != "" {
				args = append(args, "--stored-state", c.flag)
			}
			code, out, errs := weirIn(t, args...)
			for _, w := range c.want {
				if code != c.code || !strings.Contains(out+errs, w) {
					t.Errorf("exit %d, no %q in\n%s%s", code, w, out, errs)
				}
			}
			_, show, _ := weirIn(t, "state", "show", "p", "--state", st)
			refused := "refused   0 rows"
			if c.code != exitOK {
				refused = "refused   1 row"
			}
			if !strings.Contains(show, c.left) || !strings.Contains(show, refused) {
				t.Errorf("afterwards, want %s and %s:\n%s", c.left, refused, show)
			}
			if c.code != exitOK {
				return
			}
			// The answer was given once: what is stored is that of the configuration now.
			if code, out, errs := weirIn(t, "run", file, "--state", st); code != exitOK {
				t.Errorf("the next run: exit %d\n%s%s", code, out, errs)
			}
		})
	}
}
