package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// Effects tells what becomes of the state that was stored by a pipeline of the
// old shape when one of the new shape takes over under the same address. The
// old shape may come from the store, where a shape is kept as JSON.
func Effects(address string, old, updated Shape) []Effect {
	e := &effects{address: address}
	e.sources(old.Sources, updated.Sources)
	e.steps(old.Steps, updated.Steps)
	for i := range updated.Sinks {
		s := &updated.Sinks[i]
		j := slices.IndexFunc(old.Sinks, func(o SinkShape) bool { return o.Step == s.Step })
		if j >= 0 {
			e.backfill(&old.Sinks[j], s)
		}
	}
	return e.out
}

// effects gathers the effects on one pipeline.
type effects struct {
	address string
	out     []Effect
}

func (e *effects) add(x Effect) {
	x.Pipeline = e.address
	e.out = append(e.out, x)
}

func (e *effects) sources(old, updated []SourceShape) {
	var fresh []*SourceShape
	for i := range updated {
		s := &updated[i]
		j := slices.IndexFunc(old, func(o SourceShape) bool { return o.Step == s.Step })
		if j < 0 {
			fresh = append(fresh, s)
			continue
		}
		e.source(&old[j], s)
	}
	for i := range old {
		o := &old[i]
		if slices.ContainsFunc(updated, func(s SourceShape) bool { return s.Step == o.Step }) {
			continue
		}
		x := Effect{Step: o.Step, Kind: CursorInvalid, Breaks: true, Source: o.Step, Range: o.header,
			Text: o.Step + " is gone: its cursor and its file ledger stay until they are pruned, and are not used"}
		j := slices.IndexFunc(fresh, func(s *SourceShape) bool { return s.Type == o.Type && s.Location == o.Location && s.Path == o.Path })
		if j >= 0 {
			x.Range = fresh[j].header
			x.Text = fmt.Sprintf("%s is called %s now: its cursor and its file ledger are stored under the former name, so every file is read again", o.Step, fresh[j].Step)
			fresh = slices.Delete(fresh, j, j+1)
		}
		e.add(x)
	}
}

func (e *effects) source(o, s *SourceShape) {
	kept := true
	if o.Type != s.Type || o.Location != s.Location {
		kept = false
		e.add(Effect{Step: s.Step, Kind: CursorInvalid, Breaks: true, Source: o.Step, Prefix: literalPrefix(o.Path), Range: s.location,
			Text: fmt.Sprintf("%s reads from %s instead of %s: its cursor and the file ledger of %s are about files of the old place", s.Step, place(s), place(o), s.Step)})
	}
	if o.Path != s.Path {
		e.add(Effect{Step: s.Step, Kind: PathChanged, Source: o.Step, Prefix: literalPrefix(o.Path), Range: s.path,
			Text: fmt.Sprintf("%s looks for %s instead of %s: files that no longer match are left where they are, also one that is read in part; what was read stays in the ledger", s.Step, s.Path, o.Path)})
	}
	if word, _, _ := strings.Cut(s.After, " "); o.After != s.After && (word == "delete" || word == "move") {
		what := map[string]string{"delete": "deleted", "move": "moved"}[word]
		e.add(Effect{Step: s.Step, Kind: AfterChanged, Source: o.Step, Prefix: literalPrefix(s.Path), Range: s.after,
			Text: fmt.Sprintf("%s: files that were read before and still match are %s at the next run", s.Step, what)})
	}
	if changed := framingChanges(o, s); len(changed) > 0 {
		kept = false
		e.add(Effect{Step: s.Step, Kind: PositionUncertain, Breaks: true, Unfinished: true, Source: o.Step, Range: framingRange(s, changed),
			Text: fmt.Sprintf("%s: %s changed, so the place up to which a file was committed that is read in part may mean another row", s.Decoder, strings.Join(changed, ", "))})
	}
	if kept {
		e.add(Effect{Step: s.Step, Kind: CursorKept, Source: o.Step, Range: s.header, Text: s.Step + ": reading goes on at its cursor; files in its ledger are not read again"})
	}
}

func place(s *SourceShape) string {
	if s.Location == "" {
		return s.Type
	}
	return s.Location
}

