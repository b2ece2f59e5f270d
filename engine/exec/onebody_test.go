package exec_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"weir/engine/diag"
	"weir/engine/exec"
	"weir/engine/plugin"
	"weir/engine/state"
)

// strict is a receiver that takes a key for one request, for ever. It handles
// requests and loses the replies to those that lose picks by number.
type strict struct {
	mu     sync.Mutex
	seen   map[string]string // what came under each key
	order  []string          // keys in the order in which they came first
	clash  string
	n      int
	lose   func(n int) bool
	most   int    // rows of a request; 0 is any number
	refuse string // a request with this text gets a 400
}

func newStrict(t *testing.T) (*strict, string) {
	s := &strict{seen: map[string]string{}, lose: func(int) bool { return false }}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	return s, srv.URL
}

func (s *strict) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	if s.most > 0 && strings.Count(string(body), `"id"`) > s.most {
		http.Error(w, "too large", http.StatusRequestEntityTooLarge)
		return
	}
	if s.refuse != "" && strings.Contains(string(body), s.refuse) {
		http.Error(w, "refused", http.StatusBadRequest)
		return
	}
	key, text := r.Header.Get("Idempotency-Key"), r.Method+" "+r.URL.RequestURI()+" "+string(body)
	before, again := s.seen[key]
	if again && before != text {
		s.clash = fmt.Sprintf("key %s came with\n%s\nand with\n%s", key, before, text)
	}
	if !again {
		s.order = append(s.order, key)
	}
	s.seen[key] = text
	if s.lose(s.n) {
		panic(http.ErrAbortHandler)
	}
}

// losing makes the replies of those requests be lost for which lose is true.
func (s *strict) losing(lose func(n int) bool) { s.set(func() { s.lose = lose }) }

// set changes the server between requests.
func (s *strict) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// saw returns the keys in the order in which they first came, the number of requests, and
// what is wrong with a key that came with two bodies.
func (s *strict) saw() (keys []string, requests int, clash string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.order), s.n, s.clash
}

// ids counts how often each row was taken under different keys.
func (s *strict) ids() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]int{}
	for _, text := range s.seen {
		for _, p := range strings.Split(text, `"id":`)[1:] {
			out[strings.TrimSpace(strings.FieldsFunc(p, func(r rune) bool { return r == ',' || r == '}' })[0])]++
		}
	}
	return out
}

// once checks that every one of n rows was taken, under one key that never meant two things.
func (s *strict) once(t *testing.T, n int) {
	t.Helper()
	if _, _, clash := s.saw(); clash != "" {
		t.Error(clash)
	}
	got := s.ids()
	for id, times := range got {
		if times != 1 {
			t.Errorf("row %s came under %d keys", id, times)
		}
	}
	if len(got) != n {
		t.Errorf("%d rows came, want %d", len(got), n)
	}
}

// timed sends the time with each row; REST is the block of the sink.
const timed = source + `
  map "m" {
    fields = {
      id = "id"
      at = "string(now()) + string(meta.received) + uuid()"
    }
  }
  sink "rest" "out" {
    connection = connection.rest.out
    batch {
      rows = 7
      wait = "1s"
    }
    retry {
      attempts = 2
    }
    REST
  }
  commit {
    rows = 40
  }
}
connection "rest" "out" {
  url = "URL"`

func timedBody(url, block string) string {
	return strings.NewReplacer("URL", url, "REST", block).Replace(timed)
}

// I7: replies are lost until the attempts ran out, and the clock goes on. What is sent
// again by the next run is the same request under the same key.
func TestOneBodyWhenAttemptsRanOut(t *testing.T) {
	for lost := 1; lost <= 9; lost++ {
		s, url := newStrict(t)
		r := newRig(t, t.TempDir(), timedBody(url, ""))
		r.clock.step = 300 * time.Millisecond // deliveries are cut by time too
		r.put("a.csv", csvRows(0, 60))
		s.losing(func(n int) bool { return n >= lost }) // the transport repeats some by itself
		r.fails("gave up after 2 requests")
		s.losing(func(int) bool { return false })
		r.clock.now = r.clock.now.Add(26 * time.Hour)
		r.done()
		s.once(t, 60)
		equal(t, "totals", r.totals(), "read 60, delivered 60")
	}
}

