package serve_test

import (
	"strings"
	"testing"

	"weir/engine/serve"
)

// A pipeline that has another name now is refused until somebody says what becomes of
// its state, also in a second reload and when the name changed while nothing was served.
func TestRenamedPipelineKeepsItsState(t *testing.T) {
	for _, offline := range []bool{true, false} {
		r := newRig(t, map[string]string{"config/a.hcl": deduped("a", ""), "config/z.hcl": trapped("z", "every 1h", ""), "in/a1.csv": "a\nx\ny\n"})
		r.start()
		r.until("first rows", func() bool { return r.has("a", "y") })
		renamed := func(state string) string {
			return strings.Replace(deduped("a", state), `pipeline "a"`, `pipeline "b"`, 1)
		}
		r.write("config/a.hcl", renamed(""))
		reload := r.reload
		if offline {
			reload = func() *serve.Verdict { r.stop(); r.start(); return r.first }
		}
		v := reload()
		if !strings.Contains(texts(v), "b would lose what it knows") || !strings.Contains(texts(v), "it does not run") {
			t.Fatalf("%+v\n%s", v, texts(v))
		}
		r.write("config/a.hcl", renamed(`state = "keep"`))
		if v = r.reload(); v.Outcome != serve.Applied {
			t.Fatalf("%+v\n%s", v, texts(v))
		}
		r.write("in/a2.csv", "a\ny\nz\n")
		r.until("the new row", func() bool { return r.has("a", "z") })
		if got := strings.Join(r.traps.get("a").seen(), ","); got != "x,y,z" {
			t.Errorf("offline %v: rows %s", offline, got)
		}
	}
}
