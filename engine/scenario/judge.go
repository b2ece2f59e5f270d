package scenario

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"weir/engine/diag"
)

func (e *expectSpec) uses(attr string) bool {
	return slices.ContainsFunc(e.asserts, func(a assertion) bool { return a.attr == attr })
}

// judge compares what the run did with what was expected of it.
func (r *runner) judge(out *outcome) {
	x := &out.spec.expect
	r.judgeVerdict(out, x)
	if !out.crashed {
		r.judgeError(out, x)
	}
	r.judgeLedger(out, x)
	envs := map[string]map[string]any{}
	for _, a := range x.asserts {
		env, ok := envs[a.attr]
		if !ok {
			var err error
			if env, err = r.env(a.attr, out); err != nil {
				r.problem(diag.Errorf("test.failed", a.e.rangeOf(nil), "What "+a.attr+" looks at cannot be read", "%s.", err))
				continue
			}
			envs[a.attr] = env
		}
		r.assert(out, a, env)
	}
	if !x.uses("violations") {
		r.judgeViolations(out)
	}
	r.judgeSecrets(out)
}

func (r *runner) judgeError(out *outcome, x *expectSpec) {
	var texts []string
	for _, f := range out.errs {
		texts = append(texts, strings.TrimPrefix(f.pipeline+": ", ": ")+f.err.Error())
	}
	if x.failure != "" {
		texts = append(texts, verdictTexts(out.verdict)...)
	}
	all := strings.Join(texts, "\n")
	run := out.spec.title()
	switch {
	case x.failure != "" && len(texts) == 0:
		r.problem(diag.Errorf("test.error", r.t.ranges.Of(&x.failure), run+" succeeded", "It was to fail with %q.", x.failure))
	case x.failure != "" && !matchesText(x.failure, all):
		r.problem(diag.Diagnostic{Code: "test.error", Subject: r.t.ranges.Of(&x.failure), Summary: run + " failed with another error",
			Detail: fmt.Sprintf("  expected %q\n%s", x.failure, indent("got      "+all, "  "))})
	case x.failure == "" && x.okSet && !x.ok && len(texts) == 0:
		r.problem(diag.Errorf("test.error", r.t.ranges.Of(&x.ok), run+" succeeded", "It was to fail."))
	case x.failure == "" && (!x.okSet || x.ok) && len(texts) > 0:
		r.problem(diag.Diagnostic{Code: "test.error", Subject: &out.spec.rng, Summary: run + " failed", Detail: indent(all, "  ")})
	}
}

// matchesText reports whether pattern is a part of s, or a regular expression that matches it.
func matchesText(pattern, s string) bool {
	if strings.Contains(s, pattern) {
		return true
	}
	re, err := regexp.Compile("(?s)" + pattern)
	return err == nil && re.MatchString(s)
}

func (r *runner) judgeLedger(out *outcome, x *expectSpec) {
	for _, pipeline := range slices.Sorted(maps.Keys(x.ledgers)) {
		got, of := out.ledgers[pipeline], " of "+pipeline
		if pipeline == "" {
			got, of = map[string]int64{}, ""
			for _, counts := range out.ledgers {
				for k, n := range counts {
					got[k] += n
				}
			}
		} else if got == nil {
			r.problem(diag.Errorf("test.ledger", r.t.ranges.Of(&x.ledger), fmt.Sprintf("%s: pipeline %s did not run", out.spec.title(), pipeline),
				"Pipelines that ran: %s.", strings.Join(slices.Sorted(maps.Keys(out.ledgers)), ", ")))
			continue
		}
		var lines []string
		for _, k := range slices.Sorted(maps.Keys(x.ledgers[pipeline])) {
			if want := x.ledgers[pipeline][k]; got[k] != want {
				lines = append(lines, fmt.Sprintf("  %s: expected %d, got %d", k, want, got[k]))
			}
		}
		if len(lines) > 0 {
			r.problem(diag.Diagnostic{Code: "test.ledger", Subject: r.t.ranges.Of(&x.ledger),
				Summary: fmt.Sprintf("%s: the ledger%s differs", out.spec.title(), of),
				Detail:  strings.Join(append(lines, "  the whole ledger: "+showLedger(got)), "\n")})
		}
	}
}

// env returns the values that expressions of an attribute see.
func (r *runner) env(attr string, out *outcome) (map[string]any, error) {
	env := map[string]any{}
	switch attr {
	case "requests":
		all := map[string]any{}
		for _, s := range r.servers {
			if s.kind != "rest" {
				continue
			}
			list := []any{}
			for _, q := range s.recorded() {
				list = append(list, requestValue(&q))
			}
			all[s.envName()], env[s.envName()] = list, list[s.requests:]
		}
		env["history"] = all
	case "state", "violations":
		for _, s := range r.servers {
			if s.api == nil {
				continue
			}
			env[s.envName()] = s.held()
			if attr == "violations" {
				env[s.envName()] = anyList(s.offences()[s.violations:])
			}
		}
	case "files":
		folders := map[string]any{}
		for _, s := range r.servers {
			if fs := s.fs(); fs != nil {
				env[s.envName()], folders[s.envName()] = s.tree(), s.folderNames("/")
			}
		}
		env["folders"] = folders
	case "rejects":
		list, err := r.rejects(out)
		env["rejects"] = list
		return env, err
	case "notices":
		env["notices"] = append([]any{}, out.notices...)
	case "output":
		env["output"] = out.output
	case "runs":
		env["runs"] = append([]any{}, out.runs...)
	case "deliveries":
		env["deliveries"] = append([]any{}, out.deliveries...)
	case "verdict":
		v, err := verdictValue(out.verdict)
		env["verdict"] = v
		return env, err
	}
	return env, nil
}