// I7: the process is killed wherever rows may have been delivered.
func TestOneBodyWhenKilled(t *testing.T) {
	for _, point := range []string{"delivering", "delivered", "committing"} {
		for n := 1; n <= 9; n++ {
			s, url := newStrict(t)
			r := newRig(t, t.TempDir(), timedBody(url, ""))
			r.put("a.csv", csvRows(0, 60))
			left := n
			r.point = func(name string) {
				if name == point {
					if left--; left == 0 {
						panic(crash{point})
					}
				}
			}
			if _, err := r.run(t.Context()); err == nil && point != "committing" {
				t.Fatalf("no crash at %s %d", point, n)
			}
			r.point = func(string) {}
			r.clock.now = r.clock.now.Add(time.Hour)
			r.done()
			s.once(t, 60)
		}
	}
}

// A mapping that was changed in between makes another request of the rows: it has
// another key, and people are told.
func TestOneBodyWhenTheMappingChanged(t *testing.T) {
	for _, tt := range []struct {
		name, from, to string
		same           bool
	}{
		{"body", "", `body = "{rows: rows}"`, false},
		{"path", "", `path = "/v2"`, false},
		{"method", "", `method = "PUT"`, false},
		{"nothing that is sent", "", `reply {
      limit = "2MiB"
    }`, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, url := newStrict(t)
			r := newRig(t, t.TempDir(), timedBody(url, tt.from))
			r.put("a.csv", csvRows(0, 30))
			s.losing(func(n int) bool { return n >= 2 })
			r.fails("gave up")
			s.losing(func(int) bool { return false })
			r.load(timedBody(url, tt.to))
			rep := r.done()
			if _, _, clash := s.saw(); clash != "" {
				t.Error(clash)
			}
			want := 5 + 2 // the first two were sent before
			if tt.same {
				want = 5
			}
			if keys, _, _ := s.saw(); len(keys) != want {
				t.Errorf("%d keys, want %d", len(keys), want)
			}
			told := slices.ContainsFunc(rep.Notices, func(d diag.Diagnostic) bool { return d.Code == "run.repeats_changed" })
			if !told {
				t.Errorf("nobody is told: %v", rep.Notices)
			}
		})
	}
}

// Another pipeline taught an entity something between the two times that a row is
// sent: the second request is another one, under another key.
func TestOneBodyWhenAnEntityChanged(t *testing.T) {
	s, url := newStrict(t)
	body := source + `
  dedupe "d" {
    entity = entity.person
    keys = {
      no   = "string(id)"
      name = "NAME"
    }
    attach = true
    keep   = "all"
  }
  map "m" {
    fields = {
      id   = "id"
      name = "dedupe.keys.name"
    }
  }
  sink "rest" "out" {
    connection = connection.rest.out
    retry {
      attempts = 1
    }
  }
}
entity "person" {
  keys = { no = "value", name = "value" }
}
connection "rest" "out" {
  url = "` + url + `"`
	pipeline := func(name string) string { return strings.Replace(body, "NAME", name, 1) }
	r := newRig(t, t.TempDir(), pipeline("nil ?? (id < 0 ? key : nil)"))
	r.put("a.csv", csvRows(0, 3))
	s.losing(func(int) bool { return true })
	r.fails("sent again with the same key by the next run")
	s.losing(func(int) bool { return false })
	first, _, _ := s.saw()

	// The other pipeline reads the same people, with their names.
	other := newRig(t, t.TempDir(), pipeline("key"))
	other.kv, other.address = r.kv, "q"
	other.put("b.csv", csvRows(0, 3))
	other.done()
	r.done()
	if _, _, clash := s.saw(); clash != "" {
		t.Error(clash)
	}
	if keys, _, _ := s.saw(); len(first) != 1 || len(keys) != 3 {
		t.Errorf("keys %v", keys)
	}
}

