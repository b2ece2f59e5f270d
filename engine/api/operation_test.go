package api

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/engine/state"
)

// While a large file is read, operations stop the run at a commit, and scrapes look on:
// every row is delivered once (I2, I3).
func TestOperationsDuringARun(t *testing.T) {
	const rows = 100_000
	var in strings.Builder
	in.WriteString("a,b\nbad,none\n")
	for i := range rows {
		fmt.Fprintf(&in, "r%d,%d\n", i, 20+i)
	}
	r := newRig(t, map[string]string{"config/a.hcl": pipelineA, "in/a0.csv": "a,b\nx,none\n"})
	r.ran(1)
	r.write("in/a1.csv", in.String())
	r.ask(202, "POST", "/api/v1/pipelines/a/run", "")
	r.until("a run", func() bool {
		p, _ := r.server.Pipeline("a")
		return p.Run != nil && p.Run.Progress != nil && p.Run.Progress.Rows > 0
	})
	done := make(chan struct{})
	var looks sync.WaitGroup
	looks.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			for _, path := range []string{"/metrics", "/api/v1/status"} {
				if err := r.send("GET", path, "", nil).Body.Close(); err != nil {
					t.Error(err)
				}
			}
			time.Sleep(5 * time.Millisecond)
		}
	})
	for i := range 5 {
		r.ask(200, "POST", "/api/v1/pipelines/a/rejects/discard", fmt.Sprintf(`{"ids": [%d]}`, 1000+i))
		if i == 2 {
			r.ask(200, "POST", "/api/v1/pipelines/a/rejects/replay", `{"ids": [1]}`)
		}
	}
	r.until("the end of the file", func() bool {
		files, err := r.server.Store().Files("a", false)
		return err == nil && slices.ContainsFunc(files, func(f state.FileEntry) bool { return strings.HasSuffix(f.Path, "a1.csv") && f.State == "committed" })
	})
	close(done)
	looks.Wait()
	if n := r.delivered(); len(n) != rows {
		t.Errorf("%d rows of %d", len(n), rows)
	}
	if l := get[Totals](r, 200, "GET", "/api/v1/pipelines/a/ledger", ""); l.Difference != 0 || l.Ledger.Read < rows+2 || l.Ledger.Rejected != 2 {
		t.Errorf("ledger: %+v", l)
	}
}

// delivered returns the lines of the output; one that came twice is an error.
func (r *rig) delivered() map[string]bool {
	r.t.Helper()
	names, err := filepath.Glob(filepath.Join(r.dir, "out", "a*.ndjson"))
	if err != nil {
		r.t.Fatal(err)
	}
	out := map[string]bool{}
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			r.t.Fatal(err)
		}
		for sc := bufio.NewScanner(f); sc.Scan(); {
			if out[sc.Text()] {
				r.t.Errorf("%s came twice", sc.Text())
			}
			out[sc.Text()] = true
		}
		_ = f.Close()
	}
	return out
}
