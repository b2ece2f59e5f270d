package lineage

import "weir/engine/plan"

// Look returns the key of the digests, nil when none was made yet, and the records
// of the pipelines that were not removed. Unlike Key it needs a store to read only.
func (b *Book) Look() (key []byte, served []Record, err error) {
	if key, err = b.store.Note(noteKey); err != nil {
		return nil, nil, err
	}
	err = b.scan(func(string) bool { return true }, func(r *Record) {
		if !r.Removed {
			served = append(served, *r)
		}
	})
	return key, served, err
}

// Count returns how many keys, files or runs an effect concerns.
func (b *Book) Count(e *plan.Effect) int { return b.count(e) }
