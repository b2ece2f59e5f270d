package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"weir/engine/state"
)

// replayConfig refuses rows in a map and in a group; AGE and LINES say which. Mended, rows with the age "never" are still refused.
const replayConfig = `
pipeline "people" {
  source "ftp" "files" {
    connection = connection.ftp.in
    path       = "/srs/*.csv"
    ready      = "now"
  }
  decode "csv" {
    columns = {
      number = "text required"
      email  = "text"
      age    = "text"
    }
  }
  map "m" {
    fields = {
      event                      = "'CRMUpdate'"
      custom_srs_customer_number = "number"
      email                      = "email(email)"
      custom_age                 = "int(AGE)"
    }
  }
  dedupe "person" {
    keys = { srs = "custom_srs_customer_number" }
    keep = "changed"
  }
  group "pairs" {
    by     = ["int(int(custom_srs_customer_number) / 2)"]
    within = "adjacent"
    fields = {
      event                      = "first(rows).event"
      custom_srs_customer_number = "first(rows).custom_srs_customer_number"
      email                      = "last(rows).email"
      custom_age                 = "LINES"
    }
  }
  commit {
    rows = 100
  }
  SINK
}
connection "ftp" "in" {
  host     = "127.0.0.1"
  port     = PORT
  user     = "srs"
  password = "pw"
  tls      = "none"
}
connection "rest" "api" {
  url     = "URL"
  headers = { X-AUTH-ACCOUNT = "12345", X-AUTH-APIKEY = "key" }
}
`

// replayRig has rows of two files among the refused ones, and a configuration that
// lets most of them pass.
func replayRig(t *testing.T, honour bool) *crashRig {
	t.Helper()
	r := newCrashRig(t, honour)
	r.path = filepath.Join(r.dir, "people.hcl")
	for f := range 2 {
		var sb strings.Builder
		sb.WriteString("number,email,age\n")
		for i := f * 300; i < (f+1)*300; i++ {
			age := fmt.Sprint(20 + i%60)
			switch {
			case i%37 == 5:
				age = "old"
			case i%101 == 50:
				age = "never"
			}
			fmt.Fprintf(&sb, "%05d,p%d@example.nl,%s\n", i, i, age)
		}
		r.ftp.Put(fmt.Sprintf("/srs/people_%d.csv", f), []byte(sb.String()), oldTime(1+f))
	}
	configure := func(age, count string) {
		src := strings.NewReplacer("AGE", age, "LINES", count, "SINK", restSink, "PORT", fmt.Sprint(r.ftp.Port()), "URL", r.api.URL()).Replace(replayConfig)
		if err := os.WriteFile(r.path, []byte(src), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	configure("age", "first(rows).custom_age == 27 ? int('none') : len(rows)")
	if done, out := r.run(t.Context(), ""); !done {
		t.Fatal(out)
	}
	configure("age == 'old' ? '70' : age", "len(rows)")
	return r
}

// replay runs weir rejects replay once.
func (r *crashRig) replay(crash string) (done bool) {
	r.t.Helper()
	done, code, out := r.start(context.Background(), crash, "rejects", "replay", "people", "--all", "--config", r.path)
	if done && code != 0 && code != exitFailed { // some rows are refused again
		r.t.Fatalf("exit code %d: %s", code, out)
	}
	return done
}

// replayed describes the state after a replay. Numbers of dead letters are left
// out: one that is refused again gets another each time.
func (r *crashRig) replayed() string {
	r.t.Helper()
	s, err := state.Open(filepath.Join(r.dir, "state"), state.Options{})
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	tot, err := s.Totals("people")
	if err != nil {
		r.t.Fatal(err)
	}
	if d := tot.Difference(); d != 0 {
		r.t.Errorf("the totals are off by %d (I3): %v", d, tot.Counts)
	}
	lines := []string{}
	err = s.Rejects("people", 0, func(x state.Reject) bool {
		lines = append(lines, fmt.Sprint("refused ", x.Object, x.Row, x.Line, x.Step, x.Reason, string(x.Raw)))
		return true
	})
	if err != nil {
		r.t.Fatal(err)
	}
	if int64(len(lines)) != tot.Rejected {
		r.t.Errorf("%d rows are refused, and %d are counted (I3)", len(lines), tot.Rejected)
	}
	slices.Sort(lines)
	events := r.deliveries()
	slices.Sort(events) // rows that go again after a crash go in another company
	return fmt.Sprintln(tot.Counts) + strings.Join(append(lines, events...), "\n")
}

// TestCrashReplay kills weir rejects replay at every point between durable steps,
// again and again until it comes to its end: nothing is lost, what is repeated has
// its key and its body, and the same rows are refused in the end (I3, I5, I7).
func TestCrashReplay(t *testing.T) {
	calm := replayRig(t, true)
	before := calm.replayed()
	if !calm.replay("") {
		t.Fatal("the replay was killed")
	}
	want := calm.replayed()
	if n, m := strings.Count(before, "refused "), strings.Count(want, "refused "); n < 20 || m == 0 || m > 8 || !strings.Contains(before, "group.pairs") {
		t.Fatalf("%d rows were refused before the replay, and %d are after it", n, m)
	}
	for _, honour := range []bool{true, false} {
		for point, numbers := range map[string][]int{"delivering": {1, 2, 4, 9}, "delivered": {1, 2, 4, 9}, "committing": {1, 2}, "committed": {1, 2}} {
			for _, number := range numbers {
				t.Run(fmt.Sprintf("%s:%d, keys honoured %v", point, number, honour), func(t *testing.T) {
					t.Parallel()
					killReplay(t, replayRig(t, honour), point, number, want)
				})
			}
		}
	}
}

// killReplay kills replays at the n-th occurrence of a point, three times at most.
func killReplay(t *testing.T, r *crashRig, point string, n int, want string) {
	before, kills := r.repeats(), 0
	for at := fmt.Sprintf("%s:%d", point, n); !r.replay(at); kills++ {
		if kills == 2 {
			at = ""
		}
	}
	if kills == 0 {
		t.Error("the point was never reached")
	}
	if got := r.replayed(); got != want {
		t.Errorf("after %d kills the end state is\n%s\nwant\n%s", kills, got, want)
	}
	most := n // deliveries since the last commit, which are those of one file
	if point == "committing" {
		most = 12
	}
	if again := r.repeats() - before; again > kills*most {
		t.Errorf("%d deliveries were repeated after %d kills", again, kills)
	}
}
