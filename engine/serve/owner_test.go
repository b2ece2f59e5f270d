package serve_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/engine/plan"
	"weir/engine/serve"
	"weir/engine/state"
)

// A server with nothing to do learns of a take-over by itself, and one that is asked
// for something at once: nothing begins any more, and nothing is changed (I5, I8).
func TestTakeOverIsNoticed(t *testing.T) {
	for _, c := range []struct {
		name string
		ask  func(r *rig)
	}{
		{"idle", func(*rig) { time.Sleep(11 * time.Second) }},
		{"reload", func(r *rig) {
			r.write("config/a.hcl", trapped("a", "every 1h", `note = "new "`))
			v := r.reload()
			if v.Outcome != serve.Rejected || !strings.Contains(texts(v), "has lost its state folder") {
				r.t.Errorf("%+v\n%s", v, texts(v))
			}
		}},
		{"run", func(r *rig) {
			opened, _ := r.traps.get("a").counts()
			r.write("in/a1.csv", "a\n1\n")
			if err := r.server.RunNow("a"); err != nil {
				r.t.Error(err)
			}
			synctest.Wait()
			if now, _ := r.traps.get("a").counts(); now != opened {
				r.t.Error("a run began")
			}
		}},
		{"operation", func(r *rig) {
			err := r.server.Exclusively(r.t.Context(), "a", func(*plan.Pipeline, uint64, string) error {
				r.t.Error("it began")
				return nil
			})
			var taken *state.TakenOver
			if !errors.As(err, &taken) {
				r.t.Errorf("%v", err)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, map[string]string{"config/a.hcl": trapped("a", "every 1h", "")})
				s := r.start()
				synctest.Wait()
				other, err := state.Open(r.path("state"), state.Options{TakeOver: true})
				if err != nil {
					t.Fatal(err)
				}
				c.ask(r)
				select {
				case <-s.Lost():
				default:
					t.Error("it was not noticed")
				}
				if s.Err() == nil {
					t.Error("it does not say why")
				}
				r.stop()
				if err := other.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// A server whose state folder is deleted or moved away learns of it by itself, and by a run: it is not ready
// any more, and ends.
func TestFolderGoneIsNoticed(t *testing.T) {
	for name, ask := range map[string]func(r *rig){
		"idle": func(*rig) { time.Sleep(11 * time.Second) },
		"run": func(r *rig) {
			r.write("in/a1.csv", "a\n1\n")
			if err := r.server.RunNow("a"); err != nil {
				r.t.Error(err)
			}
			synctest.Wait()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, map[string]string{"config/a.hcl": trapped("a", "every 1h", "")})
				s := r.start()
				synctest.Wait()
				if err := os.Rename(r.path("state"), r.path("moved")); err != nil {
					t.Fatal(err)
				}
				ask(r)
				select {
				case <-s.Lost():
				default:
					t.Error("it was not noticed")
				}
				var gone *state.Gone
				if !errors.As(s.Err(), &gone) {
					t.Errorf("it says %v", s.Err())
				}
				r.stop()
			})
		})
	}
}
