package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"weir/engine/state"
)

const bigConfig = `
pipeline "big" {
  source "file" "in" {
    path  = "DIR/big.csv"
    ready = "now"
  }
  decode "csv" {
    columns = {
      id    = "int required"
      email = "text"
      price = "decimal"
    }
  }
  sink "file" "out" {
    from = decode.csv
    path   = "DIR/out.ndjson"
    exists = "replace"
  }
  map "few" {
    from = decode.csv
    when = "id % EVERY == 0"
    fields = {
      event                      = "'CRMUpdate'"
      custom_srs_customer_number = "string(id)"
      email                      = "email"
    }
  }
  SINK
  commit {
    rows = COMMIT
  }
}
connection "rest" "api" {
  url     = "URL"
  headers = { X-AUTH-ACCOUNT = "12345", X-AUTH-APIKEY = "key" }
}
`

// TestCrashBigFile kills a run at about 60 % of a big file: the next run goes on
// at the committed row, and repeats deliveries as they were. 300,000 rows;
// WEIR_CRASH_ROWS sets another number, such as 10000000.
func TestCrashBigFile(t *testing.T) {
	rows := 300_000
	if n, err := strconv.Atoi(os.Getenv("WEIR_CRASH_ROWS")); err == nil {
		rows = n
	}
	every, commit := max(1, rows/2000), rows/15
	r := newCrashRig(t, true)
	size := writeBig(t, filepath.Join(r.dir, "big.csv"), rows)
	r.path = filepath.Join(r.dir, "big.hcl")
	src := strings.NewReplacer("EVERY", fmt.Sprint(every), "COMMIT", fmt.Sprint(commit), "URL", r.api.URL(), "SINK", restSink).Replace(bigConfig)
	if err := os.WriteFile(r.path, []byte(strings.ReplaceAll(src, "DIR", r.dir)), 0o600); err != nil {
		t.Fatal(err)
	}

	deliveries := int(size/(256<<10)) + rows/every/45 // of both sinks, about
	if done, out := r.run(t.Context(), fmt.Sprintf("delivered:%d", deliveries*6/10)); done {
		t.Fatalf("the run was not killed: %s", out)
	}
	committed := committedRow(t, filepath.Join(r.dir, "state"))
	if low, high := int64(rows)*4/10, int64(rows)*7/10; committed < low || committed > high {
		t.Errorf("row %d of %d was committed when the run was killed at about 60 %%", committed, rows)
	}
	requests := len(r.api.Requests())
	uncommitted := requestsAfter(r, committed)

	r.args = []string{"--json"}
	_, out := r.run(t.Context(), "")
	var rep struct {
		Pipelines []struct{ Ledger struct{ Read int64 } }
	}
	out = out[strings.Index(out, `{"pipelines"`):] // behind the warnings on standard error
	if err := json.Unmarshal([]byte(out), &rep); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got, want := rep.Pipelines[0].Ledger.Read, int64(rows)-committed; got != want {
		t.Errorf("the second run read %d rows, want %d: those after row %d", got, want, committed)
	}
	if n := len(r.deliveries()); n != rows/every {
		t.Errorf("the API got %d rows, each key counted once, want %d", n, rows/every)
	}
	again := r.repeats()
	if again != uncommitted || again > 2+commit/every/45+1 {
		t.Errorf("%d deliveries were repeated; %d had rows after the commit when the run was killed", again, uncommitted)
	}
	checkBig(t, filepath.Join(r.dir, "out.ndjson"), rows)
	t.Logf("%d rows; killed after %d requests with row %d committed; the second run read %d rows and repeated %d deliveries", rows, requests, committed, rep.Pipelines[0].Ledger.Read, again)
}

// requestsAfter counts the requests that hold rows after a row of the file.
func requestsAfter(r *crashRig, row int64) (n int) {
	for _, q := range r.api.Requests() {
		m, _ := q.Body.(map[string]any)
		list, _ := m["events"].([]any)
		for _, e := range list {
			event, _ := e.(map[string]any)
			if id, err := strconv.ParseInt(fmt.Sprint(event["custom_srs_customer_number"]), 10, 64); err == nil && id > row {
				n++
				break
			}
		}
	}
	return n
}

func writeBig(t *testing.T, name string, rows int) (size int64) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(f)
	_, _ = w.WriteString("id,email,price,remark\n")
	for i := range rows {
		_, _ = fmt.Fprintf(w, "%d,person%d@example.nl,%d.%02d,\"a remark, with a comma %d\"\n", i+1, i%5000, i%1000, i%100, i)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	st, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return st.Size()
}

func committedRow(t *testing.T, dir string) int64 {
	t.Helper()
	s, err := state.Open(dir, state.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	c, err := s.Cursors("big")
	if err != nil {
		t.Fatal(err)
	}
	tot, err := s.Totals("big")
	if err != nil || tot.Read != c["source.in"].Row {
		t.Errorf("the cursor is at row %d, the totals count %d, %v", c["source.in"].Row, tot.Read, err)
	}
	return c["source.in"].Row
}

// checkBig reads the file of the file sink: every row once, in order.
func checkBig(t *testing.T, name string, rows int) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	n := 0
	for sc := bufio.NewScanner(f); sc.Scan(); {
		n++
		if !strings.HasPrefix(sc.Text(), fmt.Sprintf(`{"id":%d,`, n)) {
			t.Fatalf("line %d is %s", n, sc.Text())
		}
	}
	if n != rows {
		t.Errorf("the file has %d lines, want %d", n, rows)
	}
}
