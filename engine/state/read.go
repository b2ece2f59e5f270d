package state

import (
	"encoding/binary"
	"slices"
	"time"
)

// Pipeline tells who owns a pipeline.
type Pipeline struct {
	Address    string
	Epoch      uint64 // how often it was taken
	Generation uint64 // of the owner
	Revision   string // of the owner
	Since      time.Time
}

// Pipelines lists every pipeline that was ever run, by address.
func (s *Store) Pipelines() ([]Pipeline, error) {
	var out []Pipeline
	var ids []uint32
	err := s.kv.Scan([]byte{kindPipes}, []byte{kindPipes + 1}, func(k, v []byte) bool {
		out = append(out, Pipeline{Address: string(k[1:])})
		ids = append(ids, binary.BigEndian.Uint32(v))
		return true
	})
	for i := 0; i < len(out) && err == nil; i++ {
		var v []byte
		var ok bool
		if v, ok, err = s.kv.Get(key(kindOwner, ids[i]), nil); err != nil || !ok {
			continue
		}
		var o owner
		if o, err = decodeOwner(v); err == nil {
			out[i].Epoch, out[i].Generation, out[i].Revision, out[i].Since = o.epoch, o.generation, o.revision, time.Unix(o.since, 0).UTC()
		}
	}
	return out, err
}

// numbers returns the numbers of the last reject and of the last run.
func (s *Store) numbers(pid uint32) (reject, run uint64, err error) {
	v, ok, err := s.kv.Get(key(kindNumbers, pid), nil)
	if err != nil || !ok {
		return 0, 0, err
	}
	err = decode(v, "a numbers record", func(d *decoder) { reject, run = d.uint(), d.uint() })
	return reject, run, err
}

// Runs returns the last n runs of a pipeline, the latest first. A pipeline that
// is not known has none, here and in the other methods.
func (s *Store) Runs(pipeline string, n int) ([]Run, error) {
	pid, err := s.numberOf(kindPipes, pipeline)
	if pid == 0 || err != nil {
		return nil, err
	}
	_, last, err := s.numbers(pid)
	if err != nil {
		return nil, err
	}
	if n == 1 { // asked of every pipeline when a server starts
		v, ok, err := s.kv.Get(numberKey(kindRun, pid, last), nil)
		if err != nil || !ok {
			return nil, err
		}
		r, err := decodeRun(last, v)
		return []Run{r}, err
	}
	from := uint64(1)
	if last > uint64(n) {
		from = last - uint64(n) + 1
	}
	var out []Run
	var bad error
	err = s.kv.Scan(numberKey(kindRun, pid, from), after(key(kindRun, pid)), func(k, v []byte) bool {
		r, err := decodeRun(binary.BigEndian.Uint64(k[idLen:]), v)
		bad = err
		out = append(out, r)
		return err == nil
	})
	slices.Reverse(out)
	return out, firstOf(err, bad)
}

// Rejects calls f with each dead letter of a pipeline whose number is at least
// from, in the order in which they were committed, until it returns false.
func (s *Store) Rejects(pipeline string, from uint64, f func(Reject) bool) error {
	pid, err := s.numberOf(kindPipes, pipeline)
	if pid == 0 || err != nil {
		return err
	}
	var bad error
	headers := map[uint64][]byte{}
	err = s.kv.Scan(numberKey(kindReject, pid, from), after(key(kindReject, pid)), func(k, v []byte) bool {
		var r Reject
		if r, bad = s.reject(pid, binary.BigEndian.Uint64(k[idLen:]), v, headers); bad != nil {
			return false
		}
		return f(r)
	})
	return firstOf(err, bad)
}

// RejectReader reads single dead letters of one pipeline, as they are committed.
type RejectReader struct {
	store   *Store
	pid     uint32
	headers map[uint64][]byte
	buf     []byte
}

// RejectReader returns a reader of the dead letters of a pipeline, for one goroutine.
func (s *Store) RejectReader(pipeline string) (*RejectReader, error) {
	pid, err := s.numberOf(kindPipes, pipeline)
	return &RejectReader{store: s, pid: pid, headers: map[uint64][]byte{}}, err
}

// Get returns the dead letter with a number, and whether there is one. What it
// returns is the caller's, but for the header, which letters share.
func (r *RejectReader) Get(id uint64) (Reject, bool, error) {
	v, ok, err := r.store.kv.Get(numberKey(kindReject, r.pid, id), r.buf[:0])
	if !ok || err != nil {
		return Reject{}, false, err
	}
	r.buf = v
	x, err := r.store.reject(r.pid, id, v, r.headers)
	return x, err == nil, err
}

