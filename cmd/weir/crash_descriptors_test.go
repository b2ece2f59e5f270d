package main

import (
	"strings"
	"testing"
)

// TestCrashFewFiles: a process that may open few files, and is killed now and then, says
// which file it could not open and that there were too many; the runs after it lose and
// double nothing (I1, I3, I5, I7).
func TestCrashFewFiles(t *testing.T) {
	for _, c := range []crashCase{{after: "move /done", sink: "rest, keys honoured"}, {after: "keep", sink: "file"}, {after: "move /done", sink: "file", groups: true}} {
		t.Run(strings.ReplaceAll(c.kind(), "/", ""), func(t *testing.T) {
			t.Parallel()
			want := c.undisturbed(t)
			r := c.rig(t)
			short, done := 0, false
			points := []string{"", "spooled:1", "delivering:2", "committed:2", "archived:1"}
			for files := 14; files <= 64 && !done; files += 2 {
				r.files = files
				ended, code, said := r.start(t.Context(), points[files/2%len(points)], "run", r.path)
				switch {
				case !ended: // it was killed
				case code == exitOK:
					done = true
				default:
					short++
					said = strings.Join(strings.Fields(said), " ") // lines end anywhere
					if code != exitEnvironment || !strings.Contains(said, "too many open files") || !strings.Contains(said, "ulimit -n") || strings.Contains(said, "goroutine ") {
						t.Errorf("with %d files: exit code %d\n%.2000s", files, code, said)
					}
				}
			}
			if short < 3 || !done {
				t.Errorf("%d runs failed for want of files, the last came to its end: %v", short, done)
			}
			r.files = 0
			r.run(t.Context(), "")
			r.same(r.final(), want)
		})
	}
}