// What a receiver takes is found out once: later deliveries have so many rows, and
// are cut in the same places when they are repeated after a crash (I7).
func TestLearnedSizesAreRepeated(t *testing.T) {
	for n := 1; n <= 24; n++ {
		s, url := newStrict(t)
		s.set(func() { s.most = 4 })
		body := timedBody(url, "")
		if n > 12 {
			body = strings.Replace(body, "rows = 7", "rows = 7\n parallel = 3\n ordering_key = \"nil\"", 1)
		}
		r := newRig(t, t.TempDir(), body)
		r.put("a.csv", csvRows(0, 60))
		left := (n-1)%12 + 1
		r.point = func(name string) {
			if name == "delivering" {
				if left--; left == 0 {
					panic(crash{name})
				}
			}
		}
		if _, err := r.run(t.Context()); err == nil && n <= 12 { // how many there are side by side depends on how fast they are
			t.Fatalf("no crash at delivery %d", n)
		}
		r.point = func(string) {}
		r.done()
		s.once(t, 60)
	}
	s, url := newStrict(t)
	s.set(func() { s.most = 4 })
	r := newRig(t, t.TempDir(), timedBody(url, ""))
	r.put("a.csv", csvRows(0, 60))
	r.done()
	s.once(t, 60)
	if _, requests, _ := s.saw(); requests > 1+2+14+2 { // one too large, its halves, then 53 rows by 4, and what two commits cut short
		t.Errorf("%d requests: the size is found again and again", requests)
	}
}

// A dead letter whose replay was not committed is replayed with the same request.
func TestOneBodyOfAReplay(t *testing.T) {
	s, url := newStrict(t)
	block := `reply {
      reject = "status == 400 ? ['refused'] : []"
    }`
	r := newRig(t, t.TempDir(), timedBody(url, block))
	s.set(func() { s.refuse = `"id":5,` })
	r.put("a.csv", csvRows(0, 10))
	equal(t, "rejected", r.done().Counts.Rejected, 1)
	s.set(func() { s.refuse = "" })
	s.losing(func(int) bool { return true })
	if err := r.replay(); err == nil {
		t.Fatal("no failure")
	}
	s.losing(func(int) bool { return false })
	r.clock.now = r.clock.now.Add(time.Hour)
	r.put("b.csv", csvRows(100, 105)) // a run in between does not change what the letter is
	r.done()
	r.clock.now = r.clock.now.Add(time.Hour)
	if err := r.replay(); err != nil {
		t.Fatal(err)
	}
	s.once(t, 15)
	equal(t, "dead letters", len(r.rejects()), 0)
}

// A mapping that was changed between two replays makes another request of a dead letter.
func TestOneBodyOfAReplayWithAnotherMapping(t *testing.T) {
	s, url := newStrict(t)
	block := `reply {
      reject = "status == 400 ? ['refused'] : []"
    }`
	r := newRig(t, t.TempDir(), timedBody(url, block))
	s.set(func() { s.refuse = `"id":5,` })
	r.put("a.csv", csvRows(0, 10))
	r.done()
	s.set(func() { s.refuse = "" })
	s.losing(func(int) bool { return true })
	if err := r.replay(); err == nil {
		t.Fatal("no failure")
	}
	s.losing(func(int) bool { return false })
	r.load(timedBody(url, block+"\nbody = \"{again: rows}\""))
	if err := r.replay(); err != nil {
		t.Fatal(err)
	}
	if _, _, clash := s.saw(); clash != "" {
		t.Error(clash)
	}
	if n := s.ids()["5"]; n != 2 {
		t.Errorf("the row came under %d keys", n)
	}
}

// replay replays all dead letters.
func (r *rig) replay() error {
	r.t.Helper()
	store, err := state.New(r.kv, state.Options{Clock: r.clock})
	if err != nil {
		r.t.Fatal(err)
	}
	defer r.kv.Reopen()
	defer func() { _ = store.Close() }()
	ses, err := store.Pipeline(context.Background(), "p", 1, r.plan.Revision)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := ses.StartRun(state.Run{ID: "replay", Started: r.clock.Now()}); err != nil {
		r.t.Fatal(err)
	}
	letters, err := store.RejectReader("p")
	if err != nil {
		r.t.Fatal(err)
	}
	_, err = exec.Replay(context.Background(), exec.Options{
		Pipeline: r.plan.Pipelines[0], Revision: r.plan.Revision, RunID: "replay", Session: ses, Clock: r.clock, Log: zap.NewNop(),
		Host: func(string) plugin.Host { return host{r} },
	}, exec.Letters{
		Each: func(f func(state.Reject) bool) error { return store.Rejects("p", 0, f) },
		Get:  letters.Get,
	})
	_, ferr := ses.FinishRun(r.clock.Now(), "ok", "")
	return errors.Join(err, ferr)
}
