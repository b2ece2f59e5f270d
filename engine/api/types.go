package api

import (
	"time"

	"weir/engine/diag"
	"weir/engine/serve"
	"weir/engine/state"
)

// Status is how the server stands.
type Status struct {
	Version    string         `json:"version"`
	Folder     string         `json:"folder"`    // that is served
	StateDir   string         `json:"state_dir"` // of the state store
	Started    time.Time      `json:"started"`
	Ready      bool           `json:"ready"`
	Stopping   bool           `json:"stopping"`
	Revision   string         `json:"revision"` // the newest in effect, whole or in part
	Seen       string         `json:"seen"`     // the newest that was read
	Generation uint64         `json:"generation"`
	Base       string         `json:"base"`    // digest of what is in effect
	Running    int            `json:"running"` // runs under way
	Pipelines  []Pipeline     `json:"pipelines"`
	Reload     *serve.Verdict `json:"reload,omitempty"` // the last
}

// Pipeline is how a pipeline stands.
type Pipeline struct {
	Pipeline    string                `json:"pipeline"` // its address
	Description string                `json:"description,omitempty"`
	State       string                `json:"state"` // waiting, queued, running, failing, idle or fenced
	Schedule    string                `json:"schedule,omitempty"`
	Revision    string                `json:"revision"` // of the configuration that is in effect
	Generation  uint64                `json:"generation"`
	Next        *time.Time            `json:"next,omitempty"`          // absent when no run is planned
	Last        *RunSummary           `json:"last,omitempty"`          // of this process
	Run         *serve.RunStatus      `json:"run,omitempty"`           // absent when none is under way
	Left        []serve.RunStatus     `json:"left,omitempty"`          // runs that hang and were left behind
	Failures    int                   `json:"failures"`                // in a row, since the server started
	Since       *time.Time            `json:"failing_since,omitempty"` // when the first of these failed
	Runs        int64                 `json:"runs"`                    // ended, of this process
	Failed      int64                 `json:"failed"`                  // of these
	Ledger      Ledger                `json:"ledger"`                  // of these
	Problems    []diag.JSONDiagnostic `json:"problems"`                // why the last run failed
	Config      []diag.JSONDiagnostic `json:"config"`                  // why the newest configuration of it is not in effect
}

// Ledger says what became of rows.
type Ledger struct {
	Read         int64            `json:"read"`
	Delivered    int64            `json:"delivered"`
	Filtered     map[string]int64 `json:"filtered"` // by the name of the filter
	Deduplicated int64            `json:"deduplicated"`
	Grouped      int64            `json:"grouped"`  // rows that went into groups, less the groups
	Expanded     int64            `json:"expanded"` // rows made from others, less those
	Rejected     int64            `json:"rejected"`
	Held         int64            `json:"held"`
}

// RunSummary is a run that has ended, or the last it was seen of.
type RunSummary struct {
	ID         string    `json:"id"`
	Started    time.Time `json:"started"`
	Ended      time.Time `json:"ended"`
	Generation uint64    `json:"generation"`
	Outcome    string    `json:"outcome"`
	Ledger     Ledger    `json:"ledger"`
	Objects    int       `json:"objects"` // files read to their end
	Error      string    `json:"error,omitempty"`
}

// Run is a run as the state store recorded it.
type Run struct {
	Pipeline   string     `json:"pipeline"`
	Number     uint64     `json:"number"` // within the pipeline, from 1
	ID         string     `json:"id"`
	Kind       string     `json:"kind"` // run or replay
	Started    time.Time  `json:"started"`
	Ended      *time.Time `json:"ended,omitempty"`
	Outcome    string     `json:"outcome"`
	Revision   string     `json:"revision"`
	Generation uint64     `json:"generation"`
	Ledger     Ledger     `json:"ledger"`
	Error      string     `json:"error,omitempty"`
}

// RunList lists runs, the latest first.
type RunList struct {
	Runs []Run `json:"runs"`
}

// RunsQuery chooses runs; zero values choose all.
type RunsQuery struct {
	Pipeline string
	Revision string
	Limit    int // 0 is 20
}

// PipelineList lists pipelines by address.
type PipelineList struct {
	Pipelines []Pipeline `json:"pipelines"`
}

// Totals is what the state store counted of a pipeline since it was first seen.
type Totals struct {
	Pipeline   string     `json:"pipeline"`
	Ledger     Ledger     `json:"ledger"`
	Difference int64      `json:"difference"` // rows not accounted for; 0
	Commits    int64      `json:"commits"`
	Last       *time.Time `json:"last,omitempty"` // commit
}

