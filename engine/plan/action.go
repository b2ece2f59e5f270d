package plan

import (
	"encoding/json"

	"github.com/hashicorp/hcl/v2"

	"weir/engine/diag"
)

// ActionKind is what a reload does with one pipeline.
type ActionKind string

// The actions.
const (
	// Keep leaves the pipeline as it runs: its fingerprint is the same.
	Keep ActionKind = "keep"
	// Swap replaces stateless steps, conditions and settings between two batches;
	// sources, stateful steps and sinks stay open.
	Swap ActionKind = "swap"
	// Restart opens the new pipeline and stops the old at a batch boundary.
	Restart ActionKind = "restart"
	// Add starts a pipeline that was not there.
	Add ActionKind = "add"
	// Remove stops a pipeline that is not there any more; its state is kept.
	Remove ActionKind = "remove"
)

// Action is what a reload does with one pipeline, why, and what it means for
// what is stored.
type Action struct {
	Pipeline string     `json:"pipeline"`
	Kind     ActionKind `json:"kind"`
	// From is the former address of a pipeline that was renamed (Add), To the
	// address it has now (Remove).
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	// State is what the new pipeline says about its state: "", "keep", "rebuild" or "fork".
	State   string   `json:"state,omitempty"`
	Reasons []Reason `json:"reasons,omitempty"` // at least one unless Kind is Keep
	Effects []Effect `json:"effects,omitempty"`
}

// Breaks reports whether an effect orphans or re-keys state.
func (a *Action) Breaks() bool {
	for i := range a.Effects {
		if a.Effects[i].Breaks {
			return true
		}
	}
	return false
}

// Reason is one difference that led to an action.
type Reason struct {
	Step    string     `json:"step,omitempty"`    // "" for the pipeline itself
	Setting string     `json:"setting,omitempty"` // "" when the step itself is the difference
	Old     string     `json:"old,omitempty"`     // cut when long, "(secret)" for secrets; "" when there was none
	New     string     `json:"new,omitempty"`
	Range   *hcl.Range `json:"-"` // in the new configuration, in the old one for what is gone; nil when unknown
	Text    string     `json:"text"`
	// At is Range as JSON has it. It is made from Range when that is written, and set when it is read.
	At *diag.JSONRange `json:"range,omitempty"`
}

// MarshalJSON implements json.Marshaler.
func (r Reason) MarshalJSON() ([]byte, error) {
	type plain Reason
	if r.Range != nil {
		r.At = diag.RangeJSON(r.Range)
	}
	return json.Marshal(plain(r))
}

// EffectKind is what happens to a piece of stored state.
type EffectKind string

// The effects. Those marked * break.
const (
	CursorKept        EffectKind = "cursor_kept"        // cursor and file ledger are used on
	CursorInvalid     EffectKind = "cursor_invalid"     // * they are about another place, or another source
	PathChanged       EffectKind = "path_changed"       // the ledger is kept; other files are found
	AfterChanged      EffectKind = "after_changed"      // files read before are treated by the new rule
	PositionUncertain EffectKind = "position_uncertain" // * what was committed of a file read in part may mean another place
	KeysValid         EffectKind = "keys_valid"         // keys are found as before
	KeysRekeyed       EffectKind = "keys_rekeyed"       // * known rows may have other keys now
	KeysOrphaned      EffectKind = "keys_orphaned"      // * what is stored is not looked at any more
	KeyAdded          EffectKind = "key_added"          // an entity or a step has a key more
	KeyRemoved        EffectKind = "key_removed"        // * what is known by that key alone is not found
	ComparisonChanged EffectKind = "comparison_changed" // known rows pass once more
	GroupChanged      EffectKind = "group_changed"      // rows are put together in another way
	StateUnread       EffectKind = "state_unread"       // the pipeline is removed: its state stays until it is pruned
	PipelineRenamed   EffectKind = "pipeline_renamed"   // * its state is stored under its former address
	BackfillSuggested EffectKind = "backfill_suggested" // rows delivered before lack a field
)

// Effect is what an action means for a piece of stored state.
type Effect struct {
	Step  string     `json:"step,omitempty"`
	Kind  EffectKind `json:"kind"`
	Text  string     `json:"text"`
	Range *hcl.Range `json:"-"`
	// Breaks tells that state would be orphaned or re-keyed. It asks for
	// state = "keep", "rebuild" or "fork" in the pipeline.
	Breaks bool `json:"breaks,omitempty"`
	// Unfinished tells that the effect is about files read in part alone: where
	// the source has none, it breaks nothing.
	Unfinished bool `json:"unfinished,omitempty"`

	// What it is about, for counting in the store. Pipeline is the address under
	// which it is stored. Space is the full name of a space of keys and Key that
	// of one key in it; Source is the step of a ledger, and Prefix the beginning that
	// the paths of the files concerned have in common.
	Pipeline string `json:"pipeline,omitempty"`
	Space    string `json:"space,omitempty"`
	Key      string `json:"key,omitempty"`
	Source   string `json:"source,omitempty"`
	Prefix   string `json:"prefix,omitempty"`

	// Count is how many keys, files or runs are concerned, where somebody counted them.
	Count int `json:"count,omitempty"`
	// At is Range as JSON has it. It is made from Range when that is written, and set when it is read.
	At *diag.JSONRange `json:"range,omitempty"`
}

// MarshalJSON implements json.Marshaler.
func (e Effect) MarshalJSON() ([]byte, error) {
	type plain Effect
	if e.Range != nil {
		e.At = diag.RangeJSON(e.Range)
	}
	return json.Marshal(plain(e))
}