// literalPrefix returns what every path that a pattern selects begins with.
func literalPrefix(pattern string) string {
	if i := strings.IndexAny(pattern, `*?[{\`); i >= 0 {
		pattern = pattern[:i]
		return pattern[:strings.LastIndexByte(pattern, '/')+1]
	}
	return pattern
}

// framingChanges names what decides the places of rows and is not the same.
func framingChanges(o, s *SourceShape) []string {
	if o.Decoder == "" || s.Decoder == "" {
		return nil
	}
	if o.Format != s.Format {
		return []string{"the format"}
	}
	var out []string
	for i := range s.Framing {
		n := &s.Framing[i]
		j := slices.IndexFunc(o.Framing, func(m Setting) bool { return m.Name == n.Name })
		if j < 0 || o.Framing[j].Digest != n.Digest {
			out = append(out, n.Name)
		}
	}
	for i := range o.Framing {
		if !slices.ContainsFunc(s.Framing, func(n Setting) bool { return n.Name == o.Framing[i].Name }) {
			out = append(out, o.Framing[i].Name)
		}
	}
	return out
}

func framingRange(s *SourceShape, changed []string) *hcl.Range {
	for i := range s.Framing {
		if s.Framing[i].Name == changed[0] && s.Framing[i].Range != nil {
			return s.Framing[i].Range
		}
	}
	return s.header
}

func (e *effects) steps(old, updated []StepShape) {
	var fresh []*StepShape
	for i := range updated {
		s := &updated[i]
		j := slices.IndexFunc(old, func(o StepShape) bool { return o.Step == s.Step && o.Kind == s.Kind })
		switch {
		case j < 0:
			fresh = append(fresh, s)
		case s.Kind == "group":
			e.group(&old[j], s)
		default:
			e.dedupe(&old[j], s)
		}
	}
	for i := range old {
		o := &old[i]
		if o.Space == "" || slices.ContainsFunc(updated, func(s StepShape) bool { return s.Step == o.Step && s.Kind == o.Kind }) {
			continue
		}
		j := slices.IndexFunc(fresh, func(s *StepShape) bool { return s.Entity == o.Entity && sameKeys(o.Keys, s.Keys) })
		if j < 0 {
			e.gone(o, nil)
			continue
		}
		e.gone(o, fresh[j])
		fresh = slices.Delete(fresh, j, j+1)
	}
}

func sameKeys(a, b []Key) bool {
	return slices.EqualFunc(a, b, func(x, y Key) bool { return x.Name == y.Name && x.Digest == y.Digest })
}

// gone tells what becomes of the keys of a step that is not there any more, or
// has another name.
func (e *effects) gone(o, s *StepShape) {
	x := Effect{Step: o.Step, Kind: KeysOrphaned, Breaks: true, Space: o.Space, Range: o.header,
		Text: o.Step + " is gone: its keys stay until they are pruned, and are not looked at"}
	if o.Entity != "" {
		x.Space = o.Own
		x.Text = fmt.Sprintf("%s is gone: what it let pass is not looked at any more; the keys of entity.%s stay", o.Step, o.Entity)
	}
	if s != nil {
		x.Range = s.header
		x.Text = fmt.Sprintf("%s is called %s now: its keys are stored under the former name, so every row counts as new", o.Step, s.Step)
		if o.Entity != "" {
			x.Text = fmt.Sprintf("%s is called %s now: which rows it let pass is stored under the former name, so known ones pass once more; the keys of entity.%s stay valid", o.Step, s.Step, o.Entity)
		}
	}
	e.add(x)
}

func (e *effects) group(o, s *StepShape) {
	if o.Within == s.Within && slices.EqualFunc(o.Keys, s.Keys, func(a, b Key) bool { return a.Digest == b.Digest }) {
		return
	}
	var rng *hcl.Range
	for i := range s.Keys {
		if i >= len(o.Keys) || o.Keys[i].Digest != s.Keys[i].Digest {
			rng = s.Keys[i].rng
			break
		}
	}
	text := s.Step + ": by changed"
	if o.Within != s.Within {
		text = s.Step + ": within changed"
	}
	e.add(Effect{Step: s.Step, Kind: GroupChanged, Range: firstRange(rng, s.header),
		Text: text + ", so rows are put together in another way; a file that is read in part goes on with the first row that was not yet part of a committed group"})
}

func (e *effects) backfill(o, s *SinkShape) {
	var missing []string
	for _, f := range s.Fields {
		if !slices.Contains(o.Fields, f) {
			missing = append(missing, f)
		}
	}
	if len(missing) > 0 {
		e.add(Effect{Step: s.Step, Kind: BackfillSuggested, Range: s.header,
			Text: fmt.Sprintf("%s: rows delivered before lack %s; only reading the files again delivers them again (weir files retry)", s.Step, strings.Join(missing, ", "))})
	}
}

// renameEffects tells what becomes of the state of a pipeline that has another address now.
func renameEffects(from, q *PipelineDescription) []Effect {
	e := &effects{address: from.Address}
	e.add(Effect{Kind: PipelineRenamed, Breaks: true, Range: q.Header,
		Text: fmt.Sprintf("what is stored for %s (cursors, file ledger, keys of its own) is under that address: as %s the pipeline begins anew", from.Address, q.Address)})
	for i := range q.Shape.Steps {
		s := &q.Shape.Steps[i]
		if s.Entity == "" || i >= len(from.Shape.Steps) {
			continue
		}
		o := &from.Shape.Steps[i]
		if o.Space != s.Space {
			e.add(orphaned(o, s))
			continue
		}
		e.add(Effect{Step: s.Step, Kind: KeysValid, Space: s.Space, Range: s.header, Text: fmt.Sprintf("%s: the keys of entity.%s stay valid", s.Step, s.Entity)})
	}
	return e.out
}
