// Package explain says in plain words what a planned pipeline does: step by
// step, with how each of its expressions is evaluated, what each sink
// guarantees, and which lines its ledger can have.
package explain

import (
	"fmt"
	"io"
	"strings"

	"weir/engine/plan"
	"weir/engine/step"
)

// Pipeline is a pipeline in words.
type Pipeline struct {
	Name        string   `json:"pipeline"` // its address
	Description string   `json:"description,omitempty"`
	When        []string `json:"when"` // when it runs, and what ends it early
	Steps       []Step   `json:"steps"`
	Ledger      []Line   `json:"ledger"`
}

// Step is one step in words.
type Step struct {
	Address     string       `json:"address"`
	Place       string       `json:"place"` // file:line
	Reads       []string     `json:"reads,omitempty"`
	Does        []string     `json:"does"` // sentences
	Fields      []Field      `json:"fields,omitempty"`
	Expressions []Expression `json:"expressions,omitempty"`
	Guarantee   string       `json:"guarantee,omitempty"` // of a sink
	Parallel    bool         `json:"parallel"`            // it runs on several cores
}

// Field is one field of the rows after a step.
type Field struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// Expression is a row expression and how it is evaluated.
type Expression struct {
	Text   string `json:"text"`
	Place  string `json:"place"`
	Type   string `json:"type"`
	Kernel bool   `json:"kernel"`        // whole columns at a time
	Why    string `json:"why,omitempty"` // why not
}

// Line is one line that the ledger can have.
type Line struct {
	Name    string `json:"name"`
	Meaning string `json:"meaning"`
}

// kerneled is an expression that tells how it is evaluated.
type kerneled interface {
	Kernel() (fully bool, why string)
}

// Of explains p.
func Of(p *plan.Pipeline) Pipeline {
	out := Pipeline{Name: p.Address, Description: p.Description, When: when(p)}
	for _, n := range p.Nodes {
		s := Step{Address: n.Address, Place: fmt.Sprintf("%s:%d", n.Header.Filename, n.Header.Start.Line), Does: does(n)}
		for _, in := range n.Inputs {
			s.Reads = append(s.Reads, in.Address)
		}
		if n.Out != nil {
			for _, f := range n.Out.Fields() {
				if !f.Hidden {
					s.Fields = append(s.Fields, Field{f.Name, f.Type.String()})
				}
			}
		}
		for _, e := range n.Exprs {
			s.Expressions = append(s.Expressions, expression(e))
		}
		if n.Sink != nil {
			s.Guarantee = n.Sink.Guarantee()
		}
		s.Parallel = n.MakesRows() || n.Step != nil && !n.Step.Stateful()
		out.Steps = append(out.Steps, s)
	}
	out.Ledger = ledger(p)
	return out
}

func expression(e plan.Compiled) Expression {
	x := Expression{Text: e.Text.S, Place: fmt.Sprintf("%s:%d", e.Text.Range.Filename, e.Text.Range.Start.Line), Type: e.Expr.Type().String()}
	if k, ok := e.Expr.(kerneled); ok {
		x.Kernel, x.Why = k.Kernel()
	}
	return x
}

func when(p *plan.Pipeline) []string {
	var out []string
	switch {
	case p.Schedule != "" && p.Timezone != "":
		out = append(out, fmt.Sprintf("It runs by itself under weir serve: %s, in %s.", p.Schedule, p.Timezone))
	case p.Schedule != "":
		out = append(out, fmt.Sprintf("It runs by itself under weir serve: %s.", p.Schedule))
	default:
		out = append(out, "It runs when weir run is called.")
	}
	if len(p.After) > 0 {
		out = append(out, "It runs after "+strings.Join(p.After, ", ")+", and not when one of them failed.")
	}
	out = append(out, fmt.Sprintf("It commits after every %d rows read or %s, and at the end of each file.", p.Commit.Rows, p.Commit.Every))
	if h := holders(p); len(h) > 0 {
		out = append(out, "Commits in the middle of a file keep what "+strings.Join(h, ", ")+" hold of it, up to 64 MiB. When they hold more, it commits at the end of the file only, "+
			"and a run that is interrupted before goes on from the commit before that.")
	}
	out = append(out, whole(p)...)
	if p.DeadLetter.Limit != "" {
		out = append(out, fmt.Sprintf("It stops when more than %s of the rows read in a run are rejected; nothing since the last commit is kept then, so nothing is lost.", p.DeadLetter.Limit))
	} else {
		out = append(out, "Rejected rows never stop it; they are kept with their reason (weir rejects).")
	}
	return out
}