func anyList(s []string) []any {
	out := make([]any, len(s))
	for i := range s {
		out[i] = s[i]
	}
	return out
}

// held returns what the stand-in holds, as JSON has it.
func (r *server) held() map[string]any {
	out := map[string]any{}
	b, err := json.Marshal(r.api.State())
	if err == nil {
		err = json.Unmarshal(b, &out)
	}
	if err != nil {
		out["error"] = err.Error()
	}
	return out
}

// tree returns the files of the server.
func (r *server) tree() map[string]any {
	out := map[string]any{}
	for _, p := range r.fs().Files() {
		info, ierr := r.fs().Stat(p)
		data, err := r.fs().Get(p)
		if err == nil && ierr == nil {
			out[r.named(p)] = map[string]any{"content": string(data), "size": len(data), "modified": info.MTime}
		}
	}
	return out
}

// fileNames lists the files as they are named in the test.
func (r *server) fileNames() []string {
	out := r.fs().Files()
	for i := range out {
		out[i] = r.named(out[i])
	}
	return out
}

// folderNames lists the folders below dir.
func (r *server) folderNames(dir string) []any {
	out := []any{}
	infos, err := r.fs().List(dir)
	if err != nil {
		return out // it was there a moment ago
	}
	for _, i := range infos {
		if i.Dir {
			if r.kind != kindFile || i.Path != workingFolder {
				out = append(out, r.named(i.Path))
			}
			out = append(out, r.folderNames(i.Path)...)
		}
	}
	return out
}

// assert evaluates one expression and explains it when it does not hold.
func (r *runner) assert(out *outcome, a assertion, env map[string]any) {
	v, err := a.e.value(env)
	if err == nil && v == true {
		return
	}
	bad := a.e.culprit(env)
	d := diag.Diagnostic{Code: "test.expectation", Subject: a.e.rangeOf(bad), Summary: fmt.Sprintf("%s: %s does not hold", out.spec.title(), a.attr)}
	var sb strings.Builder
	if err != nil {
		d.Summary = fmt.Sprintf("%s: %s cannot be computed", out.spec.title(), a.attr)
		sb.WriteString(err.Error() + "\n")
	} else {
		sb.WriteString(a.e.explain(bad, env))
	}
	sb.WriteString(r.scene(a, env))
	d.Detail = strings.TrimRight(indent(sb.String(), "  "), "\n")
	r.problem(d)
}

// scene shows what the expression looked at: the servers that it names.
func (r *runner) scene(a assertion, env map[string]any) string {
	var sb strings.Builder
	for _, s := range r.servers {
		if !strings.Contains(a.e.text.S, s.envName()) {
			continue
		}
		switch {
		case a.attr == "requests" && s.kind == "rest":
			sb.WriteString(showRequests(s.name, s.recorded()[s.requests:]))
		case a.attr == "files" && s.fs() != nil:
			sb.WriteString(fmt.Sprintf("files of %s: %s\n", s.name, strings.Join(s.fileNames(), ", ")))
		case a.attr == "state" && s.api != nil:
			sb.WriteString(labelled(s.name+" holds", pretty(env[s.envName()])))
		}
	}
	if v, ok := env[a.attr]; ok && slices.Contains([]string{"rejects", "notices", "output", "runs", "deliveries", "verdict"}, a.attr) {
		sb.WriteString(labelled(a.attr+":", pretty(v)))
	}
	return sb.String()
}

func (r *runner) judgeViolations(out *outcome) {
	for _, s := range r.servers {
		if list := s.offences()[min(s.violations, len(s.offences())):]; len(list) > 0 {
			r.problem(diag.Diagnostic{Code: "test.violation", Subject: &out.spec.rng,
				Summary: fmt.Sprintf("%s: %s was sent what a careful client does not send", out.spec.title(), s.name),
				Detail:  indent(strings.Join(list, "\n"), "  ") + "If that is meant, say so with violations = \"...\" in expect."})
		}
	}
}

// judgeSecrets looks for the values of sensitive variables where nobody may see them (I9).
func (r *runner) judgeSecrets(out *outcome) {
	places := map[string]string{"the log": out.log, "the output": out.output}
	for _, f := range out.errs {
		places["an error"] += f.err.Error() + "\n"
	}
	for _, n := range out.notices {
		places["a notice"] += fmt.Sprint(n) + "\n"
	}
	for _, place := range slices.Sorted(maps.Keys(places)) {
		if slices.ContainsFunc(out.secrets, func(s string) bool { return strings.Contains(places[place], s) }) {
			r.problem(diag.Errorf("test.secret", &out.spec.rng, fmt.Sprintf("%s: %s shows the value of a sensitive variable", out.spec.title(), place),
				"This is a defect of weir; please report it."))
		}
	}
}
