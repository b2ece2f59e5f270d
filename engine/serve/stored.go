package serve

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"go.uber.org/zap"

	"weir/engine/diag"
	"weir/engine/plan"
	"weir/engine/state"
)

// Names of the notes in which the server keeps what outlives it.
const (
	noteKey        = "digest-key"
	noteGeneration = "generation"
	notePipeline   = "pipeline/" // and the address
)

// stored is what a note keeps of a pipeline: what its state was last made by.
type stored struct {
	Description plan.PipelineDescription `json:"description"`
	Meaning     int                      `json:"meaning"` // see plan.Description
	Generation  uint64                   `json:"generation"`
	Revision    string                   `json:"revision"`
	Removed     bool                     `json:"removed,omitempty"`
}

// remember reads what earlier processes left: the key of digests, which is made
// when there is none, the generation, and the last verdicts.
func (s *Server) remember() error {
	key, err := s.store.Note(noteKey)
	if err != nil {
		return err
	}
	if key == nil {
		key = make([]byte, 32)
		_, _ = rand.Read(key) // never fails
		if err := s.store.PutNotes(state.Note{Name: noteKey, Value: key}); err != nil {
			return err
		}
	}
	s.key = key
	g, err := s.store.Note(noteGeneration)
	if err != nil {
		return err
	}
	if len(g) == 8 {
		s.generation = binary.BigEndian.Uint64(g)
	}
	history, err := s.store.Notes(historyName)
	for _, n := range history {
		v := &Verdict{}
		if json.Unmarshal(n.Value, v) == nil { // one that another version wrote is left out
			s.verdicts = append(s.verdicts, v)
		}
	}
	return err
}

// record keeps what p is now, and the generation. The caller holds mu.
func (s *Server) record(p *pipeline) error {
	return s.write(p, false)
}

// forget keeps that p was removed; what its state was made by stays known.
func (s *Server) forget(p *pipeline) error { return s.write(p, true) }

func (s *Server) write(p *pipeline, removed bool) error {
	if old, err := s.store.Note(notePipeline + p.address); err == nil && sameDescription(old, p, removed) {
		return nil // a start that changes nothing writes nothing
	}
	v, err := json.Marshal(stored{Description: p.desc, Meaning: s.meaning, Generation: p.generation, Revision: p.revision, Removed: removed})
	if err != nil {
		return err
	}
	note := state.Note{Name: notePipeline + p.address, Value: v}
	if s.gathering {
		s.gathered = append(s.gathered, note)
		return nil
	}
	return s.store.PutNotes(note, s.generationNote())
}

func (s *Server) generationNote() state.Note {
	return state.Note{Name: noteGeneration, Value: binary.BigEndian.AppendUint64(nil, s.generation)}
}

// gather calls f and keeps what it has recorded in one write: thousands of pipelines
// that are added together need not wait for the disk one after the other. The caller
// holds mu, so that none of them runs before.
func (s *Server) gather(f func()) {
	s.gathering = true
	f()
	notes := s.gathered
	s.gathering, s.gathered = false, nil
	if len(notes) == 0 {
		return
	}
	if err := s.store.PutNotes(append(notes, s.generationNote())...); err != nil {
		s.log.Error("what is in effect could not be recorded", zap.Int("pipelines", len(notes)), zap.Error(err))
	}
}

func sameDescription(old []byte, p *pipeline, removed bool) bool {
	var o stored
	return old != nil && json.Unmarshal(old, &o) == nil && o.Removed == removed && o.Generation == p.generation && o.Description.Fingerprint == p.desc.Fingerprint
}

// before returns how the stored state of a pipeline came about, nil when there is none.
func (s *Server) before(address string) (*stored, error) {
	v, err := s.store.Note(notePipeline + address)
	if v == nil || err != nil {
		return nil, err
	}
	o := &stored{}
	if err := json.Unmarshal(v, o); err != nil {
		return nil, nil //nolint:nilnil // another version wrote it: nothing is known
	}
	return o, nil
}

