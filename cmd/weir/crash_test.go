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
// middle of files, keys, rejects, counts, sink tokens, and with the step GROUP the
// rows of a group that is open there. AFTER, GROUP and SINK are filled in.
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
  GROUP
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

// openGroup makes groups of up to 21 neighbours, so that commits cut groups.
const openGroup = `
  group "neighbours" {
    by     = ["int(int(custom_srs_customer_number) / 21)"]
    within = "adjacent"
    fields = {
      event                      = "first(rows).event"
      custom_srs_customer_number = "first(rows).custom_srs_customer_number"
      email                      = "last(rows).email"
      custom_age                 = "len(rows)"
    }
  }`

const fileSink = `
  sink "file" "out" {
    path   = "DIR/out.ndjson"
    exists = "replace"
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
	groups             bool // rows are held in the middle of files
}

// kind is all but where c is killed.
func (c crashCase) kind() string {
	if c.groups {
		return c.after + ", groups, " + c.sink
	}
	return c.after + ", " + c.sink
}

func (c crashCase) rig(t testing.TB) *crashRig {
	r := newCrashRig(t, c.sink == "rest, keys honoured")
	sink := restSink
	if c.sink == "file" {
		sink = fileSink
	}
	group := ""
	if c.groups {
		group = openGroup
	}
	src := strings.NewReplacer("AFTER", c.after, "GROUP", group, "SINK", sink, "DIR", r.dir, "PORT", fmt.Sprint(r.ftp.Port()), "URL", r.api.URL()).Replace(crashConfig)
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
	often := []string{"delivering", "delivered", "committing", "committed"}
	// How often the others come: once a file, or once a run.
	least := map[string]int{"spooling": 2, "spooled": 2, "fetched": 2, "archived": 2, "moving": 2, "moved": 2, "finishing": 1, "finished": 1, "published": 1}
	kind := func(after, sink string, groups bool) {
		mine := slices.Clone(points)
		if after != "keep" {
			mine = append(mine, "moving", "moved")
		}
		if sink == "file" {
			mine = append(mine, "finishing", "finished", "published")
		}
		for _, p := range mine {
			for _, n := range numbers {
				if n <= least[p] || slices.Contains(often, p) {
					out = append(out, crashCase{after, sink, p, n, groups})
				}
			}
		}
	}
	for _, after := range []string{"keep", "move /done"} {
		for _, sink := range []string{"rest, keys honoured", "rest, keys ignored", "file"} {
			kind(after, sink, false)
		}
	}
	kind("keep", "rest, keys honoured", true)
	kind("move /done", "file", true)
	return out
}

// TestCrashMatrix kills the real program at every named point, with SIGKILL,
// again and again until the input is done (I1, I3, I5, I7): nothing is lost,
// what is repeated has its key and its body, and in the end everything is as
// without a crash. WEIR_CRASH_FULL=1 takes more occurrences of each point.
func TestCrashMatrix(t *testing.T) {
	numbers, most := []int{1, 3}, 2
	if os.Getenv("WEIR_CRASH_FULL") != "" {
		numbers, most = []int{1, 2, 3, 4, 5, 7, 9}, 12
	}
	want := map[string]final{}
	for _, c := range crashCases([]int{1}) {
		if _, ok := want[c.kind()]; !ok {
			r := c.rig(t)
			if done, out := r.run(t.Context(), ""); !done {
				t.Fatal(out)
			}
			want[c.kind()] = r.final()
		}
	}
	var mu sync.Mutex
	var results []crashResult
	t.Run("cases", func(t *testing.T) {
		for _, c := range crashCases(numbers) {
			t.Run(strings.ReplaceAll(fmt.Sprintf("%s, %s:%d", c.kind(), c.point, c.number), "/", ""), func(t *testing.T) {
				t.Parallel()
				res := c.check(t, want[c.kind()], most)
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
		return strings.Compare(fmt.Sprint(a.kind(), a.crashCase), fmt.Sprint(b.kind(), b.crashCase))
	})
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "after, sink\tkilled at\tkills\truns\trepeated deliveries\tend state")
	for _, r := range results {
		_, _ = fmt.Fprintf(w, "%s\t%s:%d\t%d\t%d\t%d\tas without\n", r.kind(), r.point, r.number, r.kills, r.runs, r.repeats)
	}
	_ = w.Flush()
}

// TestCrashConnector kills the connector for SRS files: its two pipelines share
// an entity, group rows of a whole file, and move their files.
func TestCrashConnector(t *testing.T) {
	var want final
	for i, at := range []string{"", "delivering:1", "delivered:1", "delivered:2", "committing:1", "committing:3", "committed:1", "committed:4", "moving:1", "moved:2", "archived:1"} {
		r := newCrashRig(t, i%2 == 0)
		r.path = filepath.Join("..", "..", "pipelines", "srs-activate")
		if abs, err := filepath.Abs(r.path); err == nil {
			r.path = abs
		}
		for n, v := range map[string]string{
			"ftp_host": "127.0.0.1", "ftp_port": fmt.Sprint(r.ftp.Port()), "ftp_username": "srs", "ftp_password": "pw", "ftp_tls": "none", "ready": "now",
			"after": "move /srs/processed", "activate_url": r.api.URL(), "activate_account": "12345", "activate_api_key": "key", "batch_rows": "7",
		} {
			r.args = append(r.args, "--var", n+"="+v)
		}
		srsFiles(r)
		kills := 0
		for done := false; !done; {
			crash := at
			if kills == 3 {
				crash = ""
			}
			if done, _ = r.run(t.Context(), crash); !done {
				kills++
			}
		}
		if at == "" {
			want = r.final()
			continue
		}
		if kills == 0 {
			t.Errorf("%s was never reached", at)
		}
		r.same(r.final(), want)
	}
}

// srsFiles uploads two files of customers and two of receipts.
func srsFiles(r *crashRig) {
	customers := "klantnummer;email;voornaam\r\n"
	sales := "ordernummer;bonnummer;filiaal;datumtijd;klantnummer;email;artikelnummer;aantal;prijs;bedrag\r\n"
	for f := range 2 {
		var c, s strings.Builder
		c.WriteString(customers)
		s.WriteString(sales)
		for i := range 60 {
			n := f*40 + i
			fmt.Fprintf(&c, "%04d;k%d@example.nl;Jan\r\n", n, n)
			fmt.Fprintf(&s, ";%05d;012;%02d-06-2024 14:03:00;%04d;;A%d;1;9,95;9,95\r\n", n/3, 1+f, n, i)
		}
		r.ftp.Put(fmt.Sprintf("/srs/klanten_%d.csv", f), []byte(c.String()), oldTime(1+f))
		r.ftp.Put(fmt.Sprintf("/srs/verkopen_%d.csv", f), []byte(s.String()), oldTime(1+f))
	}
}
