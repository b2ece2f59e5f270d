package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/engine/state"
)

const killedPipeline = `
pipeline "p" {
  source "file" "in" {
    path  = "DIR/in.csv"
    ready = "now"
  }
  decode "csv" {
    columns = {
      id = "text required"
      n  = "int"
    }
  }
  dedupe "seen" {
    keys  = { id = "id" }
    keep  = "all"
    trace = true
  }
  group "total" {
    by = ["id"]
    fields = {
      id    = "first(rows).id"
      total = "sum(rows, .n ?? 0)"
    }
  }
  sink "file" "out" {
    path   = "DIR/out.ndjson"
    exists = "replace"
  }
  commit {
    rows = 20000
  }
}
`

// TestVerbsAfterKill kills a run in the middle of a file, with rows held by a group, and
// looks at what is left with every verb: nobody runs, and what was committed adds up.
func TestVerbsAfterKill(t *testing.T) {
	r := newCrashRig(t, true)
	var sb strings.Builder
	sb.WriteString("id,n\n")
	for i := range 200_000 {
		n := fmt.Sprint(i)
		if i == 6 {
			n = "seven"
		}
		fmt.Fprintf(&sb, "k%d,%s\n", i%1000, n)
	}
	r.path = filepath.Join(r.dir, "p.hcl")
	for name, text := range map[string]string{"in.csv": sb.String(), "p.hcl": strings.ReplaceAll(killedPipeline, "DIR", r.dir)} {
		if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if done, out := r.run(t.Context(), "committed:2"); done {
		t.Fatalf("the run was not killed: %s", out)
	}
	for _, c := range []struct {
		args string
		code int
		text []string // of the verb
		json []string // with --json
	}{
		{"runs", exitOK, []string{" interrupted ", "held", "rejected"}, []string{`"outcome":"interrupted"`, `"held":`}},
		{"files ls", exitOK, []string{"in.csv", " reading "}, []string{`"state":"reading"`}},
		{"files why p in.csv", exitOK, []string{"The next run goes on after row", "claimed   20", "by run 20"}, []string{`"state":"reading"`, `"next":"The next run goes on`}},
		{"rejects ls", exitOK, []string{"row.bad_value"}, []string{`"total":1`, `"raw":"k6,seven"`}},
		{"rejects show p 1", exitOK, []string{"refused   20", "k6,seven"}, []string{`"reason":"\"seven\" is not a whole number"`}},
		{"state ls", exitOK, []string{"p  "}, []string{`"commits":2`}},
		{"state show p", exitOK, []string{"is after row", " held", "1 reading", "commits   2"}, []string{`"done":false`}},
		{"state export", exitOK, []string{`"outcome":"interrupted"`, `"kind":"reject"`}, []string{`"outcome":"interrupted"`}},
		{"trace id k1", exitOK, []string{"k1", "row 2 of", "went on"}, []string{`"passed":true`, `"deliveries":[]`}},
		{"status", exitEnvironment, []string{"no server is found"}, []string{"no server is found"}},
	} {
		for _, more := range [][]string{nil, {"--json"}} {
			done, code, out := r.start(t.Context(), "", append(strings.Fields(c.args), more...)...)
			want := c.text
			if more != nil {
				want = c.json
			}
			for _, w := range want {
				if !done || code != c.code || !strings.Contains(out, w) {
					t.Errorf("weir %s %v: exit %d, no %q in\n%.2000s", c.args, more, code, w, out)
				}
			}
			for _, w := range []string{"running", "panic", "0001-01-01", "<nil>"} {
				if strings.Contains(out, w) {
					t.Errorf("weir %s %v shows %q:\n%.2000s", c.args, more, w, out)
				}
			}
		}
	}
	r.ledgerAddsUp()
}

// ledgerAddsUp checks the ledger of the last run as it is printed for scripts (I3).
func (r *crashRig) ledgerAddsUp() {
	r.t.Helper()
	_, _, out := r.start(r.t.Context(), "", "runs", "--json")
	var got struct {
		Runs []struct{ Ledger jsonLedger }
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil || len(got.Runs) != 1 {
		r.t.Fatal(err, out)
	}
	if l := got.Runs[0].Ledger; l.Read == 0 || l.Held == 0 || l.Read != l.Held+l.Rejected {
		r.t.Errorf("%+v", l)
	}
}

// A run without times, or that ended before it began because somebody set the clock
// back, is listed like the others.
func TestRunsWithOddTimes(t *testing.T) {
	dir := t.TempDir()
	s, err := state.Open(dir, state.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ses, err := s.Pipeline(t.Context(), "p", 1, "rev")
	if err != nil {
		t.Fatal(err)
	}
	noon := time.Date(2024, 7, 1, 12, 0, 0, 0, time.UTC)
	for _, x := range []struct{ from, to time.Time }{{}, {noon, noon.Add(-time.Hour)}, {noon, noon.Add(time.Second)}, {time.Time{}, noon}} {
		if err := ses.StartRun(state.Run{ID: "r", Started: x.from}); err != nil {
			t.Fatal(err)
		}
		if _, err := ses.FinishRun(x.to, state.Succeeded, ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	code, out, errs := weirIn(t, "runs", "--state", dir)
	if lines := strings.Split(strings.TrimSpace(out), "\n"); code != exitOK || len(lines) != 5 || !strings.Contains(lines[1]+lines[2], "(clock set back)") || !strings.Contains(out, " 1s ") {
		t.Errorf("exit %d\n%s%s", code, out, errs)
	}
	code, out, errs = weirIn(t, "runs", "--state", dir, "--json")
	if code != exitOK || strings.Count(out, `"number"`) != 4 || strings.Contains(out, "null") || strings.Contains(out, "0001-01-01") {
		t.Errorf("exit %d\n%s%s", code, out, errs)
	}
}