// base is a digest of what is in effect, for plans that are applied later.
// The caller holds mu.
func (s *Server) base() string {
	h := sha256.New()
	var list []string
	for a, p := range s.pipes {
		if !p.removed {
			list = append(list, a+"="+p.wanted().Fingerprint.String())
		}
	}
	slices.Sort(list)
	for _, x := range list {
		h.Write([]byte(x + "\n"))
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// contradicts reports that a reload would not do what was planned. The caller holds mu.
func (s *Server) contradicts(p *Planned, revision string, actions []plan.Action) *diag.Diagnostic {
	stale := func(detail string, args ...any) *diag.Diagnostic {
		d := diag.Errorf("serve.plan_stale", nil, "The plan does not fit any more", detail+" Nothing was changed. Make a new plan with weir plan.", args...)
		return &d
	}
	if b := s.base(); b != p.Base {
		return stale("It was made for what was in effect in generation %d (%s); now it is generation %d (%s).", p.Generation, p.Base, s.generation, b)
	}
	if revision != p.Revision {
		return stale("It was made for revision %s of the folder, which is at revision %s now.", p.Revision, revision)
	}
	have, want := summary(actions), summary(p.Actions)
	if have != want {
		return stale("It says %s; a reload would now do %s.", want, have)
	}
	return nil
}

func summary(actions []plan.Action) string {
	var out []string
	for i := range actions {
		if a := &actions[i]; a.Kind != plan.Keep {
			out = append(out, string(a.Kind)+" "+a.Pipeline)
		}
	}
	slices.Sort(out)
	if len(out) == 0 {
		return "nothing"
	}
	return strings.Join(out, ", ")
}

// refused reports that an action would orphan or re-key stored state, and that
// nobody said what is to become of it. The caller holds mu.
func (s *Server) refused(d *Done, t *target, answer string) bool {
	s.sinceStored(d, t)
	broken := s.breaks(&d.Action)
	if len(broken) == 0 {
		return false
	}
	if t != nil && (answer != "" || t.plan.State != "") {
		return false
	}
	d.Outcome = ActionRefused
	for _, e := range broken {
		d.diags = append(d.diags, diag.Errorf("serve.state", e.Range, d.Pipeline+" would lose what it knows: "+e.Text,
			"%sSay what is to become of it: state = \"keep\" in the pipeline uses it on as it is, \"rebuild\" drops it and reads everything again, \"fork\" begins anew and leaves it aside until it is pruned. Until then the pipeline runs on as it was.",
			s.counted(e)))
	}
	return true
}

// sinceStored adds to a pipeline that is new in this process what has changed
// since its state was stored.
func (s *Server) sinceStored(d *Done, t *target) {
	if d.Kind != plan.Add || d.From != "" || t == nil {
		return
	}
	o, err := s.before(d.Pipeline)
	if err != nil || o == nil {
		return
	}
	was := plan.Description{Meaning: o.Meaning, Pipelines: []plan.PipelineDescription{o.Description}}
	is := plan.Description{Meaning: s.meaning, Pipelines: []plan.PipelineDescription{t.desc}}
	for _, a := range plan.Difference(was, is) {
		d.Effects = append(d.Effects, a.Effects...)
	}
}

// breaks returns the effects that break state which is there.
func (s *Server) breaks(a *plan.Action) []plan.Effect {
	var out []plan.Effect
	for _, e := range a.Effects {
		if e.Breaks && s.count(e) > 0 {
			out = append(out, e)
		}
	}
	return out
}

// counted says how much an effect concerns, as a sentence.
func (s *Server) counted(e plan.Effect) string {
	n := s.count(e)
	switch {
	case e.Space != "":
		return fmt.Sprintf("%d keys are stored in %s. ", n, e.Space)
	case e.Source != "":
		return fmt.Sprintf("%d files are in the ledger of %s. ", n, e.Source)
	}
	return fmt.Sprintf("%d runs are recorded. ", n)
}

// count returns how many keys, files or runs an effect concerns.
func (s *Server) count(e plan.Effect) int {
	switch {
	case e.Space != "":
		n, err := s.store.CountSpace(e.Space)
		if err != nil {
			s.log.Sugar().Warnf("the keys of %s cannot be counted: %v", e.Space, err)
			return 1 // rather ask once too often
		}
		return n
	case e.Source != "":
		list, err := s.store.Files(e.Pipeline, false)
		if err != nil {
			return 1
		}
		n := 0
		for _, f := range list {
			if f.Source == e.Source && strings.HasPrefix(f.Path, e.Prefix) && (!e.Unfinished || f.State == state.FileReading) {
				n++
			}
		}
		return n
	}
	runs, err := s.store.Runs(e.Pipeline, 1)
	if err != nil {
		return 1
	}
	return len(runs)
}

// answer does with stored state what the pipeline, or who asked for the reload,
// says is to become of it. No run of the pipeline is active. The caller holds mu.
func (s *Server) answer(d *Done, t *target, answer string) error {
	broken := s.breaks(&d.Action)
	if len(broken) == 0 {
		return nil
	}
	if answer == "" {
		answer = t.plan.State
	}
	switch answer {
	case "keep":
		return s.store.Keep(d.From, d.Pipeline, renames(d, t))
	case "rebuild":
		return s.store.Rebuild(d.Pipeline, spacesOf(broken))
	case "fork":
		return s.store.Fork(d.Pipeline, s.generation, spacesOf(broken))
	}
	return fmt.Errorf("state cannot be %q", answer)
}

// spacesOf lists the spaces of keys that effects are about.
func spacesOf(list []plan.Effect) []string {
	var out []string
	for _, e := range list {
		if e.Space != "" && !slices.Contains(out, e.Space) {
			out = append(out, e.Space)
		}
	}
	return out
}

// renames maps spaces that nothing looks at any more to those of the steps that
// take their place: a step of the same kind that is new in the pipeline.
func renames(d *Done, t *target) map[string]string {
	out := map[string]string{}
	for _, e := range d.Effects {
		if e.Kind != plan.KeysOrphaned || e.Space == "" {
			continue
		}
		for i := range t.desc.Shape.Steps {
			st := &t.desc.Shape.Steps[i]
			kind, _, _ := strings.Cut(e.Step, ".")
			if st.Kind == kind && st.Space != "" && st.Space != e.Space && st.Entity == "" {
				out[e.Space] = st.Space
			}
		}
	}
	return out
}
