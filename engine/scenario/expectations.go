package scenario

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"weir/engine/config"
	"weir/engine/diag"
	"weir/engine/spec"
)

// expectations compiles the expressions of an expect block and reads its ledger.
func (l *loader) expectations(t *Test, e *expectSpec) {
	for _, x := range []struct {
		attr  string
		texts []spec.Text
	}{
		{"requests", e.requests}, {"state", e.state}, {"violations", e.violations}, {"files", e.files},
		{"rejects", e.rejects}, {"notices", e.notices}, {"output", e.output}, {"runs", e.runs}, {"deliveries", e.deliveries}, {"verdict", e.verdict},
	} {
		env := t.shape(x.attr)
		for _, text := range x.texts {
			c, ds := compile(text, env, true)
			l.add(ds...)
			if c != nil {
				e.asserts = append(e.asserts, assertion{x.attr, c})
			}
		}
	}
	if e.okSet && e.ok && e.failure != "" {
		l.add(diag.Errorf("config.conflict", t.ranges.Of(&e.ok), "ok and error exclude each other", "A run that says error fails."))
	}
	l.ledger(t, e)
}

// shape returns the names that expressions of an attribute see, with values of their form.
func (t *Test) shape(attr string) map[string]any {
	env := map[string]any{}
	add := func(v any, only func(*serverSpec) bool) {
		for _, s := range t.servers {
			if only(s) {
				env[s.envName()] = v
			}
		}
	}
	like := func(s *serverSpec) bool { return s.like != "" }
	switch attr {
	case "requests":
		add([]any{}, func(s *serverSpec) bool { return s.kind == "rest" })
		env["history"] = map[string]any{}
	case "state":
		add(map[string]any{}, like)
	case "violations":
		add([]any{}, like)
	case "files":
		add(map[string]any{}, func(s *serverSpec) bool { return s.kind != "rest" })
		env["folders"] = map[string]any{}
	case "output":
		env["output"] = ""
	case "verdict":
		env["verdict"] = map[string]any{}
	default:
		env[attr] = []any{}
	}
	return env
}

// envName is the name of the server in expressions.
func (s *serverSpec) envName() string {
	name := strings.NewReplacer(`["`, ".", `"]`, "").Replace(s.name)
	return strings.Map(func(r rune) rune {
		if r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return '_'
	}, name)
}

func ledgerNames() []string {
	return []string{"read", "delivered", "filtered", "deduplicated", "grouped", "expanded", "rejected", "held"}
}

// ledger reads the counts expected: one map, or one for each pipeline.
func (l *loader) ledger(t *Test, e *expectSpec) {
	if e.ledger == cty.NilVal || e.ledger.IsNull() {
		return
	}
	rng := t.ranges.Of(&e.ledger)
	e.ledgers = map[string]map[string]int64{}
	counts := l.values(e.ledger, rng)
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		v := counts[name]
		u, _ := v.Unmark()
		if !u.Type().IsObjectType() && !u.Type().IsMapType() {
			l.count(e, "", name, u, rng)
			continue
		}
		name = config.Canonical(name)
		of := l.values(v, rng)
		for _, k := range slices.Sorted(maps.Keys(of)) {
			m, _ := of[k].Unmark()
			l.count(e, name, k, m, rng)
		}
	}
}

func (l *loader) count(e *expectSpec, pipeline, name string, v cty.Value, rng *hcl.Range) {
	head, _, dotted := strings.Cut(name, ".")
	if !slices.Contains(ledgerNames(), head) || dotted && head != "filtered" {
		detail := fmt.Sprintf("There is: %s, and \"filtered.NAME\" for one filter.", strings.Join(ledgerNames(), ", "))
		if m := diag.Suggest(name, ledgerNames()); m != "" {
			detail = fmt.Sprintf("Did you mean %q? ", m) + detail
		}
		l.add(diag.Errorf("config.invalid_value", rng, fmt.Sprintf("The ledger has no count %q", name), "%s", detail))
		return
	}
	if v.Type() != cty.Number || v.IsNull() || !v.IsKnown() {
		l.add(diag.Errorf("config.invalid_value", rng, "Invalid count "+name, "It must be a whole number."))
		return
	}
	n, _ := v.AsBigFloat().Int64()
	if e.ledgers[pipeline] == nil {
		e.ledgers[pipeline] = map[string]int64{}
	}
	e.ledgers[pipeline][name] = n
}
