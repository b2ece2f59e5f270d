package identity

import "bytes"

// Fresher is implemented by states that know whether what was found last is pending.
type Fresher interface {
	// Fresh reports whether the key that Get or Has looked for last was set since the last commit.
	Fresh() bool
}

// recorder is a State of which a Journal remembers the changes.
type recorder struct {
	State
	j          *Journal
	n          int32 // in the journal's states
	prober     Prober
	prefetcher Prefetcher
	fresher    Fresher

	known bool // key is the one looked for last, with value when found
	found bool
	key   []byte
	value []byte
}

// Get implements State.
func (r *recorder) Get(key []byte) ([]byte, bool, error) {
	v, ok, err := r.State.Get(key)
	if r.j.open && err == nil {
		r.looked(key, v, ok)
		r.known = true
	}
	return v, ok, err
}

// Has implements Prober.
func (r *recorder) Has(key []byte) (bool, error) {
	if r.prober == nil {
		_, ok, err := r.Get(key)
		return ok, err
	}
	ok, err := r.prober.Has(key)
	if r.j.open && err == nil {
		r.looked(key, nil, ok)
		r.known = !ok // whose value is not known otherwise
	}
	return ok, err
}

func (r *recorder) looked(key, value []byte, found bool) {
	r.key, r.value, r.found = append(r.key[:0], key...), append(r.value[:0], value...), found
	r.j.fresh = r.j.fresh || found && (r.fresher == nil || r.fresher.Fresh())
}

// Soon implements Prefetcher.
func (r *recorder) Soon(key []byte) {
	if r.prefetcher != nil {
		r.prefetcher.Soon(key)
	}
}

// Prefetch implements Prefetcher.
func (r *recorder) Prefetch() {
	if r.prefetcher != nil {
		r.prefetcher.Prefetch()
	}
}

// Put implements State.
func (r *recorder) Put(key, value []byte) {
	r.note(key)
	r.State.Put(key, value)
}

// Delete implements State.
func (r *recorder) Delete(key []byte) {
	r.note(key)
	r.State.Delete(key)
}

// note remembers what is there under key before it changes. A state that cannot be read
// says so when it is committed.
func (r *recorder) note(key []byte) {
	j := r.j
	if !j.open {
		return
	}
	if !r.known || !bytes.Equal(r.key, key) {
		v, ok, _ := r.State.Get(key)
		r.value, r.found = append(r.value[:0], v...), ok
	}
	r.known = false
	w := write{key: len(j.data), keyLen: int32(len(key)), state: r.n, had: r.found} //nolint:gosec // a key
	j.data = append(j.data, key...)
	if r.found {
		w.valLen = int32(len(r.value)) //nolint:gosec // as above
		j.data = append(j.data, r.value...)
	}
	j.writes = append(j.writes, w)
}
