package lineage

import (
	"bytes"
	"encoding/json"

	"weir/engine/plan"
)

// head is the beginning of a record, which tells whether the rest is of interest:
// there are thousands, and each is thousands of bytes.
type head struct {
	meaning     int
	removed     bool
	fingerprint plan.Digest
}

// head returns that of the record of a pipeline, nil when there is none that can be read.
func (b *Book) head(address string) (*head, error) {
	v, err := b.store.Note(notePipeline + address)
	if v == nil || err != nil {
		return nil, err
	}
	if h, ok := headOf(v); ok {
		return &h, nil
	}
	r := &Record{}
	if json.Unmarshal(v, r) != nil {
		return nil, nil //nolint:nilnil // another version wrote it: nothing is known
	}
	return &head{r.Meaning, r.Removed, r.Description.Fingerprint}, nil
}

// headOf reads v up to the fingerprint. It reports false for what is not in the order of
// Record, as earlier versions wrote it.
func headOf(v []byte) (h head, ok bool) {
	d := json.NewDecoder(bytes.NewReader(v))
	depth, seen := 0, false
	for {
		t, err := d.Token()
		if err != nil {
			return h, false
		}
		if t == json.Delim('{') {
			depth++
			continue
		}
		key, _ := t.(string)
		var into any = new(json.RawMessage)
		switch {
		case depth == 1 && key == "meaning":
			into, seen = &h.meaning, true
		case depth == 1 && key == "removed":
			into = &h.removed
		case depth == 1 && key == "description":
			if !seen {
				return h, false
			}
			continue
		case depth == 2 && key == "fingerprint":
			err = d.Decode(&h.fingerprint)
			return h, err == nil
		}
		if d.Decode(into) != nil {
			return h, false
		}
	}
}
