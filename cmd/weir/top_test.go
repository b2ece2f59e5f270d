package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/engine/api"
	"weir/engine/plugin"
	"weir/engine/serve"
)

// stopped is a clock that a test sets.
type stopped struct {
	plugin.Clock
	now time.Time
}

func (c *stopped) Now() time.Time { return c.now }

// topOf is a view after two looks, a second apart, at a server with n pipelines; the
// last of them reads most, and the first fails.
func topOf(n int) *topView {
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	clock := &stopped{now: start.Add(time.Minute)}
	v := &topView{clock: clock, reloads: map[string]reloaded{"p00": {"swap", start}}}
	look := func(factor int64) *api.Status {
		st := &api.Status{Folder: "/srv", Started: start, Generation: 4, Revision: "abc"}
		for i := range n {
			next := start.Add(time.Duration(30+i) * time.Second)
			p := api.Pipeline{Pipeline: "p" + string(rune('0'+i/10)) + string(rune('0'+i%10)), State: serve.Waiting, Next: &next, Ledger: api.Ledger{Read: int64(i) * factor, Rejected: int64(n - i)}}
			if i == 0 {
				since := start.Add(10 * time.Second)
				p.State, p.Failures, p.Since = serve.Failing, 2, &since
			}
			st.Pipelines = append(st.Pipelines, p)
		}
		return st
	}
	v.take(look(100))
	clock.now = clock.now.Add(time.Second)
	v.take(look(110))
	return v
}

func TestTopScreen(t *testing.T) {
	v := topOf(3)
	want := []string{
		"/srv: 3 pipelines, 0 running, generation 4, revision abc, up 1m01s",
		"",
		"pipeline  state    rows/s  rows  lag  rejects  failing                        last reload",
		"p02       waiting      20   220  29s        1",
		"p01       waiting      10   110  30s        2",
		"p00       failing       0     0  31s        3  for 51s, 2 attempts, next now  swap 1m01s ago",
	}
	if d := cmp.Diff(want, v.screen(0, 0)); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	for _, width := range []int{10, 30, 40} {
		for i, line := range v.screen(width, 24) {
			if len([]rune(line)) > width {
				t.Errorf("at width %d, line %d has %d cells: %s", width, i, len(line), line)
			}
		}
	}
	if got := v.screen(40, 24)[2]; got != "pipeline  state    rows/s  rows  lag" {
		t.Errorf("a narrow terminal shows %q", got)
	}
}

func TestTopKeys(t *testing.T) {
	v := topOf(30)
	first := func() string {
		name, _, _ := strings.Cut(v.screen(80, 13)[3], " ")
		return name
	}
	for _, step := range []struct {
		keys string
		want string
	}{
		{"", "p29"}, {"\x1b[B", "p28"}, {"\x1b[A\x1b[A", "p29"}, {"\x1b[6~", "p20"}, {"\x1b[5~", "p29"},
		{"\x1b[F", "p08"}, {"\x1b[H", "p29"}, {"\x1b[24~", "p29"},
		{"ss", "p00"}, {"s", "p00"}, {"s", "p00"}, {"s", "p00"}, {"s", "p00"}, {"sf", "p00"},
	} {
		for _, k := range keysIn([]byte(step.keys)) {
			if v.press(k) {
				t.Fatalf("%q ended it", step.keys)
			}
		}
		if got := first(); got != step.want {
			t.Errorf("after %q the first is %s, want %s", step.keys, got, step.want)
		}
	}
	if got := len(v.shown()); got != 1 {
		t.Errorf("%d pipelines are shown as failing, want 1", got)
	}
	if lines := v.screen(80, 13); !strings.HasPrefix(lines[len(lines)-1], "1-1 of 1, by state, failing only") {
		t.Errorf("the last line is %q", lines[len(lines)-1])
	}
	for _, k := range []key{'q', 3} {
		if !v.press(k) {
			t.Errorf("key %d did not end it", k)
		}
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0ms", 300 * time.Millisecond: "300ms", 59 * time.Second: "59s", 61 * time.Second: "1m01s", 25 * time.Hour: "1d01h", 3*time.Hour + 5*time.Minute: "3h05m",
	} {
		if got := span(d); got != want {
			t.Errorf("%s is shown as %s, want %s", d, got, want)
		}
	}
}

// The note of a failing pipeline has the first failure of the row, how many there
// were, and the next try.
func TestNoteOfAFailingPipeline(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	next := at.Add(70 * time.Second)
	p := &api.Pipeline{Failures: 3, Since: &at, Next: &next}
	if got := statusNote(p, at.Add(time.Minute)); got != "failing since 2026-03-01 12:00:00Z (1m00s), 3 attempts, next in 10s" {
		t.Error(got)
	}
	p.Run = &serve.RunStatus{}
	if got := failing(p, at.Add(time.Minute), false); got != "for 1m00s, 3 attempts, tried now" {
		t.Error(got)
	}
	if got := failing(&api.Pipeline{}, at, true); got != "" {
		t.Error(got)
	}
}