// reject decodes a dead letter with its header. headers holds those already read.
func (s *Store) reject(pid uint32, id uint64, v []byte, headers map[uint64][]byte) (Reject, error) {
	r, h, err := decodeReject(id, v)
	if err != nil {
		return r, err
	}
	r.Header, err = s.header(pid, h, headers)
	return r, err
}

// header returns the header with digest h, nil when that is 0.
func (s *Store) header(pid uint32, h uint64, headers map[uint64][]byte) ([]byte, error) {
	if h == 0 {
		return nil, nil
	}
	text, ok := headers[h]
	if !ok {
		var err error
		if text, _, err = s.kv.Get(numberKey(kindHeader, pid, h), nil); err != nil {
			return nil, err
		}
		headers[h] = text
	}
	return text, nil
}

// ScanSpace calls f with each key of a space that begins with prefix, ascending,
// and its value, until f returns false. Both are valid during the call.
func (s *Store) ScanSpace(name string, prefix []byte, f func(key, value []byte) bool) error {
	sid, err := s.numberOf(kindSpaces, name)
	if sid == 0 || err != nil {
		return err
	}
	from := append(key(kindSpace, sid), prefix...)
	return s.kv.Scan(from, after(from), func(k, v []byte) bool { return f(k[idLen:], v) })
}

// SpaceReader reads the keys of one space, as they are committed.
type SpaceReader struct {
	store *Store
	sid   uint32
}

// ReadSpace returns a reader of the named space; one that does not exist is empty.
func (s *Store) ReadSpace(name string) (SpaceReader, error) {
	sid, err := s.numberOf(kindSpaces, name)
	return SpaceReader{s, sid}, err
}

// Get returns the value of key and whether there is one.
func (r SpaceReader) Get(k []byte) ([]byte, bool, error) {
	if r.sid == 0 {
		return nil, false, nil
	}
	return r.store.kv.Get(append(key(kindSpace, r.sid), k...), nil)
}

// Files returns the file ledger of a pipeline: per source, its present files by
// path. With history, the entries of earlier files of the same names follow.
func (s *Store) Files(pipeline string, history bool) (out []FileEntry, err error) {
	err = s.EachFile(pipeline, history, func(e FileEntry) bool {
		out = append(out, e)
		return true
	})
	return out, err
}

// EachFile calls f with each entry that Files returns, in its order, until f returns false.
func (s *Store) EachFile(pipeline string, history bool, f func(FileEntry) bool) error {
	pid, err := s.numberOf(kindPipes, pipeline)
	if pid == 0 || err != nil {
		return err
	}
	more, err := s.eachFile(key(kindFile, pid), f)
	if err != nil || !history || !more {
		return err
	}
	_, err = s.eachFile(key(kindOldFile, pid), f)
	return err
}

// eachFile is EachFile for the entries under prefix, the present or the earlier ones. It
// reports whether f wants more.
func (s *Store) eachFile(prefix []byte, f func(FileEntry) bool) (more bool, err error) {
	var bad error
	more = true
	err = s.kv.Scan(prefix, after(prefix), func(k, v []byte) bool {
		source, rest := cutName(k[idLen:])
		path := string(rest)
		if prefix[0] == kindOldFile {
			path, _ = cutName(rest)
		}
		e, err := decodeFile(source, path, v)
		if bad = err; err == nil {
			more = f(e)
		}
		return err == nil && more
	})
	return more, firstOf(err, bad)
}

// Cursors returns the committed cursors of a pipeline by source.
func (s *Store) Cursors(pipeline string) (map[string]Cursor, error) {
	pid, err := s.numberOf(kindPipes, pipeline)
	if pid == 0 || err != nil {
		return nil, err
	}
	out := map[string]Cursor{}
	var bad error
	prefix := key(kindCursor, pid)
	err = s.kv.Scan(prefix, after(prefix), func(k, v []byte) bool {
		c, err := decodeCursor(v)
		bad = err
		out[string(k[idLen:])] = c
		return err == nil
	})
	return out, firstOf(err, bad)
}

// Totals returns the counts of all commits of a pipeline.
func (s *Store) Totals(pipeline string) (Totals, error) {
	pid, err := s.numberOf(kindPipes, pipeline)
	if pid == 0 || err != nil {
		return Totals{}, err
	}
	v, ok, err := s.kv.Get(key(kindTotals, pid), nil)
	if err != nil || !ok {
		return Totals{}, err
	}
	return decodeTotals(v)
}

// Spaces lists the names of all spaces in order: "PIPELINE/STEP", or "entity." and the
// entity's name.
func (s *Store) Spaces() ([]string, error) {
	var out []string
	err := s.kv.Scan([]byte{kindSpaces}, []byte{kindSpaces + 1}, func(k, _ []byte) bool {
		out = append(out, string(k[1:]))
		return true
	})
	return out, err
}

func firstOf(a, b error) error {
	if a != nil {
		return a
	}
	return b
}
