package lineage

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"io"
	"sync"

	"weir/engine/plan"
)

// head is the first line of a record as it is stored. It tells whether the rest is of
// interest: there are thousands of records, and a description is thousands of bytes.
type head struct {
	Meaning     int         `json:"meaning"`
	Generation  uint64      `json:"generation"`
	Revision    string      `json:"revision"`
	Removed     bool        `json:"removed,omitempty"`
	Fingerprint plan.Digest `json:"fingerprint"`
}

// encoder writes records: a head as JSON on a line of its own, and after it the
// description, as JSON that is deflated. Its memory is used again.
type encoder struct {
	mu  sync.Mutex
	out bytes.Buffer
	w   *flate.Writer
}

// encode returns r as it is stored.
func (e *encoder) encode(r *Record) ([]byte, error) {
	first, err := json.Marshal(head{r.Meaning, r.Generation, r.Revision, r.Removed, r.Description.Fingerprint})
	if err != nil {
		return nil, err
	}
	rest, err := json.Marshal(&r.Description)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.out.Reset()
	e.out.Write(first)
	e.out.WriteByte('\n')
	if e.w == nil {
		if e.w, err = flate.NewWriter(&e.out, flate.BestSpeed); err != nil {
			return nil, err
		}
	} else {
		e.w.Reset(&e.out)
	}
	if _, err := e.w.Write(rest); err != nil {
		return nil, err
	}
	err = e.w.Close()
	return bytes.Clone(e.out.Bytes()), err
}

// decode reads a record; false when it is in a form that this version does not know.
// Versions before this one wrote all of it as JSON.
func decode(v []byte) (*Record, bool) {
	r := &Record{}
	first, rest, ok := bytes.Cut(v, []byte{'\n'})
	if !ok {
		return r, json.Unmarshal(v, r) == nil
	}
	var h head
	if json.Unmarshal(first, &h) != nil {
		return nil, false
	}
	text, err := io.ReadAll(flate.NewReader(bytes.NewReader(rest)))
	if err != nil || json.Unmarshal(text, &r.Description) != nil {
		return nil, false
	}
	r.Meaning, r.Generation, r.Revision, r.Removed = h.Meaning, h.Generation, h.Revision, h.Removed
	return r, true
}

// head returns that of the record of a pipeline, nil when there is none that can be read.
func (b *Book) head(address string) (*head, error) {
	v, err := b.store.Note(notePipeline + address)
	if v == nil || err != nil {
		return nil, err
	}
	first, _, ok := bytes.Cut(v, []byte{'\n'})
	if h := (&head{}); ok && json.Unmarshal(first, h) == nil {
		return h, nil
	}
	r, ok := decode(v)
	if !ok {
		return nil, nil //nolint:nilnil // another version wrote it: nothing is known
	}
	return &head{r.Meaning, r.Generation, r.Revision, r.Removed, r.Description.Fingerprint}, nil
}
