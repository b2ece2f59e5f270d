package scenario

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// A crash in a test freezes the run at the named point: its goroutine stops
// there, the connections of the servers are closed, and the state folder is
// copied as the operating system has it, which is what a killed process leaves.
// Later runs work on the copy. The frozen run is let go when the test is over,
// with its context cancelled and its servers gone, so that nothing it does then
// reaches anything. What this cannot show is a power failure, which may lose what
// was written and not synced; the crash tests of the command kill the real process.

// pointOf maps what tests call a point to the names of package exec.
func pointOf(name string) (string, bool) {
	p, ok := map[string]string{
		"after_fetch": "fetched", "before_delivery": "delivering", "after_delivery": "delivered",
		"before_commit": "committing", "after_commit": "committed", "after_archive": "archived",
		"before_stop": "stopping", "before_swap": "swapping", "after_swap": "swapped", afterReload: afterReload,
	}[name]
	return p, ok
}

// afterReload is where a process ends that has just answered for a reload.
const afterReload = "after_reload"

// runPoints are the points of every run.
func runPoints() []string {
	return []string{"after_fetch", "before_delivery", "after_delivery", "before_commit", "after_commit", "after_archive"}
}

// reloadPoints are those that only a reload comes to: the run has committed what it
// read and is about to stop or to take the new plan, has taken it, or all is done.
func reloadPoints() []string {
	return []string{"before_stop", "before_swap", "after_swap", afterReload}
}

func checkPoint(points []string) func(string) error {
	return func(s string) error {
		name, _, _ := strings.Cut(s, " ")
		if _, _, err := parseCrash(s); err != nil || !slices.Contains(points, name) {
			return fmt.Errorf("must be one of %s, and may be followed by a number such as \"after_delivery 2\", not %q", strings.Join(points, ", "), s)
		}
		return nil
	}
}

// parseCrash reads "POINT" or "POINT N".
func parseCrash(s string) (point string, nth int, err error) {
	name, count, counted := strings.Cut(s, " ")
	point, ok := pointOf(name)
	nth = 1
	if counted {
		nth, err = strconv.Atoi(count)
	}
	if !ok || err != nil || nth < 1 {
		return "", 0, errors.New("it is no point")
	}
	return point, nth, nil
}

// gate stops a run at a point. It is open until it is set.
type gate struct {
	mu      sync.Mutex
	point   string // "" is none
	nth     int
	all     bool          // whatever comes to any point stops
	reached chan struct{} // closed when something stopped
	hold    chan struct{} // closed to let it go
	nudge   func()        // called when something stopped
}

func newGate(nudge func()) *gate {
	return &gate{reached: make(chan struct{}), hold: make(chan struct{}), nudge: nudge}
}

// set makes the gate stop a run that comes to a point, at the so-manieth time.
func (g *gate) set(at string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.point, g.nth, _ = parseCrash(at) // its form was checked
	g.reached, g.hold = make(chan struct{}), make(chan struct{})
}

// shut makes the gate stop whatever comes to any point.
func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.all = true
}

// at is called by runs at each point. It reports whether it stopped the run there.
func (g *gate) at(name string) bool {
	g.mu.Lock()
	here := g.all
	if name == g.point && !here {
		g.nth--
		here = g.nth == 0
	}
	if hold := g.hold; here {
		if !done(g.reached) {
			close(g.reached)
		}
		g.mu.Unlock()
		g.nudge()
		<-hold
		return true
	}
	g.mu.Unlock()
	return false
}

// stopped reports whether something stands at the gate, or stood there.
func (g *gate) stopped() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return done(g.reached)
}

// holds reports whether something stands at the gate.
func (g *gate) holds() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return done(g.reached) && !done(g.hold)
}

// open lets go what stands at the gate, and stops nothing any more.
func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.point, g.all = "", false; !done(g.hold) {
		close(g.hold)
	}
}

func done(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
