package scenario

import (
	"cmp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"weir/engine/spec"
)

func (t *testDecl) declare() spec.Body {
	return append(t.common(),
		t.step(stepRun, "One run of pipelines, to the end of what their sources have. State is kept from step to step. While the folder is served, the server runs them."),
		t.step(stepStart, "weir serve begins: from here on the folder is served. What is due at once runs, and the step ends when it has."),
		t.step(stepReload, "The configuration changes while the folder is served, and the server takes the change or refuses it."),
		t.step(stepAdvance, "Time passes while the folder is served: what falls due in it runs."),
		t.step(stepStop, "weir serve ends. Runs and another start may follow."),
	)
}

// step declares the blocks of one kind. Steps run in the order of the file, whatever their kind.
func (t *testDecl) step(kind, doc string) spec.Item {
	return spec.Blocks(kind, []string{"name"}, doc,
		func() spec.Body { return (&stepSpec{kind: kind}).declare() },
		func(labels []string, rng hcl.Range) spec.Body {
			s := &stepSpec{kind: kind, name: labels[0], rng: rng}
			i, _ := slices.BinarySearchFunc(t.steps, s, func(a, b *stepSpec) int { return cmp.Compare(a.rng.Start.Byte, b.rng.Start.Byte) })
			t.steps = slices.Insert(t.steps, i, s)
			return s.declare()
		})
}

func (s *stepSpec) declare() spec.Body {
	var b spec.Body
	switch s.kind {
	case stepRun:
		b = spec.Body{
			spec.Strings("pipelines", &s.pipelines).Doc("Which pipelines run; left out, all."),
			spec.Duration("advance", &s.advance).Doc("How much time passes before the run."),
		}
	case stepReload:
		b = spec.Body{
			spec.String("at", &s.at).Check(checkPoint(runPoints())).
				Doc("The change comes in the middle of a run: pipelines run, and it is made when they come to this point, one of those of crash_at. The run goes on once it is asked to take the change, and takes it after the batch it is at. Left out, the change comes between runs."),
			spec.Strings("pipelines", &s.pipelines).Doc("Which pipelines run, with at; left out, all."),
			spec.Bool("hangs", &s.hangs).Default(false, "false").Doc("The run hangs at that point: it does not go on when it is asked to, so the drain time and the time after it pass, and it is left behind. At the end of the step it goes on, and what it then does counts for nothing."),
			spec.Choice("state", &s.state, "keep", "rebuild", "fork").Doc("What becomes of stored state that the change would break, as the answer of weir reload has it."),
		}
	case stepAdvance:
		b = spec.Body{spec.Duration("by", &s.advance).Required().Doc("How much time passes: \"1h\". It is more when a run that began in it waits for something.")}
	}
	if s.kind != stepStop {
		b = append(b, s.crash())
	}
	switch s.kind {
	case stepRun, stepStart, stepReload:
		b = append(b,
			spec.Raw("vars", "map", &s.varsRaw).Set(&s.varsSet).Doc("Values of variables from this step on, over those of the test."),
			s.change("edit", "A change of the text of a file, from this step on. No file is written."),
			s.change("write", "A file of the configuration that is new, or has another text as a whole, from this step on. No file is written."),
			spec.Strings("delete", &s.deleted).Doc("Files of the configuration that are not there from this step on. No file is deleted."),
		)
	}
	return append(b,
		fileBlocks("file", "A file that appears on a server before the step, or replaces one.", true, &s.files),
		fileBlocks("remove", "A file that is gone before the step.", false, &s.remove),
		spec.Blocks("fault", []string{"type", "name"}, "How a server misbehaves during the step.",
			func() spec.Body { return (&faultSpec{}).declare() },
			func(labels []string, rng hcl.Range) spec.Body {
				f := &faultSpec{kind: labels[0], name: labels[1], rng: rng}
				s.faults = append(s.faults, f)
				return f.declare()
			}),
		s.expect.block(s.kind == stepReload),
	)
}

func (s *stepSpec) crash() spec.Item {
	points, more := runPoints(), ""
	if s.kind == stepReload {
		points = append(points, reloadPoints()...)
		more = " It is counted from the change on. before_stop, before_swap and after_swap are where the run has committed what it read and stops or takes the new plan; after_reload is when all is done and the verdict is given."
	}
	return spec.String("crash_at", &s.crashAt).Check(checkPoint(points)).
		Doc("The process ends here, as if killed: " + strings.Join(points, ", ") + "; with a number, at the so-manieth time: \"after_delivery 2\"." + more)
}

