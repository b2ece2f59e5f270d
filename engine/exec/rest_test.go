package exec_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// slowest is a service that takes a while for some requests, and keeps the rows in
// the order in which it was done with them.
type slowest struct {
	mu          sync.Mutex
	rows        strings.Builder
	aloft, most atomic.Int32
	fail        int // this request gets a 503
	n           int
}

func (s *slowest) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer s.aloft.Add(-1)
	if n := s.aloft.Add(1); n > s.most.Load() {
		s.most.Store(n)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	time.Sleep(time.Duration(len(body)%3) * time.Millisecond)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.n++; s.n == s.fail {
		http.Error(w, "busy", http.StatusServiceUnavailable)
		return
	}
	s.rows.WriteString(strings.ReplaceAll(strings.Trim(string(body), "[]"), "},{", "}\n{") + "\n")
}

// After a dedupe step parallel needs nothing else: rows of one entity reach the
// service in the order of the source (I4), those of others overtake.
func TestParallelRequestsAfterDedupe(t *testing.T) {
	for _, keep := range []string{"all", "changed", "first"} {
		for _, parallel := range []string{"", "parallel = 4"} {
			svc := &slowest{fail: 5}
			srv := httptest.NewServer(svc)
			r := newRig(t, t.TempDir(), source+fmt.Sprintf(`
  dedupe "d" {
    keys = {
      "the key" = "key + string(int(id / 40))"
      no        = "string(id)"
    }
    order     = ["the key", "no"]
    keep      = %q
  }
  map "m" {
    keep = ["id", "key", "n"]
  }
  sink "rest" "out" {
    connection = connection.rest.out
    batch {
      rows = 3
      %s
    }
  }
}
connection "rest" "out" {
  url = %q`, keep, parallel, srv.URL))
			r.put("a.csv", csvRows(0, 300))
			rep := r.done()
			srv.Close()
			got := svc.rows.String()
			if n := len(ids(got)); int64(n) != rep.Counts.Delivered || n == 0 {
				t.Errorf("%s: %d rows arrived, %v", keep, n, rep.Counts)
			}
			last := map[string]int{}
			for l := range strings.Lines(got) {
				var id int
				if _, err := fmt.Sscanf(l, `{"id":%d,`, &id); err != nil {
					t.Fatal(err)
				}
				_, key, _ := strings.Cut(l, `"key":`)
				key = fmt.Sprint(strings.Split(key, ",")[0], id/40)
				if before, ok := last[key]; ok && before > id {
					t.Errorf("%s: of key %s row %d came before %d (I4)", keep, key, before, id)
				}
				last[key] = id
			}
			if n := svc.most.Load(); parallel == "" && n != 1 || n > 4 || parallel != "" && n == 1 {
				t.Errorf("%s, %s: %d requests were under way at once", keep, parallel, n)
			}
		}
	}
}
