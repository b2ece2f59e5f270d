// Package lineage knows how the stored state of a pipeline came about, and keeps a
// change of the configuration from orphaning or re-keying it silently (I8).
//
// With the state of each pipeline goes a [Record]: the description of what made it.
// Before a pipeline runs as something else, [Book.Judge] tells what would break and
// is there, as diagnostics with numbers; state = "keep", "rebuild" or "fork" answers them, and
// [Book.Answer] does it. What runs once and what is served both go through here.
package lineage

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"strings"

	"go.uber.org/zap"

	"weir/engine/diag"
	"weir/engine/plan"
	"weir/engine/state"
)

// The answers to what is to become of stored state.
const (
	Keep    = "keep"    // it is used on as it is
	Rebuild = "rebuild" // it is dropped, and everything is read again
	Fork    = "fork"    // it is laid aside until somebody drops it, and everything is read again
)

// ValidAnswer reports whether s is an answer, or none.
func ValidAnswer(s string) bool { return s == "" || s == Keep || s == Rebuild || s == Fork }

// Names of the notes.
const (
	noteKey        = "digest-key"
	noteGeneration = "generation"
	notePipeline   = "pipeline/" // and the address
)

// Record is what is kept of a pipeline: what its state was last made by. Generation
// and Revision are those that first had it so.
type Record struct {
	Description plan.PipelineDescription `json:"description"`
	Meaning     int                      `json:"meaning"` // see plan.Description
	Generation  uint64                   `json:"generation"`
	Revision    string                   `json:"revision"`
	Removed     bool                     `json:"removed,omitempty"` // it is not in the configuration any more
}

// Book reads and writes the records in a store. It is safe for concurrent use on
// different pipelines.
type Book struct {
	store *state.Store
	log   *zap.Logger

	encoder encoder

	together   bool // writes are gathered, see Together
	notes      []state.Note
	size       int    // of notes, in bytes
	generation uint64 // that is recorded, as far as is known
}

// Open returns the book of a store, which stays the caller's.
func Open(s *state.Store, log *zap.Logger) *Book { return &Book{store: s, log: log} }

// Key returns the key of the digests in descriptions, see plan.Describe. It is
// made when there is none, and stays the same: descriptions are compared with those
// of earlier processes.
func (b *Book) Key() ([]byte, error) {
	key, err := b.store.Note(noteKey)
	if err != nil || key != nil {
		return key, err
	}
	key = make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return key, b.store.PutNotes(state.Note{Name: noteKey, Value: key})
}

// Generation returns the latest generation that was recorded, 0 when none was.
func (b *Book) Generation() (uint64, error) {
	g, err := b.store.Note(noteGeneration)
	if err != nil || len(g) != 8 {
		return 0, err
	}
	b.generation = binary.BigEndian.Uint64(g)
	return b.generation, nil
}

// Record returns how the stored state of a pipeline came about, nil when that is not known.
func (b *Book) Record(address string) (*Record, error) {
	v, err := b.store.Note(notePipeline + address)
	if v == nil || err != nil {
		return nil, err
	}
	r, ok := decode(v)
	if !ok {
		return nil, nil //nolint:nilnil // another version wrote it: nothing is known
	}
	return r, nil
}

// Present calls f with the records of the pipelines that were not removed.
func (b *Book) Present(f func(*Record)) error {
	return b.scan(func(string) bool { return true }, func(r *Record) {
		if !r.Removed {
			f(r)
		}
	})
}

// Orphans describes pipelines that are not present: they were taken out, or have
// another name now.
func (b *Book) Orphans(present func(address string) bool) ([]plan.PipelineDescription, error) {
	var out []plan.PipelineDescription
	err := b.scan(func(a string) bool { return !present(a) }, func(r *Record) { out = append(out, r.Description) })
	return out, err
}

// scan calls f with the records of the pipelines that are wanted.
func (b *Book) scan(wanted func(address string) bool, f func(*Record)) error {
	notes, err := b.store.Notes(notePipeline)
	for _, n := range notes {
		if !wanted(strings.TrimPrefix(n.Name, notePipeline)) {
			continue
		}
		if r, ok := decode(n.Value); ok {
			f(r)
		}
	}
	return err
}

// Write keeps r, and with it the generation that is the latest; a record that says
// nothing new is not written.
func (b *Book) Write(r *Record, generation uint64) error {
	address := r.Description.Address
	if old, err := b.head(address); err == nil && old != nil && old.Removed == r.Removed && old.Fingerprint == r.Description.Fingerprint {
		return nil
	}
	v, err := b.encoder.encode(r)
	if err != nil {
		return err
	}
	note := state.Note{Name: notePipeline + address, Value: v}
	if !b.together {
		return b.put(generation, note)
	}
	b.notes = append(b.notes, note)
	if b.size += len(v); b.size < gathered {
		return nil
	}
	return b.flush(generation)
}

// gathered is how many bytes of records are written together: one write of all
// would be in memory several times over.
const gathered = 1 << 20

