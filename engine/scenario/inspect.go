package scenario

import (
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"weir/engine"
	"weir/engine/config"
	"weir/engine/diag"
	"weir/engine/spec"
	"weir/engine/state"
)

// unknownConnections reports servers that take no connection's place.
func (r *runner) unknownConnections(c *config.Config) diag.List {
	known := map[string]bool{}
	for _, m := range c.Modules {
		for _, b := range m.Connections {
			known[b.Address()] = true
		}
	}
	var ds diag.List
	names := slices.Sorted(maps.Keys(known))
	for _, s := range r.t.servers {
		if s.kind == kindFile || known[s.address()] {
			continue
		}
		detail := "Connections: " + diag.Names(names) + "."
		if m := diag.Suggest(s.address(), names); m != "" {
			detail = fmt.Sprintf("Did you mean %s? ", m) + detail
		}
		ds = append(ds, diag.Errorf("test.unknown_connection", &s.rng, "There is no connection."+s.address(), "%s", detail))
	}
	return ds
}

// unknownPipelines reports pipelines that a step names and that are not there.
func (r *runner) unknownPipelines(there []string, spec *stepSpec) (ds diag.List) {
	for _, name := range spec.pipelines {
		if slices.Contains(there, name) {
			continue
		}
		detail := "There is: " + diag.Names(there) + "."
		if near := diag.Suggest(name, there); near != "" {
			detail = fmt.Sprintf("Did you mean %q? ", near) + detail
		}
		ds = append(ds, diag.Errorf("plan.unknown_reference", r.t.ranges.Of(&spec.pipelines), "There is no pipeline "+name, "%s", detail))
	}
	return ds
}

// missing reports variables without a value that something uses besides what a
// server of the test replaces.
func (r *runner) missing(c *config.Config) diag.List {
	need := map[string]bool{}
	for n, v := range c.Root.Vars {
		if u, _ := v.Unmark(); !u.IsWhollyKnown() && !u.IsNull() {
			need[n] = true
		}
	}
	if len(need) == 0 {
		return nil
	}
	used := map[string]hcl.Range{}
	for _, b := range slices.Concat(c.Root.Connections, c.Root.Schemas, c.Root.Entities, c.Root.Mappings, c.Root.Pipelines) {
		skip := map[string]bool{}
		if b.Type == "connection" {
			skip = r.replaced(b.Address())
		}
		if body, ok := b.Body.(*hclsyntax.Body); ok {
			usedVariables(body, skip, need, used)
		}
	}
	var ds diag.List
	for _, n := range slices.Sorted(maps.Keys(used)) {
		rng := used[n]
		ds = append(ds, diag.Errorf("config.missing_variable", &r.t.Range, fmt.Sprintf("The test gives no value for variable %q", n),
			"It is used at %s:%d and has no default. Add it to the vars of the test, or of the defaults block of the file.", rng.Filename, rng.Start.Line))
	}
	return ds
}

// replaced names the attributes of a connection that need no value because a
// server of the test takes its place.
func (r *runner) replaced(address string) map[string]bool {
	out := map[string]bool{}
	for _, s := range r.t.servers {
		if s.address() != address {
			continue
		}
		for _, n := range []string{"host", "port", "url", "tls", "ca", "server_name", "verify", "known_hosts", "host_key", "proxy"} {
			out[n] = true
		}
		if s.user == "" && s.kind != "rest" {
			for _, n := range []string{"user", "password", "private_key", "passphrase"} {
				out[n] = true
			}
		}
	}
	return out
}

// usedVariables notes where a body uses the variables in need, besides in the
// attributes of its own that skip names.
func usedVariables(body *hclsyntax.Body, skip, need map[string]bool, used map[string]hcl.Range) {
	for _, name := range slices.Sorted(maps.Keys(body.Attributes)) {
		if skip[name] {
			continue
		}
		for _, t := range body.Attributes[name].Expr.Variables() {
			if len(t) < 2 || t.RootName() != "var" {
				continue
			}
			if at, ok := t[1].(hcl.TraverseAttr); ok && need[at.Name] {
				used[at.Name] = t.SourceRange()
			}
		}
	}
	for _, b := range body.Blocks {
		usedVariables(b.Body, nil, need, used)
	}
}

// minSecret is the length from which the value of a sensitive variable is looked
// for: shorter ones turn up by chance.
const minSecret = 4

// secrets returns the values of the sensitive variables.
func secrets(c *config.Config) []string {
	var out []string
	for _, m := range c.Modules {
		for _, v := range m.Vars {
			u, _ := v.Unmark()
			if v.HasMark(spec.Sensitive) && u.IsKnown() && !u.IsNull() && u.Type() == cty.String && len(u.AsString()) >= minSecret {
				out = append(out, u.AsString())
			}
		}
	}
	return out
}

// marks are the numbers of the last run and reject of each pipeline.
type marks map[string]struct{ run, reject uint64 }

// inspect looks at the state: that of the server, while there is one, else that in the
// state folder. A folder that is not there yet is left alone.
func (r *runner) inspect(f func(s *state.Store, pipelines []state.Pipeline) error) error {
	if r.served != nil {
		s := r.served.server.Store()
		ps, err := s.Pipelines()
		if err != nil {
			return err
		}
		return f(s, ps)
	}
	if _, err := os.Stat(r.state); err != nil {
		return nil //nolint:nilerr // no run has made it
	}
	s, err := state.Open(r.state, state.Options{ReadOnly: true, Memory: 1 << 20})
	if err != nil {
		return err
	}
	defer s.Close() //nolint:errcheck // nothing was written
	ps, err := s.Pipelines()
	if err != nil {
		return err
	}
	return f(s, ps)
}

func (r *runner) readMarks() (marks, error) {
	out := marks{}
	err := r.inspect(func(s *state.Store, ps []state.Pipeline) error {
		for _, p := range ps {
			m := out[p.Address]
			runs, err := s.Runs(p.Address, 1)
			if err != nil {
				return err
			}
			if len(runs) > 0 {
				m.run = runs[0].Number
			}
			if err := s.Rejects(p.Address, 0, func(x state.Reject) bool { m.reject = x.ID; return true }); err != nil {
				return err
			}
			out[p.Address] = m
		}
		return nil
	})
	return out, err
}

// committed takes the ledgers of what crashed from what its runs committed.
func (r *runner) committed(out *outcome) error {
	out.ledgers = map[string]map[string]int64{}
	return r.inspect(func(s *state.Store, ps []state.Pipeline) error {
		for _, p := range ps {
			runs, err := s.Runs(p.Address, maxRuns)
			if err != nil {
				return err
			}
			for i := range runs {
				if runs[i].Number > out.before[p.Address].run {
					r.account(out, p.Address, engine.LedgerOf(runs[i].Counts))
				}
			}
		}
		return nil
	})
}

// maxRuns is how many runs of a pipeline there may be in a step that crashes.
const maxRuns = 10_000

// rejects returns the rows refused in the run, as expressions see them.
func (r *runner) rejects(out *outcome) ([]any, error) {
	list := []any{}
	err := r.inspect(func(s *state.Store, ps []state.Pipeline) error {
		for _, p := range ps {
			err := s.Rejects(p.Address, out.before[p.Address].reject+1, func(x state.Reject) bool {
				list = append(list, map[string]any{
					"pipeline": p.Address, "object": x.Object, "row": int(x.Row), "line": int(x.Line), "step": x.Step,
					"column": x.Column, "code": x.Code, "reason": x.Reason, "raw": string(x.Raw),
				})
				return true
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return list, err
}
