package exec_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"weir/engine/state"
)

// Every commit and every delivery is reported with the time it took, also those of
// deliveries that are under way at once; the counts of commits add up to the run's.
func TestMeasures(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer srv.Close()
	for name, sink := range map[string]string{
		"probe": `sink "probe" "out" { rows = 10 }
}`,
		"file": `sink "file" "out" {
    path   = "DIR/out.ndjson"
    format = "ndjson"
  }
}`,
		"rest": fmt.Sprintf(`sink "rest" "out" {
    connection = connection.rest.out
    batch {
      rows         = 10
      parallel     = 4
      ordering_key = "nil"
    }
  }
}
connection "rest" "out" {
  url = %q
}
variable "unused" {
  default = ""
`, srv.URL),
	} {
		t.Run(name, func(t *testing.T) {
			body := source + sink
			if name != "rest" {
				body = body[:len(body)-2] // the rig closes the pipeline
			}
			r := newRig(t, t.TempDir(), body)
			r.clock.step = time.Millisecond
			r.put("a.csv", csvRows(0, 100))
			var sum state.Counts
			commits, deliveries := 0, 0
			r.committed = func(c state.Counts, took time.Duration) {
				sum.Add(c)
				if commits++; took <= 0 {
					t.Errorf("a commit took %s", took)
				}
			}
			r.delivered = func(sink string, took time.Duration) {
				if deliveries++; took <= 0 || sink != "sink.out" {
					t.Errorf("a delivery to %s took %s", sink, took)
				}
			}
			rep := r.done()
			if commits == 0 || deliveries == 0 || name != "file" && deliveries < 10 {
				t.Errorf("%d commits, %d deliveries", commits, deliveries)
			}
			if sum.Read != 100 || sum.String() != rep.Counts.String() {
				t.Errorf("commits counted %s, the run %s", sum, rep.Counts)
			}
		})
	}
}
