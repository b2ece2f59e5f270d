package state

import (
	"encoding/binary"
	"slices"
	"time"

	"weir/engine/state/kv"
)

// Intent is what must be durable about deliveries to a sink before they are
// made, so that a run that repeats them after a crash makes the same ones (I7). A
// commit ends it.
type Intent struct {
	Rows     int64     // deliveries may be made of so many rows since the last commit
	Object   string    // that the rows are of
	Now      time.Time // what now() is for them
	Revision string    // of the configuration that makes them
	Sizes    []Size    // in the order of From
}

// Size limits the deliveries that begin at a row or behind it.
type Size struct {
	From int64 // rows since the last commit
	Rows int64 // most rows of a delivery
}

// ReplayIntent is the name, in the place of a sink's, of the intent of a replay of dead
// letters. It outlives commits that take none of them.
const ReplayIntent = "replay"

// Reserve makes durable at once that deliveries to the sink may be made as i says.
// A run after a crash must cut those rows in the same way and compute the same from them,
// or it would deliver them again under other keys (I7).
func (s *Session) Reserve(sink string, i Intent) error {
	i.Sizes = slices.Clone(i.Sizes)
	var w kv.Writes
	w.Require(s.ownerKey, s.owner)
	w.Put(nameKey(kindAhead, s.pid, sink), i.encode())
	if err := s.apply(&w); err != nil {
		return err
	}
	s.ahead[sink] = i
	return nil
}

// Intended returns what Reserve was last given for the sink since the last commit.
func (s *Session) Intended(sink string) Intent {
	i := s.ahead[sink]
	i.Sizes = slices.Clone(i.Sizes)
	return i
}

// Reserved returns how many rows since the last commit may have been delivered
// to the sink, as far as Reserve and RecordCut tell.
func (s *Session) Reserved(sink string) int64 {
	n := s.ahead[sink].Rows
	if c := s.cuts[sink]; len(c) > 0 {
		n = max(n, c[len(c)-1])
	}
	return n
}

// ends reports whether the pending commit ends the intent of a sink.
func (s *Session) ends(sink string) bool { return sink != ReplayIntent || len(s.taken) > 0 }

// The rows come first and alone: that is all that an older version wrote.
func (i *Intent) encode() []byte {
	e := &encoder{binary.AppendVarint(nil, i.Rows)}
	e.string(i.Object)
	e.time(i.Now)
	e.string(i.Revision)
	e.uint(uint64(len(i.Sizes)))
	for _, z := range i.Sizes {
		e.int(z.From)
		e.int(z.Rows)
	}
	return e.b
}

func decodeIntent(b []byte) (i Intent) {
	d := &decoder{b: b}
	i.Rows, i.Object, i.Now, i.Revision = d.int(), d.string(), d.time(), d.string()
	for n := d.count(); n > 0; n-- {
		i.Sizes = append(i.Sizes, Size{d.int(), d.int()})
	}
	return i
}
