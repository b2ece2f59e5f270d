package state

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"weir/engine/plugin"
	"weir/engine/record"
)

// Cursor is the resume point of one source.
type Cursor = plugin.Cursor

// movesBack reports whether going from c to d would move back (I2).
func movesBack(c, d Cursor) bool {
	if c.Object != d.Object {
		return false
	}
	return d.Row < c.Row || d.Offset >= 0 && d.Offset < c.Offset || d.Groups < c.Groups || c.Done && !d.Done
}

func encodeCursor(c Cursor, dst []byte) []byte {
	e := newEncoder(dst)
	e.string(c.Object)
	e.string(c.Name)
	e.int(c.Row)
	e.int(c.Offset)
	e.int(c.Line)
	e.uint(c.Prefix)
	e.int(c.Groups)
	e.bool(c.Done)
	e.string(c.Token)
	return e.b
}

func decodeCursor(b []byte) (c Cursor, err error) {
	err = decode(b, "a cursor", func(d *decoder) {
		c = Cursor{Object: d.string(), Name: d.string(), Row: d.int(), Offset: d.int(), Line: d.int(), Prefix: d.uint(), Groups: d.int(), Done: d.bool()}
		if len(d.b) > 0 { // a shorter cursor is from a version that kept no token
			c.Token = d.string()
		}
	})
	return c, err
}

// Counts is the ledger of a run, of a commit or of a pipeline: what became of its rows.
type Counts struct {
	Read         int64 // rows that the decoder gave
	Delivered    int64
	Filtered     map[string]int64 // by the name of the filter; nil is none
	Deduplicated int64
	Grouped      int64 // rows that went into groups, less the groups
	Expanded     int64 // rows that came out of expand steps, less those that went in
	Rejected     int64
	Held         int64
}

// Add adds d to c.
func (c *Counts) Add(d Counts) {
	c.Read += d.Read
	c.Delivered += d.Delivered
	c.Deduplicated += d.Deduplicated
	c.Grouped += d.Grouped
	c.Expanded += d.Expanded
	c.Rejected += d.Rejected
	c.Held += d.Held
	if len(d.Filtered) > 0 && c.Filtered == nil {
		c.Filtered = make(map[string]int64, len(d.Filtered))
	}
	for k, n := range d.Filtered {
		c.Filtered[k] += n
	}
}

// subtract takes d from c.
func (c *Counts) subtract(d Counts) {
	c.Read -= d.Read
	c.Delivered -= d.Delivered
	c.Deduplicated -= d.Deduplicated
	c.Grouped -= d.Grouped
	c.Expanded -= d.Expanded
	c.Rejected -= d.Rejected
	c.Held -= d.Held
	for k, n := range d.Filtered {
		if c.Filtered == nil {
			c.Filtered = map[string]int64{}
		}
		c.Filtered[k] -= n
	}
}

// reset zeroes c, keeping the memory of Filtered.
func (c *Counts) reset() {
	f := c.Filtered
	clear(f)
	*c = Counts{Filtered: f}
}

func (c Counts) clone() Counts {
	c.Filtered = maps.Clone(c.Filtered)
	return c
}

func (c Counts) isZero() bool {
	return c.Read|c.Delivered|c.Deduplicated|c.Grouped|c.Expanded|c.Rejected|c.Held|c.FilteredTotal() == 0
}

// FilteredTotal returns the rows dropped by all filters.
func (c Counts) FilteredTotal() int64 {
	var n int64
	for _, v := range c.Filtered {
		n += v
	}
	return n
}

// Difference returns the rows that came in less those accounted for: 0 when the
// ledger adds up (I3).
func (c Counts) Difference() int64 {
	return c.Read + c.Expanded - c.Delivered - c.FilteredTotal() - c.Deduplicated - c.Grouped - c.Rejected - c.Held
}

// String returns the ledger in one line, in the order in which rows go.
func (c Counts) String() string {
	var sb strings.Builder
	fmt.Fprintf(&sb, "read %d", c.Read)
	part := func(name string, n int64) {
		if n != 0 {
			fmt.Fprintf(&sb, ", %s %d", name, n)
		}
	}
	part("expanded", c.Expanded)
	fmt.Fprintf(&sb, ", delivered %d", c.Delivered)
	for _, k := range slices.Sorted(maps.Keys(c.Filtered)) {
		part("filtered by "+k, c.Filtered[k])
	}
	part("deduplicated", c.Deduplicated)
	part("grouped", c.Grouped)
	part("rejected", c.Rejected)
	part("held", c.Held) // less than 0: rows that a run before held
	return sb.String()
}

