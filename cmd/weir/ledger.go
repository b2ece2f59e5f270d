package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"weir/engine"
	"weir/engine/diag"
)

// count is a number with its noun, such as "1 pipeline", "12 rows".
func count(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// line is one line of the ledger.
type line struct {
	name string
	n    int64
	note string
}

// lines is the ledger of p, top to bottom.
func lines(p engine.PipelineReport) []line {
	l := p.Ledger
	out := []line{{name: "read", n: l.Read, note: objectNote(p.Objects)}}
	if l.Held < 0 {
		out = append(out, line{name: "taken up", n: -l.Held, note: "kept back when a run before was interrupted"})
	}
	if l.Expanded != 0 {
		out = append(out, line{name: "expanded", n: l.Expanded})
	}
	out = append(out, line{name: "delivered", n: l.Delivered})
	for _, name := range slices.Sorted(maps.Keys(l.Filtered)) {
		out = append(out, line{name: "filtered " + name, n: l.Filtered[name]})
	}
	if len(l.Filtered) == 0 {
		out = append(out, line{name: "filtered"})
	}
	return append(out,
		line{name: "deduplicated", n: l.Deduplicated},
		line{name: "grouped", n: l.Grouped, note: groupNote(p.Groups)},
		line{name: "rejected", n: l.Rejected},
		line{name: "held", n: max(0, l.Held)})
}

func objectNote(objects int) string {
	if objects == 0 {
		return ""
	}
	return "from " + count(int64(objects), "file")
}

// groupNote states what each group step did, so that the sum can be checked by hand.
func groupNote(groups []engine.GroupCount) string {
	parts := make([]string, len(groups))
	for i, g := range groups {
		parts[i] = count(g.Rows, "row") + " became " + count(g.Groups, "group")
		if len(groups) > 1 {
			parts[i] = g.Step + ": " + parts[i]
		}
	}
	return strings.Join(parts, "; ")
}

// sumLine is the check of the ledger in words, such as "12 read = 5 delivered + 7 grouped".
func sumLine(l engine.Ledger) string {
	left := []line{{name: "read", n: l.Read}}
	if l.Held < 0 {
		left = append(left, line{name: "taken up", n: -l.Held})
	}
	if l.Expanded != 0 {
		left = append(left, line{name: "expanded", n: l.Expanded})
	}
	right := []line{{name: "delivered", n: l.Delivered}}
	for _, name := range slices.Sorted(maps.Keys(l.Filtered)) {
		right = append(right, line{name: "filtered (" + name + ")", n: l.Filtered[name]})
	}
	right = append(right, line{name: "deduplicated", n: l.Deduplicated}, line{name: "grouped", n: l.Grouped},
		line{name: "rejected", n: l.Rejected}, line{name: "held", n: max(0, l.Held)})
	if !l.Balanced() {
		return "does not add up: " + sum(left) + " is not " + sum(right)
	}
	return sum(left) + " = " + sum(right)
}

// sum joins the terms that count; when none does, the first.
func sum(terms []line) string {
	var parts []string
	for _, t := range terms {
		if t.n != 0 {
			parts = append(parts, fmt.Sprintf("%d %s", t.n, t.name))
		}
	}
	if len(parts) == 0 {
		parts = []string{"0 " + terms[0].name}
	}
	return strings.Join(parts, " + ")
}

// reportText writes one table for each pipeline.
func reportText(w io.Writer, r *engine.RunReport) error {
	b := bufio.NewWriter(w)
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(b, format, args...) }
	for i, pr := range r.Pipelines {
		if i > 0 {
			p("\n")
		}
		p("%s\n", pr.Name)
		ls := lines(pr)
		names, numbers := 0, 0
		for _, l := range ls {
			names, numbers = max(names, len([]rune(l.name))), max(numbers, len(fmt.Sprint(l.n)))
		}
		for _, l := range ls {
			row := fmt.Sprintf("  %-*s  %*d  %s", names, l.name, numbers, l.n, l.note)
			p("%s\n", strings.TrimRight(row, " "))
		}
		p("  %s\n", sumLine(pr.Ledger))
		if pr.Err != nil {
			p("  %s; see the message\n", engine.Ending(pr.Err))
		}
	}
	return b.Flush()
}

type jsonReport struct {
	Pipelines   []jsonPipeline        `json:"pipelines"`
	OK          bool                  `json:"ok"`
	Error       string                `json:"error,omitempty"`
	Diagnostics []diag.JSONDiagnostic `json:"diagnostics,omitempty"` // when the configuration is wrong
}

type jsonPipeline struct {
	Name    string                `json:"pipeline"`
	Ledger  jsonLedger            `json:"ledger"`
	Error   string                `json:"error,omitempty"`
	Notices []diag.JSONDiagnostic `json:"notices,omitempty"`
}

type jsonLedger struct {
	Read         int64            `json:"read"`
	Delivered    int64            `json:"delivered"`
	Filtered     map[string]int64 `json:"filtered"`
	Deduplicated int64            `json:"deduplicated"`
	Grouped      int64            `json:"grouped"`
	Rejected     int64            `json:"rejected"`
	Held         int64            `json:"held"`
	Expanded     int64            `json:"expanded,omitempty"`
}

func ledgerJSON(l engine.Ledger) jsonLedger {
	if l.Filtered == nil {
		l.Filtered = map[string]int64{}
	}
	return jsonLedger{
		Read: l.Read, Delivered: l.Delivered, Filtered: l.Filtered, Deduplicated: l.Deduplicated,
		Grouped: l.Grouped, Rejected: l.Rejected, Held: l.Held, Expanded: l.Expanded,
	}
}

// reportJSON writes the report as one object. err is why the run as a whole
// failed; nil when it did not.
func reportJSON(w io.Writer, r *engine.RunReport, err error) error {
	out := jsonReport{Pipelines: []jsonPipeline{}, OK: r.OK && err == nil}
	if ds, ok := errors.AsType[*diagnosed](err); ok {
		out.Diagnostics = diag.ToJSON(ds.list)
	} else if err != nil {
		out.Error = err.Error()
	}
	for _, p := range r.Pipelines {
		jp := jsonPipeline{Name: p.Name, Ledger: ledgerJSON(p.Ledger)}
		if p.Err != nil {
			jp.Error = p.Err.Error()
		}
		if len(p.Notices) > 0 {
			jp.Notices = diag.ToJSON(p.Notices)
		}
		out.Pipelines = append(out.Pipelines, jp)
		out.OK = out.OK && p.Ledger.Balanced()
	}
	enc := json.NewEncoder(forJSON(w))
	enc.SetEscapeHTML(false)
	return enc.Encode(out)
}