// holders are the steps that keep rows of a file back, or remember them, until a
// group or the file ends.
func holders(p *plan.Pipeline) (out []string) {
	for _, n := range p.Nodes {
		holds := false
		switch c := n.Config.(type) {
		case *step.Group:
			holds = true
		case *step.Dedupe:
			holds = c.Keep == "last"
		case *step.Check:
			holds = len(c.Unique)+len(c.OneToOne) > 0
		}
		if holds {
			out = append(out, n.Address)
		}
	}
	return out
}

// ledger lists the lines that the ledger of p can have.
func ledger(p *plan.Pipeline) []Line {
	out := []Line{{"read", "rows that the decoder gave"}}
	add := func(name, meaning string) { out = append(out, Line{name, meaning}) }
	dedupe, group, expand, routes := "", "", "", false
	for _, n := range p.Nodes {
		_, name, _ := strings.Cut(n.Address, ".")
		switch n.Kind {
		case "filter":
			add("filtered "+name, "rows that "+n.Address+" dropped")
		case "dedupe":
			if c, ok := n.Config.(*step.Dedupe); !ok || c.Keep != "all" {
				dedupe = join(dedupe, n.Address)
			}
		case "group":
			group = join(group, n.Address)
		case "expand":
			expand = join(expand, n.Address)
		}
		routes = routes || n.When != nil
		if len(n.Readers) > 1 {
			expand = join(expand, "the branches after "+n.Address)
		}
	}
	if routes {
		add("filtered unrouted", "rows that no when took")
	}
	if expand != "" {
		add("expanded", "rows made besides those read, by "+expand)
	}
	if dedupe != "" {
		add("deduplicated", "rows that "+dedupe+" had seen before")
	}
	if group != "" {
		add("grouped", "rows that went into groups of "+group+", less the groups")
	}
	if h := holders(p); len(h) > 0 {
		add("held", "rows that "+strings.Join(h, ", ")+" kept back when a run was interrupted in the middle of a file")
		add("taken up", "rows of those that a later run goes on with")
		add("filtered given_up", "rows of those whose file was set aside, or read from its beginning again")
	}
	add("rejected", "rows refused with a reason: a bad value, an expression that fails, a failed check, or a refusal of the receiver")
	add("delivered", "rows durable at a sink")
	return out
}

func join(list, s string) string {
	if list == "" {
		return s
	}
	return list + ", " + s
}

// Text writes p for people.
func Text(w io.Writer, p Pipeline) error {
	var sb strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&sb, format+"\n", args...) }
	line("%s", p.Name)
	if p.Description != "" {
		line("  %s", p.Description)
	}
	for _, s := range p.When {
		line("  %s", s)
	}
	for i := range p.Steps {
		p.Steps[i].text(line)
	}
	line("\nThe ledger")
	for _, l := range p.Ledger {
		line("  %-24s %s", l.Name, l.Meaning)
	}
	_, err := io.WriteString(w, sb.String())
	return err
}

func (s *Step) text(line func(format string, args ...any)) {
	head := "\n" + s.Address
	if len(s.Reads) > 0 {
		head += " (reads " + strings.Join(s.Reads, ", ") + ")"
	}
	line("%s", head)
	for _, d := range s.Does {
		line("  %s", d)
	}
	if s.Guarantee != "" {
		line("  Guarantee: %s.", strings.TrimSuffix(s.Guarantee, "."))
	}
	if len(s.Fields) > 0 {
		names := make([]string, len(s.Fields))
		for i, f := range s.Fields {
			names[i] = f.Name + " " + f.Type
		}
		line("  Fields after it: %s", strings.Join(names, ", "))
	}
	for _, e := range s.Expressions {
		line("  %s", e.String())
	}
}

// String is one line about e.
func (e Expression) String() string {
	text := strings.Join(strings.Fields(e.Text), " ")
	switch {
	case e.Kernel:
		return "[kernel] " + text
	case strings.HasSuffix(e.Why, " is called row by row"):
		return "[kernel, but " + e.Why + "] " + text
	case e.Why == "":
		return "[row by row] " + text
	}
	return "[row by row, because of " + strings.TrimSuffix(e.Why, " runs row by row") + "] " + text
}