func (c Counts) encodeTo(e *encoder) {
	for _, n := range []int64{c.Read, c.Delivered, c.Deduplicated, c.Grouped, c.Expanded, c.Rejected, c.Held} {
		e.int(n)
	}
	e.uint(uint64(len(c.Filtered)))
	for _, k := range slices.Sorted(maps.Keys(c.Filtered)) {
		e.string(k)
		e.int(c.Filtered[k])
	}
}

func (c *Counts) decodeFrom(d *decoder) {
	for _, p := range []*int64{&c.Read, &c.Delivered, &c.Deduplicated, &c.Grouped, &c.Expanded, &c.Rejected, &c.Held} {
		*p = d.int()
	}
	n := d.count()
	for i := uint64(0); i < n && !d.bad; i++ {
		if c.Filtered == nil {
			c.Filtered = map[string]int64{}
		}
		k := d.string()
		c.Filtered[k] = d.int()
	}
}

// Totals are the counts of a pipeline since it was first seen.
type Totals struct {
	Counts
	Commits int64
	Last    time.Time // of the last commit
}

func (t Totals) encode() []byte {
	e := newEncoder(nil)
	t.encodeTo(e)
	e.int(t.Commits)
	e.time(t.Last)
	return e.b
}

func decodeTotals(b []byte) (t Totals, err error) {
	err = decode(b, "a totals record", func(d *decoder) {
		t.decodeFrom(d)
		t.Commits, t.Last = d.int(), d.time()
	})
	return t, err
}

// Reject is a dead letter: one row refused, with all that is needed to judge and
// to replay it.
type Reject struct {
	ID       uint64 // number within the pipeline, from 1; given by the store
	Object   string // name of the object
	ObjectID string
	Row      int64
	Line     int64  // 0 when unknown
	Raw      []byte // the text the row came from; nil when there is none
	Step     string // address within the pipeline
	Column   string // "" when none is at fault
	Code     string
	Reason   string
	Revision string // of the configuration; the session's when empty
	Run      string // the session's when empty
	At       time.Time
	Header   []byte // what the decoder needs besides Raw to decode it again; nil when nothing
	Replays  int64  // how often the row was replayed before, and refused again
	First    uint64 // the number that the row had when it was refused for the first time; 0 is ID
	// Overtaken is a later row of the same entity that went through since; its Row is 0 when none is known.
	Overtaken Overtaking
	// Groups are what the row is refused with, or what is refused because of it.
	Groups []record.Group
	// Edits are those of its text, the first one first. Raw stays what it was.
	Edits []Edit
}

// Overtaking is a row that went through although an earlier one of its entity was refused.
type Overtaking struct {
	Object string // name of the object
	Row    int64
	At     time.Time
}

// Order tells which of two dead letters of one entity came first: the one with the lower order.
func (r *Reject) Order() uint64 {
	if r.First > 0 {
		return r.First
	}
	return r.ID
}

func (r *Reject) encode(dst []byte) []byte {
	e := newEncoder(dst)
	e.string(r.Object)
	e.string(r.ObjectID)
	e.int(r.Row)
	e.int(r.Line)
	e.bool(r.Raw != nil)
	e.uint(uint64(len(r.Raw)))
	e.b = append(e.b, r.Raw...)
	for _, s := range []string{r.Step, r.Column, r.Code, r.Reason, r.Revision, r.Run} {
		e.string(s)
	}
	e.time(r.At)
	e.uint(r.header())
	e.int(r.Replays)
	return r.encodeRest(e.b)
}