// put writes notes, and the generation.
func (b *Book) put(generation uint64, notes ...state.Note) error {
	if err := b.store.PutNotes(append(notes, state.Note{Name: noteGeneration, Value: binary.BigEndian.AppendUint64(nil, generation)})...); err != nil {
		return err
	}
	b.generation = generation
	return nil
}

// flush writes what was gathered.
func (b *Book) flush(generation uint64) error {
	notes := b.notes
	b.notes, b.size = nil, 0
	return b.put(generation, notes...)
}

// Together calls f and makes what it has written durable in few writes, with the
// generation that is the latest then. Nobody else writes meanwhile.
func (b *Book) Together(f func(), generation func() uint64) error {
	b.together = true
	f()
	b.together = false
	if g := generation(); len(b.notes) > 0 || g != b.generation {
		return b.flush(g)
	}
	return nil
}

// Forget drops the record of a pipeline whose state is gone.
func (b *Book) Forget(address string) error {
	return b.store.PutNotes(state.Note{Name: notePipeline + address})
}

// Since adds to an action that begins a pipeline in this process what has changed
// since its state was stored. orphans are descriptions of Orphans: one with the same
// steps is taken for the pipeline under its former name.
func (b *Book) Since(a *plan.Action, is *plan.PipelineDescription, meaning int, orphans []plan.PipelineDescription) error {
	if a.Kind != plan.Add || a.From != "" {
		return nil
	}
	if h, err := b.head(is.Address); err == nil && h != nil && h.Meaning == meaning && h.Fingerprint == is.Fingerprint {
		return nil
	}
	r, err := b.Record(is.Address)
	if err != nil {
		return err
	}
	was := plan.Description{Meaning: meaning, Pipelines: orphans}
	if r != nil {
		was = plan.Description{Meaning: r.Meaning, Pipelines: []plan.PipelineDescription{r.Description}}
	}
	for _, x := range plan.Difference(was, plan.Description{Meaning: meaning, Pipelines: []plan.PipelineDescription{*is}}) {
		if x.Pipeline == is.Address {
			a.From, a.Effects = x.From, append(a.Effects, x.Effects...)
		}
	}
	return nil
}

// Judge returns why an action is refused: it breaks state that is there, and answer
// does not say what is to become of that. otherwise tells what the pipeline does until then.
func (b *Book) Judge(a *plan.Action, answer, otherwise string) diag.List {
	broken := b.broken(a)
	if len(broken) == 0 || answer != "" {
		return nil
	}
	var ds diag.List
	for i := range broken {
		e := &broken[i]
		ds = append(ds, diag.Errorf("serve.state", e.Range, a.Pipeline+" would lose what it knows: "+e.Text,
			"%sSay what is to become of it: state = \"keep\" in the pipeline uses it on as it is%s, \"rebuild\" drops it and reads everything again, \"fork\" begins anew and leaves it aside until it is pruned. Until then %s.",
			b.counted(e), kept(e), otherwise))
	}
	return ds
}

// kept says what keeping means where it may surprise.
func kept(e *plan.Effect) string {
	if e.Kind == plan.CursorInvalid && e.Source != "" {
		return " (files that look the same by path, size and time count as read)"
	}
	return ""
}

// broken returns the effects that break state which is there.
func (b *Book) broken(a *plan.Action) []plan.Effect {
	var out []plan.Effect
	for _, e := range a.Effects {
		if e.Breaks && b.Count(&e) > 0 {
			out = append(out, e)
		}
	}
	return out
}

// counted says how much an effect concerns, as a sentence.
func (b *Book) counted(e *plan.Effect) string {
	if e.Space != "" {
		return b.inSpace(e.Space) + " stored in " + e.Space + ". "
	}
	n := b.Count(e)
	switch {
	case e.Source != "":
		return number(n, "file is", "files are") + " in the ledger of " + e.Source + ". "
	}
	return number(n, "run is", "runs are") + " recorded. "
}

func number(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

// Count returns how many keys, files or runs an effect concerns.
func (b *Book) Count(e *plan.Effect) int {
	n, err := b.countIn(e)
	if err != nil {
		b.log.Warn("what is stored cannot be counted", zap.String("pipeline", e.Pipeline), zap.Error(err))
		return 1 // rather ask once too often
	}
	return n
}

func (b *Book) countIn(e *plan.Effect) (n int, err error) {
	switch {
	case e.Space != "":
		if c, err := b.CountSpace(e.Space); c.Keys > 0 || err != nil {
			return c.Keys, err
		}
		return b.store.CountSpace(e.Space) // of what is kept there of entities
	case e.Source != "":
		list, err := b.store.Files(e.Pipeline, false)
		for _, f := range list {
			if f.Source == e.Source && strings.HasPrefix(f.Path, e.Prefix) && (!e.Unfinished || f.State == state.FileReading) {
				n++
			}
		}
		return n, err
	}
	runs, err := b.store.Runs(e.Pipeline, maxCounted)
	if len(runs) > 0 || err != nil {
		return len(runs), err
	}
	t, err := b.store.Totals(e.Pipeline) // the runs may have been pruned
	return int(min(t.Commits, 1)), err
}

// maxCounted is how many runs are counted at most: more makes no difference to anybody.
const maxCounted = 1000
