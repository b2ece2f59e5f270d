package serve

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"weir/engine/diag"
	"weir/engine/plan"
	"weir/engine/state"
)

// The outcomes of a reload.
const (
	Applied   = "applied"   // everything that changed is in effect
	Partial   = "partial"   // some pipelines keep what they had: they, or what they need, have errors
	Rejected  = "rejected"  // nothing changed
	Unchanged = "unchanged" // there was nothing to change
)

// The outcomes of an action.
const (
	ActionDone    = "done"
	ActionRefused = "refused" // it would break stored state, or the plan asked for was another
	ActionFailed  = "failed"  // the new source or sink cannot be opened; the old pipeline runs on
	ActionFenced  = "fenced"  // done, and a run that did not stop was left behind
	ActionLater   = "later"   // an operation on the pipeline is under way; it is done after that, with a verdict of its own
)

// Request is a wish to reload.
type Request struct {
	Trigger string // start, notify, rescan, poll, signal, api, retry; later for what an operation held up
	// State answers for all pipelines what becomes of stored state that a change
	// would break: keep, rebuild or fork; "" leaves it to each pipeline's own attribute.
	State string
	// Plan, when not nil, is what the reload must come to: anything else is refused.
	Plan *Planned
}

// Planned is what a reload would do, as weir plan --out writes it.
type Planned struct {
	Base       string        `json:"base"`     // digest of what is in effect
	Revision   string        `json:"revision"` // of the folder
	Generation uint64        `json:"generation"`
	Actions    []plan.Action `json:"actions"`
}

// Verdict is the outcome of a reload.
type Verdict struct {
	ID          uint64                `json:"id"`
	Trigger     string                `json:"trigger"`
	Outcome     string                `json:"outcome"`
	Revision    string                `json:"revision"`   // of the folder as it was read
	Generation  uint64                `json:"generation"` // in effect afterwards
	At          time.Time             `json:"at"`
	Took        time.Duration         `json:"-"`
	Seconds     float64               `json:"seconds"`
	Actions     []Done                `json:"actions"`           // without those that keep
	Kept        int                   `json:"kept"`              // pipelines that did not change
	Omitted     int                   `json:"omitted,omitempty"` // actions that the history leaves out, as there were so many
	Diagnostics []diag.JSONDiagnostic `json:"diagnostics"`

	diags   diag.List
	sources map[string][]byte
}

// Done is an action with what came of it.
type Done struct {
	plan.Action
	Outcome     string                `json:"outcome"`
	Seconds     float64               `json:"seconds"`
	Diagnostics []diag.JSONDiagnostic `json:"diagnostics,omitempty"`
	Stored      string                `json:"stored,omitempty"` // what was done with what is stored, for people
	Left        string                `json:"left,omitempty"`   // where the run hangs that was left behind

	diags diag.List
}

// Problems returns the diagnostics of the configuration and of all actions, with
// the files to print them with. Verdicts of the history, and those of events, have them
// in JSON alone, which leaves out what is too much.
func (v *Verdict) Problems() (diag.List, map[string][]byte) {
	out := slices.Clone(v.diags)
	for i := range v.Actions {
		out = append(out, v.Actions[i].diags...)
	}
	return out, v.sources
}

// OK reports whether everything that was asked for is in effect.
func (v *Verdict) OK() bool { return v.Outcome == Applied || v.Outcome == Unchanged }

func (v *Verdict) reject(ds diag.List) {
	v.Outcome = Rejected
	v.diags = append(v.diags, ds...)
}

// end fills in what is known only at the end.
func (v *Verdict) end(now time.Time) {
	v.Took = now.Sub(v.At)
	v.Seconds = v.Took.Seconds()
	v.Diagnostics = diag.ToJSON(v.diags.Bounded(toldProblems, toldBytes))
	done, later, other, left := 0, 0, v.diags.HasErrors(), toldBytes
	for i := range v.Actions {
		a := &v.Actions[i]
		a.Diagnostics = told(a.diags, &left)
		switch a.Outcome {
		case ActionDone, ActionFenced:
			done++
		case ActionLater:
			later++
		default:
			other = true
		}
	}
	switch {
	case v.Outcome != "":
	case other && done+later == 0:
		v.Outcome = Rejected
	case other || later > 0:
		v.Outcome = Partial
	case done == 0:
		v.Outcome = Unchanged
	default:
		v.Outcome = Applied
	}
}

// newVerdict begins a verdict; it gets its number with its end.
func (s *Server) newVerdict(r Request) *Verdict {
	return &Verdict{Trigger: r.Trigger, At: s.clock.Now(), Actions: []Done{}}
}

// keep writes a verdict to the history, the log and whoever listens.
func (s *Server) keep(v *Verdict) {
	s.mu.Lock()
	v.Generation = s.generation
	v.ID = 1
	if n := len(s.verdicts); n > 0 {
		v.ID = s.verdicts[n-1].ID + 1
	}
	is, text, gone, err := s.archive(v)
	s.measure(v)
	s.tell(Event{Kind: Reloaded, Generation: v.Generation, Verdict: is.Verdict})
	lost := s.takenOver != nil
	s.mu.Unlock()
	for i := range v.Actions {
		a := &v.Actions[i]
		s.log.Info("action", zap.String("pipeline", a.Pipeline), zap.String("action", string(a.Kind)), zap.String("outcome", a.Outcome),
			zap.Uint64("generation", v.Generation), zap.Uint64("reload", v.ID), zap.String("reason", a.Why()), a.storedField(), zap.Float64("seconds", a.Seconds))
	}
	s.log.Info("reload", zap.Uint64("reload", v.ID), zap.String("trigger", v.Trigger), zap.String("outcome", v.Outcome), zap.String("revision", v.Revision),
		zap.Uint64("generation", v.Generation), zap.Int("actions", len(v.Actions)), zap.Int("kept", v.Kept), zap.Int("diagnostics", len(v.diags)), zap.Duration("took", v.Took))
	ds, _ := v.Problems()
	for _, d := range ds.Bounded(toldProblems, toldBytes) {
		s.log.Warn(d.Summary, zap.Uint64("reload", v.ID), zap.String("code", string(d.Code)), zap.Stringer("severity", d.Severity), zap.Stringp("at", place(d)), zap.String("detail", d.Detail))
	}
	if lost {
		return // nothing can be kept
	}
	if v.Outcome != Unchanged || v.Trigger == "start" || v.Trigger == "api" { // a rescan that found nothing is no news tomorrow
		gone = append(gone, state.Note{Name: verdictName(v.ID), Value: text})
	}
	if err == nil && len(gone) > 0 {
		err = s.store.PutNotes(gone...)
	}
	if err != nil {
		s.log.Error("the verdict of a reload could not be kept", zap.Uint64("reload", v.ID), zap.Error(err))
	}
}

// place returns where a diagnostic points, nil for nowhere.
func place(d diag.Diagnostic) *string {
	if d.Subject == nil {
		return nil
	}
	at := fmt.Sprintf("%s:%d:%d", d.Subject.Filename, d.Subject.Start.Line, d.Subject.Start.Column)
	return &at
}

// Why returns the reasons of an action in one line.
func (d *Done) Why() string {
	out := make([]string, len(d.Reasons))
	for i := range d.Reasons {
		out[i] = d.Reasons[i].Text
	}
	return strings.Join(out, "; ")
}

// storedField is what was done with stored state, for the log.
func (d *Done) storedField() zap.Field {
	if d.Stored == "" {
		return zap.Skip()
	}
	return zap.String("stored", d.Stored)
}