// encodeRest appends what most dead letters do not have, and what Overtake changes.
func (r *Reject) encodeRest(dst []byte) []byte {
	if r.First == 0 && r.Overtaken.Row == 0 && len(r.Groups) == 0 && len(r.Edits) == 0 {
		return dst
	}
	e := &encoder{b: dst}
	e.uint(r.First)
	e.string(r.Overtaken.Object)
	e.int(r.Overtaken.Row)
	e.time(r.Overtaken.At)
	if len(r.Groups) == 0 && len(r.Edits) == 0 {
		return e.b
	}
	e.uint(uint64(len(r.Groups)))
	for _, g := range r.Groups {
		e.string(g.Step)
		e.uint(g.Key)
		e.int(g.From)
		e.int(g.To)
	}
	encodeEdits(e, r.Edits)
	return e.b
}

// overtaken returns the encoded dead letter b, that r is, with o; it returns b when some row
// overtook it before.
func (r Reject) overtaken(b []byte, o Overtaking) []byte {
	if r.Overtaken.Row > 0 {
		return b
	}
	b = b[:len(b)-len(r.encodeRest(nil))]
	r.Overtaken = o
	return r.encodeRest(b[:len(b):len(b)])
}

// header is the digest under which Header is kept, once for all dead letters that
// have it; 0 when there is none.
func (r *Reject) header() uint64 {
	if len(r.Header) == 0 {
		return 0
	}
	return max(1, xxhash.Sum64(r.Header))
}

func decodeReject(id uint64, b []byte) (r Reject, header uint64, err error) {
	r.ID = id
	err = decode(b, "a reject", func(d *decoder) { header = r.decodeFrom(d) })
	return r, header, err
}

// decodeFrom reads r without its header, and returns the digest of that.
func (r *Reject) decodeFrom(d *decoder) (header uint64) {
	r.Object, r.ObjectID, r.Row, r.Line = d.string(), d.string(), d.int(), d.int()
	there := d.bool()
	if raw := d.bytes(); there {
		r.Raw = append([]byte{}, raw...)
	}
	for _, p := range []*string{&r.Step, &r.Column, &r.Code, &r.Reason, &r.Revision, &r.Run} {
		*p = d.string()
	}
	r.At = d.time()
	header, r.Replays = d.uint(), d.int()
	r.First, r.Overtaken = d.uint(), Overtaking{d.string(), d.int(), d.time()}
	for n := d.count(); n > 0; n-- {
		r.Groups = append(r.Groups, record.Group{Step: d.string(), Key: d.uint(), From: d.int(), To: d.int()})
	}
	r.Edits = decodeEdits(d)
	return header
}

// The outcomes of a run.
const (
	Running     = "running"
	Succeeded   = "succeeded"
	Failed      = "failed"
	Stopped     = "stopped"     // it was asked to end at a commit; the next run goes on
	Interrupted = "interrupted" // it never reached its end: the process was killed, or another took over
)

// Run is one execution of a pipeline.
type Run struct {
	Number     uint64 // within the pipeline, from 1; given by the store
	ID         string
	Started    time.Time
	Ended      time.Time // zero while running or interrupted
	Revision   string
	Generation uint64
	Outcome    string
	Counts     Counts // of its commits
	Error      string // why it failed, for people
	Kind       string // Replay when it replayed dead letters, else ""
}

// Replay is the Kind of a run that replayed dead letters.
const Replay = "replay"

func (r *Run) encode() []byte {
	e := newEncoder(nil)
	e.string(r.ID)
	e.time(r.Started)
	e.time(r.Ended)
	e.string(r.Revision)
	e.uint(r.Generation)
	e.string(r.Outcome)
	r.Counts.encodeTo(e)
	e.string(r.Error)
	e.string(r.Kind)
	return e.b
}

func decodeRun(n uint64, b []byte) (r Run, err error) {
	r.Number = n
	err = decode(b, "a run record", func(d *decoder) {
		r.ID, r.Started, r.Ended, r.Revision, r.Generation, r.Outcome = d.string(), d.time(), d.time(), d.string(), d.uint(), d.string()
		r.Counts.decodeFrom(d)
		r.Error, r.Kind = d.string(), d.string()
	})
	return r, err
}

// owner says which session may commit for a pipeline.
type owner struct {
	epoch, generation uint64
	revision          string
	since             int64
}

func decodeOwner(b []byte) (o owner, err error) {
	err = decode(b, "an owner record", func(d *decoder) {
		o.epoch, o.generation, o.revision = d.uint(), d.uint(), d.string()
		o.since = d.time().Unix()
	})
	return o, err
}