// File is what the file ledger knows of a file.
type File struct {
	Pipeline string     `json:"pipeline"`
	Source   string     `json:"source"`
	Path     string     `json:"path"`
	State    string     `json:"state"` // reading, committed, archived, quarantined, skipped or superseded
	Rows     int64      `json:"rows"`  // committed
	Size     int64      `json:"size"`  // in bytes
	Modified *time.Time `json:"modified,omitempty"`
	Seen     *time.Time `json:"seen,omitempty"`
	Changed  *time.Time `json:"changed,omitempty"`
	Target   string     `json:"target,omitempty"` // where it was moved
	Marker   string     `json:"marker,omitempty"` // the file that made it ready
	Reason   string     `json:"reason,omitempty"`
	Run      string     `json:"run,omitempty"`
	Revision string     `json:"revision,omitempty"`
}

// FileList lists files.
type FileList struct {
	Files []File `json:"files"`
}

// ResetRequest names what is to be forgotten.
type ResetRequest struct {
	Name string `json:"name"` // of a pipeline, served or not, or of an identity space: entity.NAME
}

// Reset says what was forgotten.
type Reset struct {
	Reset string `json:"reset"`
}

// RetryRequest names files that are to be read from their beginning.
type RetryRequest struct {
	Path  string `json:"path"`            // a path, a name or a pattern such as *.csv
	Again bool   `json:"again,omitempty"` // also files of which rows are committed, which are then processed a second time
}

// SkipRequest names a file that is not to be read, or not the rest of it.
type SkipRequest struct {
	Path   string `json:"path"` // a path or a name
	Reason string `json:"reason,omitempty"`
}

// Reject is a row that was refused, with all that is known of it.
type Reject struct {
	Pipeline  string    `json:"pipeline"`
	ID        uint64    `json:"id"`
	Object    string    `json:"object"`
	Row       int64     `json:"row"`
	Line      int64     `json:"line,omitempty"`
	Step      string    `json:"step"`
	Column    string    `json:"column,omitempty"`
	Code      string    `json:"code"`
	Reason    string    `json:"reason"`
	Raw       string    `json:"raw,omitempty"`        // the text of the row; bytes that are no UTF-8 are replaced
	RawBase64 []byte    `json:"raw_base64,omitempty"` // its bytes, when they are no UTF-8
	Header    string    `json:"header,omitempty"`
	Replays   int64     `json:"replays,omitempty"`
	Run       string    `json:"run"`
	Revision  string    `json:"revision"`
	At        time.Time `json:"at"`
	Edits     []Edit    `json:"edits,omitempty"` // of a copy of its text, the first one first; a replay takes the last
	// Overtaken is a later row of the same entity that went through since; absent when none is known.
	Overtaken *Overtaking `json:"overtaken,omitempty"`
}

// Overtaking is a row that went through although an earlier one of its entity was refused.
type Overtaking struct {
	Object string    `json:"object"`
	Row    int64     `json:"row"`
	At     time.Time `json:"at"`
}

// Edit is a change of the text of a refused row. The text that the row came with stays.
type Edit struct {
	Text       string    `json:"text"`                  // of the row since then; bytes that are no UTF-8 are replaced
	TextBase64 []byte    `json:"text_base64,omitempty"` // its bytes, when they are no UTF-8
	By         string    `json:"by"`
	Reason     string    `json:"reason"`
	At         time.Time `json:"at"`
}

// EditRequest changes the text of a refused row: by a text of its own, or by other values in
// some columns.
type EditRequest struct {
	ID         uint64            `json:"id"`
	Text       *string           `json:"text,omitempty"`
	TextBase64 []byte            `json:"text_base64,omitempty"` // instead of text, where that is no UTF-8
	Set        map[string]string `json:"set,omitempty"`         // values by column, as the file would have them
	By         string            `json:"by"`                    // who asks for it
	Reason     string            `json:"reason"`                // why
	Edits      int               `json:"edits"`                 // how many edits of the row its author knew of; another number is refused
}

// EditedReject is a row that was edited and is not among the refused ones any more.
type EditedReject struct {
	Reject
	Outcome string    `json:"outcome"`            // replayed (see the run for what became of it) or discarded
	TakenBy string    `json:"taken_by,omitempty"` // the run that replayed it
	Ended   time.Time `json:"ended"`
}

