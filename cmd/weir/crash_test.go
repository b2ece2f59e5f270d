package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
)

// crashConfig is a pipeline with everything that a commit holds: cursors in the
// middle of files, keys, rejects, counts, sink tokens. AFTER and SINK are filled in.
const crashConfig = `
pipeline "people" {
  source "ftp" "files" {
    connection = connection.ftp.in
    path       = "/srs/*.csv"
    ready      = "now"
    after      = "AFTER"
  }
  decode "csv" {
    columns = {
      number = "text required"
      email  = "text"
      age    = "int"
    }
  }
  map "m" {
    fields = {
      event                      = "'CRMUpdate'"
      custom_srs_customer_number = "number"
      email                      = "email(email)"
      custom_age                 = "age"
    }
  }
  filter "minor" {
    drop = "(custom_age ?? 0) < 18"
  }
  dedupe "person" {
    keys   = { srs = "custom_srs_customer_number", email = "email" }
    attach = true
    keep   = "changed"
    conflict = "keep"
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

const restSink = `
  sink "rest" "api" {
    connection = connection.rest.api
    path       = "/v1/track"
    body       = "{events: rows}"
    nulls      = "omit"
    batch {
      rows = 45
    }
    reply {
      reject = "status == 400 ? body.errors : []"
    }
  }`

const fileSink = `
  sink "file" "out" {
    path = "DIR/out.ndjson"
  }`

// people makes the CSV rows from to to-1, about a kilobyte each, with repeats,
// minors and rows that cannot be read.
func people(from, to int) []byte {
	var sb strings.Builder
	sb.WriteString("number,email,age,remark\n")
	pad := strings.Repeat("lorem ipsum dolor ", 60)
	for i := from; i < to; i++ {
		age := fmt.Sprint(10 + i%60)
		if i%97 == 13 {
			age = "old"
		}
		n := i
		if i%10 == 9 {
			n = i / 2
		}
		fmt.Fprintf(&sb, "%05d,p%d@example.nl,%s,%s\n", n, n, age, pad)
	}
	return []byte(sb.String())
}

// crashCase is one line of the matrix.
type crashCase struct {
	after, sink, point string
	number             int
}

func (c crashCase) rig(t testing.TB) *crashRig {
	r := newCrashRig(t, c.sink == "rest, keys honoured")
	sink := restSink
	if c.sink == "file" {
		sink = fileSink
	}
	src := strings.NewReplacer("AFTER", c.after, "SINK", sink, "DIR", r.dir, "PORT", fmt.Sprint(r.ftp.Port()), "URL", r.api.URL()).Replace(crashConfig)
	src = strings.ReplaceAll(src, "DIR", r.dir)
	r.path = filepath.Join(r.dir, "people.hcl")
	if err := os.WriteFile(r.path, []byte(src), 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		r.ftp.Put(fmt.Sprintf("/srs/people_%d.csv", i), people(i*600, (i+1)*600), oldTime(1+i))
	}
	return r
}

// crashResult is what became of a case.
type crashResult struct {
	crashCase
	kills, runs, repeats int
}

// crashCases are the points at which a run of each kind can be killed.
func crashCases(numbers []int) (out []crashCase) {
	points := []string{"spooling", "spooled", "fetched", "delivering", "delivered", "committing", "committed", "archived"}
	for _, after := range []string{"keep", "move /done"} {
		for _, sink := range []string{"rest, keys honoured", "rest, keys ignored", "file"} {
			mine := slices.Clone(points)
			if after != "keep" {
				mine = append(mine, "moving", "moved")
			}
			if sink == "file" {
				mine = append(mine, "finishing", "finished", "published")
			}
			for _, p := range mine {
				for _, n := range numbers {
					if n == 1 || p != "finishing" && p != "finished" && p != "published" {
						out = append(out, crashCase{after, sink, p, n})
					}
				}
			}
		}
	}
	return out
}

// TestCrashMatrix kills the real program at every named point, with SIGKILL,
// again and again until the input is done (I1, I3, I5, I7): nothing is lost,
// what is repeated has its key and its body, and in the end everything is as
// without a crash. WEIR_CRASH_FULL=1 takes more occurrences of each point.
func TestCrashMatrix(t *testing.T) {
	numbers, most := []int{1, 3}, 3
	if os.Getenv("WEIR_CRASH_FULL") != "" {
		numbers, most = []int{1, 2, 3, 4, 5, 7, 9}, 12
	}
	want := map[string]final{}
	for _, c := range crashCases([]int{1}) {
		if _, ok := want[c.after+c.sink]; !ok {
			r := c.rig(t)
			if done, out := r.run(t.Context(), ""); !done {
				t.Fatal(out)
			}
			want[c.after+c.sink] = r.final()
		}
	}
	var mu sync.Mutex
	var results []crashResult
	t.Run("cases", func(t *testing.T) {
		for _, c := range crashCases(numbers) {
			t.Run(strings.ReplaceAll(fmt.Sprintf("%s, %s, %s:%d", c.after, c.sink, c.point, c.number), "/", ""), func(t *testing.T) {
				t.Parallel()
				res := c.check(t, want[c.after+c.sink], most)
				mu.Lock()
				defer mu.Unlock()
				results = append(results, res)
			})
		}
	})
	if testing.Verbose() {
		printMatrix(results)
	}
}

// check kills runs of c at its point, at most so many times, and compares the end.
func (c crashCase) check(t *testing.T, want final, most int) crashResult {
	r := c.rig(t)
	res := crashResult{crashCase: c}
	for done := false; !done; res.runs++ {
		at := ""
		if res.kills < most {
			at = fmt.Sprintf("%s:%d", c.point, c.number)
		}
		if done, _ = r.run(context.Background(), at); !done {
			res.kills++
		}
	}
	if res.kills == 0 && c.number == 1 {
		t.Errorf("the point %s was never reached", c.point)
	}
	r.same(r.final(), want)
	res.repeats = r.repeats()
	return res
}

func printMatrix(results []crashResult) {
	slices.SortFunc(results, func(a, b crashResult) int {
		return strings.Compare(fmt.Sprint(a.crashCase), fmt.Sprint(b.crashCase))
	})
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "after\tsink\tkilled at\tkills\truns\trepeated deliveries\tend state")
	for _, r := range results {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s:%d\t%d\t%d\t%d\tas without\n", r.after, r.sink, r.point, r.number, r.kills, r.runs, r.repeats)
	}
	_ = w.Flush()
}