func (s *stepSpec) change(kind, doc string) spec.Item {
	shape := func(e *editSpec) spec.Body {
		if kind == "write" {
			return spec.Body{spec.String("content", &e.content).Required().Doc("The whole text: text, or file(\"testdata/customers.hcl\").")}
		}
		return spec.Body{
			spec.String("replace", &e.replace).Required().Doc("Text that is in the file, once."),
			spec.String("with", &e.with).Required().Doc("What stands there instead."),
		}
	}
	return spec.Blocks(kind, []string{"file"}, doc,
		func() spec.Body { return shape(&editSpec{}) },
		func(labels []string, rng hcl.Range) spec.Body {
			e := &editSpec{kind: kind, file: labels[0], rng: rng}
			i, _ := slices.BinarySearchFunc(s.edits, e, func(a, b *editSpec) int { return cmp.Compare(a.rng.Start.Byte, b.rng.Start.Byte) })
			s.edits = slices.Insert(s.edits, i, e)
			return shape(e)
		})
}

func (e *expectSpec) block(reload bool) spec.Item {
	var b spec.Body
	if reload {
		b = spec.Body{
			spec.Choice("outcome", &e.outcome, "applied", "partial", "rejected", "unchanged").
				Doc("What comes of the reload. Left out: applied, or with error anything but applied and unchanged."),
			spec.Raw("actions", "map of texts", &e.actions).Set(&e.actionsSet).
				Doc("What the reload does with each pipeline: { customers = \"swap\" }. An action (keep, swap, restart, add, remove) alone was done; \"restart refused\", \"restart failed\" and \"restart fenced\" tell what else came of one. Pipelines that are not named are kept."),
			spec.ExprList("verdict", &e.verdict).
				Doc("Must be true. verdict is what weir reload --json prints: outcome, generation, revision, kept, actions (pipeline, kind, outcome, reasons, effects, diagnostics), diagnostics."),
		}
	}
	doc := "What the step must have done. A step without one must succeed."
	return spec.Block("expect", nil, doc, append(b,
		spec.Bool("ok", &e.ok).Set(&e.okSet).Doc("Whether all runs succeed; true unless error is written."),
		spec.String("error", &e.failure).Doc("A run fails, or a reload is not done, and this is a part of what it says, or a regular expression that matches it."),
		spec.Raw("ledger", "map of numbers", &e.ledger).Doc("Counts of the runs: read, delivered, filtered, \"filtered.NAME\", deduplicated, grouped, expanded, rejected, held. "+
			"Of all pipelines together, or one map each: { customers = { read = 3 } }."),
		spec.ExprList("requests", &e.requests).Doc("Must be true. The name of each rest server is the list of its requests in the step: method, path, query, headers, body, status. history.NAME has those of earlier steps too."),
		spec.ExprList("state", &e.state).Doc("Must be true. The name of each server that is like a known system is what it holds, such as activate.profiles."),
		spec.ExprList("violations", &e.violations).Doc("Must be true. The name of such a server is the list of what a careful client had not sent in the step; without this attribute there must be none."),
		spec.ExprList("files", &e.files).Doc("Must be true. The name of each ftp, sftp and file stand-in is its files: path to { content, size, modified }, such as disk[\"out.csv\"].content. folders.NAME lists its folders."),
		spec.ExprList("rejects", &e.rejects).Doc("Must be true. rejects is the list of rows refused in the step: pipeline, object, row, line, step, column, code, reason, raw."),
		spec.ExprList("notices", &e.notices).Doc("Must be true. notices is the list of what people should know: pipeline, severity, code, summary, detail. A server keeps none."),
		spec.ExprList("output", &e.output).Doc("Must be true. output is the text that the step wrote to standard output."),
		spec.ExprList("runs", &e.runs).Doc("Must be true. runs is the list of the server's runs that ended in the step: pipeline, started, ended, generation at its beginning, outcome, error, read, delivered."),
		spec.ExprList("deliveries", &e.deliveries).Doc("Must be true. deliveries is the list of what sinks took of the server's runs in the step, in order: pipeline, sink, and the generation that the rows are of."),
	)...)
}
