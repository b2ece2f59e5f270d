package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"weir/engine"
	"weir/engine/state"
)

type jsonEdit struct {
	Text   string     `json:"text"`
	By     string     `json:"by"`
	Reason string     `json:"reason"`
	At     *time.Time `json:"at,omitempty"`
}

func editsJSON(edits []state.Edit) (out []jsonEdit) {
	for _, e := range edits {
		out = append(out, jsonEdit{string(e.Text), e.By, e.Reason, jsonTime(e.At)})
	}
	return out
}

// showRejects shows all that is known of refused rows, and of those among ids that
// were edited and are none any more.
func (a *app) showRejects(s *state.Store, pipeline string, ids []uint64, asJSON bool) error {
	if _, err := storedPipelines(s, []string{pipeline}); err != nil {
		return err
	}
	var past []state.Ended
	err := s.Ended(pipeline, func(x state.Ended) bool {
		if slices.Contains(ids, x.ID) {
			past = append(past, x)
		}
		return true
	})
	if err != nil {
		return err
	}
	ids = slices.DeleteFunc(slices.Clone(ids), func(id uint64) bool {
		return slices.ContainsFunc(past, func(x state.Ended) bool { return x.ID == id })
	})
	var list []letter
	if len(ids) > 0 {
		if list, err = byID(s, pipeline, ids); err != nil {
			return err
		}
	}
	if asJSON {
		for _, x := range past {
			list = append(list, letter{pipeline, x.Reject})
		}
		out := newRejectList(a.stdout)
		for _, x := range list {
			if err := out.add(x); err != nil {
				return err
			}
		}
		return out.end(len(list))
	}
	for i, r := range list {
		if err := a.showReject(s, r, nil, i > 0); err != nil {
			return err
		}
	}
	for i, x := range past {
		if err := a.showReject(s, letter{pipeline, x.Reject}, &past[i], len(list)+i > 0); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) showReject(s *state.Store, r letter, past *state.Ended, more bool) error {
	var sb strings.Builder
	p := func(name, format string, args ...any) {
		fmt.Fprintf(&sb, "  %-9s "+format+"\n", append([]any{name}, args...)...)
	}
	text := func(name string, raw []byte) {
		for l := range strings.SplitSeq(string(raw), "\n") {
			p(name, "%s", l)
		}
	}
	if more {
		sb.WriteByte('\n')
	}
	fmt.Fprintf(&sb, "%s #%d: %s\n", r.pipeline, r.ID, r.Reason)
	p("object", "%s, row %d", r.Object, r.Row)
	if r.Line > 0 {
		p("line", "%d", r.Line)
	}
	p("step", "%s", r.Step)
	if r.Column != "" {
		p("column", "%s", r.Column)
	}
	p("code", "%s", r.Code)
	p("refused", "%s", strings.TrimSpace(stamp(r.At)+byRun(r.Run)+", configuration "+r.Revision))
	if r.Replays > 0 {
		p("replayed", "%s before, and refused again", count(r.Replays, "time"))
	}
	if o := r.Overtaken; o.Row > 0 {
		p("overtaken", "by %s, row %d, a later row of the same entity, %s", o.Object, o.Row, stamp(o.At))
	}
	if past != nil {
		p(past.Outcome, "%s", strings.TrimSpace(stamp(past.When)+byRun(past.RunID)))
	} else if len(r.Groups) > 0 {
		with, err := engine.RefusedWith(s, r.pipeline, r.ID)
		if err != nil {
			return err
		}
		p("group", "%s", togetherText(with))
	}
	if len(r.Header) > 0 {
		p("header", "%s", r.Header)
	}
	if r.Raw == nil {
		p("text", "%s", "(none is kept; weir files retry reads the file again)")
	} else {
		text("text", r.Raw)
	}
	for _, e := range r.Edits {
		p("edited", "%s", strings.TrimSpace(stamp(e.At)+" by "+e.By+": "+e.Reason))
		text("text", e.Text)
	}
	_, err := fmt.Fprint(a.stdout, printableLines(sb.String()))
	return err
}

// togetherText names the rows that are replayed with another one.
func togetherText(ids []uint64) string {
	const named = 8
	if len(ids) == 0 {
		return "no other refused row belongs to it"
	}
	var list []string
	for _, id := range ids[:min(named, len(ids))] {
		list = append(list, fmt.Sprintf("#%d", id))
	}
	more := ""
	if n := len(ids) - named; n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	return "replayed together with " + strings.Join(list, ", ") + more
}

// edited is a refused row that was edited, with what became of it.
type edited struct {
	jsonReject
	Outcome string     `json:"outcome,omitempty"`
	TakenBy string     `json:"taken_by,omitempty"`
	Ended   *time.Time `json:"ended,omitempty"`
}

// listEdited lists the refused rows that were edited, and those that were and are none any more.
func (a *app) listEdited(s *state.Store, pipelines []string, x *rejectFilter, asJSON bool) error {
	out := []edited{}
	for _, p := range pipelines {
		err := s.Ended(p, func(r state.Ended) bool {
			if x.Match(&r.Reject) {
				out = append(out, edited{rejectJSON(letter{p, r.Reject}), r.Outcome, r.RunID, jsonTime(r.When)})
			}
			return true
		})
		if err != nil {
			return err
		}
		err = s.Rejects(p, 1, func(r state.Reject) bool {
			if len(r.Edits) > 0 && x.Match(&r) {
				out = append(out, edited{jsonReject: rejectJSON(letter{p, r})})
			}
			return true
		})
		if err != nil {
			return err
		}
	}
	total := len(out)
	if x.limit > 0 && total > x.limit {
		out = out[total-x.limit:]
	}
	if asJSON {
		return printJSON(a.stdout, map[string]any{"edited": out, "total": total})
	}
	rows := [][]string{{"pipeline", "#id", "object", "#row", "edits", "by", "reason", "outcome"}}
	for _, r := range out {
		last := r.Edits[len(r.Edits)-1]
		outcome := "refused still"
		if r.Ended != nil {
			outcome = strings.TrimSpace(r.Outcome + " " + stamp(*r.Ended) + byRun(r.TakenBy))
		}
		rows = append(rows, []string{r.Pipeline, fmt.Sprint(r.ID), r.Object, fmt.Sprint(r.Row), fmt.Sprint(len(r.Edits)), last.By, short(last.Reason, 60), outcome})
	}
	if err := table(a.stdout, rows); err != nil || total <= len(out) {
		return err
	}
	_, err := fmt.Fprintf(a.stderr, "%d of %d shown; --limit shows more\n", len(out), total)
	return err
}
