package serve

import (
	"encoding/json"
	"fmt"
	"slices"

	"go.uber.org/zap"

	"weir/engine/diag"
	"weir/engine/state"
)

// historyName is the prefix of the notes that hold verdicts.
const historyName = "reload/"

// The history is bounded by the number of verdicts and by what they take together. The
// last one is always there, which has at most pastBytes.
const (
	keptVerdicts = 500
	keptBytes    = 4 << 20
	pastBytes    = 256 << 10
)

// What a verdict tells of problems is bounded, too: of the configuration and, together,
// of all its actions. Who asked gets no more than that; weir validate tells everything.
const (
	toldProblems = 100
	toldBytes    = 64 << 10
)

func verdictName(id uint64) string { return fmt.Sprintf("%s%020d", historyName, id) }

// past is a verdict as the history has it, with its size in JSON.
type past struct {
	*Verdict
	size int
}

// past returns v as the history has it, and its JSON. The files and the ranges as the plan
// has them are left out, as each would keep the whole plan in memory.
func (v *Verdict) past() (past, []byte, error) {
	out := *v
	out.diags, out.sources = nil, nil
	out.Actions = slices.Clone(v.Actions)
	for i := range out.Actions {
		a := &out.Actions[i]
		a.diags, a.Reasons, a.Effects = nil, slices.Clone(a.Reasons), slices.Clone(a.Effects)
		for k := range a.Reasons {
			r := &a.Reasons[k]
			if r.Range != nil {
				r.At, r.Range = diag.RangeJSON(r.Range), nil
			}
		}
		for k := range a.Effects {
			e := &a.Effects[k]
			if e.Range != nil {
				e.At, e.Range = diag.RangeJSON(e.Range), nil
			}
		}
	}
	b, err := json.Marshal(&out)
	for err == nil && len(b) > pastBytes && len(out.Actions) > 0 {
		// Half as many take about half as much: that they are as many as fit does not matter.
		n := len(out.Actions) / 2
		out.Omitted += len(out.Actions) - n
		out.Actions = slices.Clip(out.Actions[:n])
		b, err = json.Marshal(&out)
	}
	return past{&out, len(b)}, b, err
}

// shorten makes what v, of the history of an earlier version, tells of problems as short
// as a verdict of this one.
func (v *Verdict) shorten() {
	left := toldBytes
	v.Diagnostics = diag.ToJSON(diag.FromJSON(v.Diagnostics).Bounded(toldProblems, toldBytes))
	for i := range v.Actions {
		a := &v.Actions[i]
		if len(a.Diagnostics) > 0 {
			a.Diagnostics = told(diag.FromJSON(a.Diagnostics), &left)
		}
	}
}

// told returns what a verdict tells of the problems of one of its actions, of all of which
// it has so many bytes left.
func told(ds diag.List, left *int) []diag.JSONDiagnostic {
	out := diag.ToJSON(ds.Bounded(toldProblems, *left))
	for i := range out {
		*left = max(0, *left-len(out[i].Summary)-len(out[i].Detail)-300)
	}
	return out
}

// surplus returns how many of the oldest verdicts are to go.
func surplus(sizes []int) int {
	total := 0
	for i, n := range slices.Backward(sizes) {
		total += n
		if kept := len(sizes) - i; kept > keptVerdicts || total > keptBytes && kept > 1 {
			return i + 1
		}
	}
	return 0
}

// archive adds v to the history in memory, and returns what is to be written of it and which
// ones go because of it. The caller holds mu.
func (s *Server) archive(v *Verdict) (is past, text []byte, gone []state.Note, err error) {
	is, text, err = v.past()
	s.verdicts = append(s.verdicts, is)
	sizes := make([]int, len(s.verdicts))
	for i, x := range s.verdicts {
		sizes[i] = x.size
	}
	n := surplus(sizes)
	for _, x := range s.verdicts[:n] {
		gone = append(gone, state.Note{Name: verdictName(x.ID)})
	}
	if n > 0 {
		s.verdicts = slices.Clone(s.verdicts[n:])
	}
	return is, text, gone, err
}

// rememberVerdicts reads the history that earlier processes left. What is more than is
// to be kept is removed, and what is too long is written anew.
func (s *Server) rememberVerdicts() error {
	var names []string
	var sizes []int
	err := s.store.EachNote(historyName, func(name string, value []byte) bool {
		names, sizes = append(names, name), append(sizes, min(len(value), pastBytes))
		return true
	})
	if err != nil {
		return err
	}
	n := surplus(sizes)
	changed := make([]state.Note, 0, n)
	for _, name := range names[:n] {
		changed = append(changed, state.Note{Name: name})
	}
	for _, name := range names[n:] {
		b, err := s.store.Note(name)
		if err != nil {
			return err
		}
		v := &Verdict{}
		if json.Unmarshal(b, v) != nil {
			continue // another version wrote it
		}
		if len(b) > pastBytes {
			v.shorten()
		}
		is, text, err := v.past()
		if err != nil {
			continue
		}
		if s.verdicts = append(s.verdicts, is); len(text) < len(b)/2 {
			changed = append(changed, state.Note{Name: name, Value: text})
		}
	}
	if len(changed) == 0 {
		return nil
	}
	if err := s.store.PutNotes(changed...); err != nil {
		s.log.Error("the history of reloads could not be shortened", zap.Error(err))
	}
	return nil
}

// Verdicts returns the last n verdicts, also those of earlier processes, the latest first.
// Old ones go when there are many, or when they take much.
func (s *Server) Verdicts(n int) []*Verdict {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []*Verdict
	for i := len(s.verdicts) - 1; i >= 0 && len(out) < n; i-- {
		out = append(out, s.verdicts[i].Verdict)
	}
	return out
}

// History returns the last n verdicts that a store keeps, the latest first, for
// looking at it while nothing is served. Those that another version wrote in
// another form are left out.
func History(store *state.Store, n int) ([]*Verdict, error) {
	var names []string
	err := store.EachNote(historyName, func(name string, _ []byte) bool {
		names = append(names, name)
		return true
	})
	if err != nil {
		return nil, err
	}
	out := []*Verdict{}
	for i := len(names) - 1; i >= 0 && len(out) < n; i-- {
		b, err := store.Note(names[i])
		if err != nil {
			return nil, err
		}
		v := &Verdict{}
		if json.Unmarshal(b, v) == nil {
			v.shorten()
			out = append(out, v)
		}
	}
	return out, nil
}