// EditedList lists the rows that were edited and then replayed or discarded.
type EditedList struct {
	Edited []EditedReject `json:"edited"`
}

// RejectList is a page of the rows that were refused, by number.
type RejectList struct {
	Rejects []Reject `json:"rejects"`
	Next    uint64   `json:"next,omitempty"` // number from which the next page goes on; absent on the last
}

// RejectChoice says which refused rows are meant: those numbered, or all, or all that
// have step, code and object.
type RejectChoice struct {
	IDs    []uint64 `json:"ids,omitempty"`
	All    bool     `json:"all,omitempty"`
	Step   string   `json:"step,omitempty"`   // the step that refused them
	Code   string   `json:"code,omitempty"`   // of the reason
	Object string   `json:"object,omitempty"` // the file they came from
	To     uint64   `json:"to,omitempty"`     // none with a number above it; absent: whatever there is
	Stale  bool     `json:"stale,omitempty"`  // for a replay: also rows that a later row of their entity has overtaken
}

// Chooses reports whether c chooses rows by what they have, or all, rather than by number.
func (c *RejectChoice) Chooses() bool { return c.All || c.Step != "" || c.Code != "" || c.Object != "" }

// Match reports whether x has the step, code and object of c.
func (c *RejectChoice) Match(x *state.Reject) bool {
	return (c.Step == "" || x.Step == c.Step) && (c.Code == "" || x.Code == c.Code) && (c.Object == "" || x.Object == c.Object)
}

// Discarded says how many refused rows were removed.
type Discarded struct {
	Discarded int `json:"discarded"`
}

// Replayed is what came of a replay. It may have refused rows again.
type Replayed struct {
	Pipeline string                `json:"pipeline"`
	Run      string                `json:"run,omitempty"` // absent when there was nothing to replay
	Outcome  string                `json:"outcome"`       // succeeded, failed or stopped
	Ledger   Ledger                `json:"ledger"`
	Error    string                `json:"error,omitempty"` // why it stopped
	Notices  []diag.JSONDiagnostic `json:"notices"`
}

// ReloadRequest says how a reload answers for stored state, and what it must come to.
type ReloadRequest struct {
	State string         `json:"state,omitempty"` // keep, rebuild or fork; "" leaves it to each pipeline
	Plan  *serve.Planned `json:"plan,omitempty"`  // anything else than this is refused
}

// PlanRequest is for what a reload would do.
type PlanRequest struct {
	State string `json:"state,omitempty"`
}

// Planned is what a reload would do now. The verdict has the outcome that the reload
// would have, as far as that is known now.
type Planned struct {
	Plan    *serve.Planned `json:"plan"`
	Verdict *serve.Verdict `json:"verdict"`
}

// Accepted says that something was begun and goes on.
type Accepted struct {
	Accepted bool `json:"accepted"`
}

// VerdictList lists reloads, the latest first.
type VerdictList struct {
	Reloads []*serve.Verdict `json:"reloads"`
}

// Revision says which configuration is in effect, and which was read last.
type Revision struct {
	Revision   string `json:"revision"`
	Seen       string `json:"seen"`
	Generation uint64 `json:"generation"`
	Base       string `json:"base"`
}

// Checkpoint names a copy of the state store, which is a folder on the server's machine.
type Checkpoint struct {
	Dir string `json:"dir"`
}

// Removed says whether there was something to remove.
type Removed struct {
	Removed bool `json:"removed"`
}

// Event is something that happened in the server.
type Event struct {
	Kind        serve.EventKind       `json:"kind"` // run_started, run_ended, run_failed or reloaded
	At          time.Time             `json:"at"`
	Pipeline    string                `json:"pipeline,omitempty"`
	Run         string                `json:"run,omitempty"`
	Generation  uint64                `json:"generation"`
	Summary     *RunSummary           `json:"summary,omitempty"`     // of a run that ended
	Diagnostics []diag.JSONDiagnostic `json:"diagnostics,omitempty"` // of a run that failed
	Verdict     *serve.Verdict        `json:"verdict,omitempty"`     // of a reload
}

// Health says that the process lives.
type Health struct {
	Status  string `json:"status"`
	Version string `json:"version"`
}

// Readiness says whether the first plan is in effect and the server is not stopping.
type Readiness struct {
	Ready  bool   `json:"ready"`
	Reason string `json:"reason,omitempty"` // why it is not
}

// ErrorBody is the body of every answer that is an error.
type ErrorBody struct {
	Error Error `json:"error"`
}
