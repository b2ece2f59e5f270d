package scenario

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"weir/engine/config"
	"weir/engine/diag"
	"weir/engine/plan"
)

// order reports steps that cannot follow each other: some need a folder that is served.
func (l *loader) order(t *Test) {
	var served *stepSpec // the start block, while its server runs
	for _, s := range t.steps {
		switch {
		case s.kind == stepStart && served != nil:
			l.add(diag.Errorf("test.order", &s.rng, "The folder is served already", "It is since the start block at line %d. A stop block, or a crash, ends that.", served.rng.Start.Line))
		case s.kind == stepStart:
			served = s
		case s.kind != stepRun && served == nil:
			l.add(diag.Errorf("test.order", &s.rng, "Nothing is served here", "%s needs a folder that is served: write a start block before it.", s.kind))
		case s.kind == stepRun && served != nil:
			l.fixed(t, s)
		}
		if s.kind == stepStop || s.crashAt != "" {
			served = nil
		}
		if s.kind == stepReload {
			l.reload(t, s)
		}
	}
}

// fixed reports what a run cannot change while the folder is served.
func (l *loader) fixed(t *Test, s *stepSpec) {
	const detail = "The server has the configuration as it was read last. Change it in a reload block."
	if s.varsSet {
		l.add(diag.Errorf("test.order", t.ranges.Of(&s.varsRaw), "A run of a server does not change variables", detail))
	}
	if len(s.edits) > 0 {
		l.add(diag.Errorf("test.order", &s.edits[0].rng, "A run of a server does not change files of the configuration", detail))
	}
}

// reload reports what a reload block says that does not fit together.
func (l *loader) reload(t *Test, s *stepSpec) {
	if s.at == "" && len(s.pipelines) > 0 {
		l.add(diag.Errorf("config.conflict", t.ranges.Of(&s.pipelines), "pipelines says which run, and nothing runs", "Write at = \"after_delivery\" too, for a change in the middle of a run; or run them in a run block."))
	}
	if s.hangs && (s.at == "" || s.crashAt != "") {
		l.add(diag.Errorf("config.conflict", t.ranges.Of(&s.hangs), "hangs needs at, and excludes crash_at", "A run hangs at the point that at names, and is left behind there."))
	}
	if s.at != "" && strings.HasPrefix(s.crashAt, afterReload) {
		l.add(diag.Errorf("config.conflict", t.ranges.Of(&s.crashAt), afterReload+" and at exclude each other", "The run goes on by then. Write before_swap, after_swap or before_stop, or a point of the run."))
	}
	l.actions(t, &s.expect)
}

// actions reads the actions that are expected.
func (l *loader) actions(t *Test, e *expectSpec) {
	if !e.actionsSet {
		return
	}
	rng := t.ranges.Of(&e.actions)
	e.wanted = map[string]string{}
	for name, v := range l.values(e.actions, rng) {
		name = config.Canonical(name)
		if u, _ := v.Unmark(); u.Type() == cty.String && u.IsKnown() && !u.IsNull() {
			e.wanted[name] = u.AsString()
			l.action(rng, name, u.AsString())
		} else {
			l.add(diag.Errorf("config.invalid_value", rng, "Invalid action for "+name, "It must be a text such as \"swap\"."))
		}
	}
}

func (l *loader) action(rng *hcl.Range, pipeline, text string) {
	kinds := []string{string(plan.Keep), string(plan.Swap), string(plan.Restart), string(plan.Add), string(plan.Remove)}
	outcomes := []string{"done", "refused", "failed", "fenced"}
	kind, outcome, more := strings.Cut(text, " ")
	if slices.Contains(kinds, kind) && (!more || slices.Contains(outcomes, outcome)) {
		return
	}
	detail := fmt.Sprintf("There is: %s; and what came of it may follow: %s.", strings.Join(kinds, ", "), strings.Join(outcomes, ", "))
	if m := diag.Suggest(kind, kinds); m != "" && m != kind {
		detail = fmt.Sprintf("Did you mean %q? ", m) + detail
	}
	l.add(diag.Errorf("config.invalid_value", rng, fmt.Sprintf("There is no action %q, as expected of %s", text, pipeline), "%s", detail))
}

// edit reports files that are no part of a configuration.
func (l *loader) edit(t *Test, e *editSpec) {
	name := filepath.ToSlash(filepath.Clean(e.file))
	switch {
	case filepath.IsAbs(e.file) || name != e.file:
		l.add(diag.Errorf("config.invalid_value", &e.rng, "Invalid file name "+e.file, "Write it as it is seen from the folder of the test, such as \"customers.hcl\" or \"../srs-activate/customers.hcl\"."))
	case strings.HasSuffix(name, suffix):
		l.add(diag.Errorf("config.invalid_value", &e.rng, e.file+" is a test", "Tests are no part of the configuration."))
	case e.kind == "edit" && e.replace == "":
		l.add(diag.Errorf("config.invalid_value", t.ranges.Of(&e.replace), "Nothing to replace", "replace is a piece of the text of the file that is in it once."))
	case e.kind == "write" && strings.HasSuffix(name, ".hcl") && !config.Listed(filepath.Base(name)):
		l.add(diag.Errorf("config.invalid_value", &e.rng, e.file+" is not read", "Names like this are those of temporary files."))
	}
}

// edit makes the changes of a step to what the files of the configuration hold. It
// reports those that do not fit the files.
func (r *runner) edit(edits []*editSpec) bool {
	next := maps.Clone(r.edited)
	ok := true
	for _, e := range edits {
		name := filepath.Join(r.t.Folder, filepath.FromSlash(e.file))
		if e.kind == "write" {
			next[name] = []byte(e.content)
			continue
		}
		text, there := r.text(next, name)
		n := strings.Count(text, e.replace)
		switch {
		case !there:
			ok = false
			r.problem(diag.Errorf("test.edit", &e.rng, "There is no file "+e.file, "It is looked for as %s.", name))
		case e.kind == "delete":
			next[name] = nil
		case n != 1:
			ok = false
			found := "It is not in it, as the steps before have left it."
			if n > 1 {
				found = fmt.Sprintf("It is in it %d times: take more of what stands around the one that is meant.", n)
			}
			r.problem(diag.Errorf("test.edit", r.t.ranges.Of(&e.replace), "The text is not in "+e.file+" once", "%s", found))
		default:
			next[name] = []byte(strings.Replace(text, e.replace, e.with, 1))
		}
	}
	if ok { // the map itself is what a server reads
		maps.Copy(r.edited, next)
	}
	return ok
}
