package serve_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"weir/engine/serve"
)

// Polls that find nothing are no news: the first one says so, those after it are for
// debugging. That the folder is missing is told once, as long as the status shows it, and
// that it is there, once.
func TestEmptyPollsAreQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zap.DebugLevel)
		r := newRig(t, map[string]string{"config/a.hcl": strings.ReplaceAll(trapped("a", "every 1s", ""), "DIR/in/", "DIR/later/")})
		r.log = zap.New(core)
		r.start()
		told := func(level, text string) (n int) {
			for _, e := range logs.All() {
				if e.Level.String() == level && strings.HasPrefix(e.Message, text) {
					n++
				}
			}
			return n
		}
		check := func(when string, missing, exists, ended int) {
			t.Helper()
			synctest.Wait()
			m, x, e := 0, told("info", "the folder exists now"), told("info", "run ended")
			for len(r.events) > 0 {
				if e := <-r.events; e.Kind == serve.RunFailed && !e.Again && strings.Contains(fmt.Sprint(e.Diagnostics), "does not exist") {
					m++
				}
			}
			if m != missing || x != exists || e != ended {
				t.Errorf("%s: missing %d, exists %d, ended %d; want %d, %d, %d", when, m, x, e, missing, exists, ended)
			}
		}
		failing := func(want bool) {
			t.Helper()
			p, _ := r.server.Pipeline("a")
			if shown := strings.Contains(fmt.Sprint(p.Problems), "the folder "+r.path("later")+" does not exist"); shown != want || (p.State == serve.Failing) != want {
				t.Errorf("the status is %s, %v", p.State, p.Problems)
			}
		}
		time.Sleep(20*time.Second + time.Millisecond)
		check("without the folder", 1, 0, 1)
		failing(true)
		if n := told("debug", "run ended"); n < 15 {
			t.Errorf("%d polls ended in 20 s", n)
		}
		if err := os.Mkdir(r.path("later"), 0o700); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		check("with an empty folder", 0, 1, 2) // the first poll that finds nothing says so
		failing(false)
		r.write("later/a1.csv", "a\n1\n")
		time.Sleep(10 * time.Second)
		check("after a file", 0, 1, 4) // it, and the first poll that finds nothing again
		if !r.has("a", "1") {
			t.Error("the file was not read")
		}
		if err := os.RemoveAll(r.path("later")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		check("without the folder again", 1, 1, 5)
		failing(true)
		r.stop()
	})
}
