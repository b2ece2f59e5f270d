package scenario

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"weir/engine/diag"
	"weir/engine/plan"
	"weir/engine/serve"
)

// judgeVerdict compares what came of a reload with what was expected of it.
func (r *runner) judgeVerdict(out *outcome, x *expectSpec) {
	v := out.verdict
	if out.spec.kind != stepReload {
		return
	}
	if v == nil {
		if x.outcome != "" || x.actionsSet || x.uses("verdict") {
			r.problem(diag.Errorf("test.verdict", &out.spec.rng, out.spec.title()+": there is no verdict", "The process crashed at %s, before the reload was answered.", out.spec.crashAt))
		}
		return
	}
	at := &out.spec.rng
	ok := v.Outcome == x.outcome
	want := x.outcome
	switch {
	case x.outcome != "":
		at = r.t.ranges.Of(&x.outcome)
	case x.failure != "":
		ok, want = !v.OK() || len(out.errs) > 0, "anything but applied and unchanged"
	default:
		ok, want = v.Outcome == serve.Applied, serve.Applied
	}
	if !ok {
		r.problem(diag.Diagnostic{Code: "test.verdict", Subject: at, Summary: out.spec.title() + ": the outcome differs",
			Detail: fmt.Sprintf("  expected %s\n  got      %s\n", want, v.Outcome) + indent(r.showVerdict(v), "  ")})
		return // the actions follow from it
	}
	if x.actionsSet {
		r.judgeActions(v, out, x)
	}
}

// judgeActions compares the actions: those expected, and keep for all others.
func (r *runner) judgeActions(v *serve.Verdict, out *outcome, x *expectSpec) {
	got := map[string]string{}
	why := map[string]string{}
	for i := range v.Actions {
		a := &v.Actions[i]
		got[a.Pipeline], why[a.Pipeline] = actionText(a), a.Why()
	}
	all := maps.Clone(got)
	maps.Copy(all, x.wanted)
	there := map[string]bool{}
	for _, a := range r.pipelines() {
		there[a] = true
	}
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		have, want := got[name], strings.TrimSuffix(x.wanted[name], " done")
		switch {
		case have == "" && there[name]:
			have = string(plan.Keep)
		case have == "":
			have = "no such pipeline"
		}
		if want == "" {
			want = string(plan.Keep)
		}
		if have != want {
			lines = append(lines, fmt.Sprintf("%s: expected %s, got %s%s", name, want, have, because(why[name])))
		}
	}
	if len(lines) > 0 {
		r.problem(diag.Diagnostic{Code: "test.verdict", Subject: r.t.ranges.Of(&x.actions), Summary: out.spec.title() + ": the actions differ",
			Detail: indent(strings.Join(lines, "\n")+"\n"+r.showVerdict(v), "  ")})
	}
}

// pipelines returns those that are served, none after a crash.
func (r *runner) pipelines() []string {
	var out []string
	if r.served != nil {
		for _, p := range r.served.server.Status().Pipelines {
			out = append(out, p.Pipeline)
		}
	}
	return out
}

// actionText is an action as expect blocks have it.
func actionText(a *serve.Done) string {
	if a.Outcome == serve.ActionDone {
		return string(a.Kind)
	}
	return string(a.Kind) + " " + a.Outcome
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return " (" + why + ")"
}

// showVerdict shows a verdict to people: what came of it, and everything that was said.
func (r *runner) showVerdict(v *serve.Verdict) string {
	var sb strings.Builder
	fmt.Fprintf(&sb, "the verdict: %s, generation %d, %d kept\n", v.Outcome, v.Generation, v.Kept)
	for i := range v.Actions {
		a := &v.Actions[i]
		fmt.Fprintf(&sb, "  %s: %s%s\n", a.Pipeline, actionText(a), because(a.Why()))
	}
	ds, sources := v.Problems()
	for _, d := range ds {
		sb.WriteString(indent(problemText(d, sources, diag.TextOptions{}), "  "))
	}
	return sb.String()
}

// verdictTexts returns what a verdict says that was not done.
func verdictTexts(v *serve.Verdict) []string {
	var out []string
	if v == nil || v.OK() {
		return nil
	}
	ds, _ := v.Problems()
	for _, d := range ds {
		if d.Severity == diag.Error {
			out = append(out, d.Summary+": "+d.Detail)
		}
	}
	return out
}

// verdictValue is a verdict as expressions see it, which is as JSON has it.
func verdictValue(v *serve.Verdict) (map[string]any, error) {
	out := map[string]any{}
	if v == nil {
		return out, nil
	}
	b, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(b, &out)
	}
	return out, err
}
