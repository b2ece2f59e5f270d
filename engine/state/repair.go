package state

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"weir/engine/plugin"
	"weir/engine/state/pebblekv"
	"weir/engine/state/pebblekv/salvage"
)

// Repair is a look at a state folder that may be damaged. Nothing is changed before Write.
// It keeps the folder from other processes until Close, and belongs to one goroutine.
type Repair struct {
	Findings
	db    *pebblekv.Repair
	pipes map[uint32]*repairedPipe
	names map[uint32]string // of spaces
	inc   map[string]incarnation
	now   time.Time
	last  map[byte]uint32 // the highest PID and SID that were given, by kind
}

// Findings are what a look at a state folder found.
type Findings struct {
	Dir     string
	Bytes   int64    // of the files of the database
	Damages []string // what is wrong with the files, a sentence each; none is a sound folder
	Keys    int64    // that can be read and are kept
	// OnlyRejects says that nobody knows what of the files counts. Only dead letters are
	// kept then, and every pipeline begins anew.
	OnlyRejects bool
	Pipelines   []RepairedPipeline // by address
	Spaces      []string           // dedupe keys and identities that are incomplete, or gone with OnlyRejects
	Nameless    int64              // keys of pipelines or spaces whose name is lost: they are dropped
	Notes       bool               // what the engine noted of itself, such as the history of reloads, is incomplete
}

// RepairedPipeline is what a repair means for a pipeline.
type RepairedPipeline struct {
	Address string
	Last    time.Time // when it made the last commit that is kept; zero when that is not known
	Rejects int64     // dead letters that are kept
	// Dropped is how many commits can be read and are dropped, because they come after damage.
	Dropped int
	// Repeats says that what it delivered last may be delivered again. It is another incarnation
	// then: where deliveries were cut is lost, and of a mixture of old and new keys a receiver
	// that drops what it has seen would take the older rows and drop the newer ones.
	Repeats bool
	// Rereads says that where it was is lost: it reads everything that is at its sources again.
	Rereads bool
	Letters bool // some of its dead letters may be lost
	Ledger  bool // its counts or its runs are incomplete
}

type repairedPipe struct {
	RepairedPipeline
	lastReject, lastRun uint64
	headers             map[uint64]bool // digest: there; false for one that a dead letter refers to only
}

// readingKinds are where a pipeline keeps how far it read.
var readingKinds = []byte{kindCursor, kindToken, kindCut, kindAhead, kindReading, kindFile, kindOldFile, kindHeld, kindHeldPart}

// Examine reads everything in a state folder and says what is wrong with it, what can still be
// read, and what is lost. Errors are Failures of class Environment: *Locked is among their causes
// when a process has the folder open.
func Examine(dir string, o Options) (*Repair, error) {
	o = o.withDefaults()
	db, err := pebblekv.Examine(dir, pebblekv.Options{CacheBytes: o.Memory / 8, MemTableBytes: o.Memory / 4, Log: o.Log})
	if err != nil {
		return nil, err
	}
	r := &Repair{db: db, pipes: map[uint32]*repairedPipe{}, names: map[uint32]string{}, inc: map[string]incarnation{}, now: o.Clock.Now(), last: map[byte]uint32{},
		Findings: Findings{Dir: db.Dir(), Bytes: db.Bytes(), Damages: db.Damages, OnlyRejects: db.Unordered}}
	if err := r.look(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return r, nil
}

// Close lets others have the folder.
func (r *Repair) Close() error { return r.db.Close() }

// look gathers the names first: without order they may come after what belongs to them.
func (r *Repair) look() error {
	if err := r.db.Scan(r.name); err != nil {
		return err
	}
	if err := r.db.Scan(r.gather); err != nil {
		return err
	}
	err := r.db.Dropped(func(keys [][]byte) {
		for _, k := range keys {
			if p := r.pipeOf(k); p != nil && k[0] == kindTotals {
				p.Dropped++
			}
		}
	})
	for _, lost := range r.db.Lost {
		r.judge(lost)
	}
	if r.OnlyRejects {
		r.Spaces, r.Notes = slices.Collect(maps.Values(r.names)), true
	}
	for _, p := range r.pipes {
		if r.OnlyRejects {
			p.Rereads, p.Ledger, p.Letters = true, true, true
		}
		p.Repeats = p.Rereads || r.db.CommitsLost
	}
	slices.Sort(r.Spaces)
	for _, p := range r.pipes {
		r.Pipelines = append(r.Pipelines, p.RepairedPipeline)
	}
	slices.SortFunc(r.Pipelines, func(a, b RepairedPipeline) int { return strings.Compare(a.Address, b.Address) })
	return err
}

func (r *Repair) name(k, v []byte) error {
	switch {
	case len(k) < 2:
	case k[0] == kindMeta && string(k[1:]) == "format":
		return checkLayout(v)
	case k[0] == kindMeta && len(k) == 2 && len(v) == 4:
		r.last[k[1]] = max(r.last[k[1]], binary.BigEndian.Uint32(v))
	case k[0] == kindIncarnation:
		i, err := decodeIncarnation(v)
		if old := r.inc[string(k[1:])]; err == nil && i.n >= old.n {
			r.inc[string(k[1:])] = i
		}
		return err
	case k[0] == kindPipes && len(v) == 4:
		pid := binary.BigEndian.Uint32(v)
		r.pipes[pid] = &repairedPipe{RepairedPipeline: RepairedPipeline{Address: string(k[1:])}, headers: map[uint64]bool{}}
		r.last[kindPipes] = max(r.last[kindPipes], pid)
	case k[0] == kindSpaces && len(v) == 4:
		sid := binary.BigEndian.Uint32(v)
		r.names[sid] = string(k[1:])
		r.last[kindSpaces] = max(r.last[kindSpaces], sid)
	}
	return nil
}

// ofSpace reports whether a key belongs to a space.
func ofSpace(k []byte) bool { return k[0] == kindSpace || k[0] == kindVersion }

// numbered reports whether a key belongs to a pipeline or a space.
func numbered(k []byte) bool { return len(k) >= idLen && k[0] >= kindOwner && k[0] != kindNote }

func (r *Repair) pipeOf(k []byte) *repairedPipe {
	if !numbered(k) || ofSpace(k) {
		return nil
	}
	return r.pipes[binary.BigEndian.Uint32(k[1:])]
}

func (r *Repair) gather(k, v []byte) error {
	if numbered(k) && r.orphan(k) {
		r.Nameless++
		kind := byte(kindPipes) // its number is not given again before it is dropped
		if ofSpace(k) {
			kind = kindSpaces
		}
		r.last[kind] = max(r.last[kind], binary.BigEndian.Uint32(k[1:]))
		return nil
	}
	r.Keys++
	p := r.pipeOf(k)
	if p == nil {
		return nil
	}
	number := func() uint64 {
		if len(k) < idLen+8 {
			return 0
		}
		return binary.BigEndian.Uint64(k[idLen:])
	}
	switch k[0] {
	case kindReject:
		p.Rejects++
		p.lastReject = max(p.lastReject, number())
		if _, h, err := decodeReject(number(), v); err == nil && h != 0 && !p.headers[h] {
			p.headers[h] = false
		}
	case kindEnded:
		p.lastReject = max(p.lastReject, number())
	case kindHeader:
		p.headers[number()] = true
	case kindRun:
		p.lastRun = max(p.lastRun, number())
	case kindTotals:
		if t, err := decodeTotals(v); err == nil {
			p.Last = t.Last
		}
	case kindNumbers:
		return decode(v, "a numbers record", func(d *decoder) {
			p.lastReject, p.lastRun = max(p.lastReject, d.uint()), max(p.lastRun, d.uint())
		})
	}
	return nil
}

// orphan reports whether the name of what k belongs to is lost.
func (r *Repair) orphan(k []byte) bool {
	n := binary.BigEndian.Uint32(k[1:])
	if ofSpace(k) {
		return r.names[n] == ""
	}
	return r.pipes[n] == nil
}

// judge says what the loss of a range of keys means.
func (r *Repair) judge(lost salvage.Range) {
	for sid, name := range r.names {
		if lost.Touches(key(kindSpace, sid)) && !slices.Contains(r.Spaces, name) {
			r.Spaces = append(r.Spaces, name)
		}
	}
	r.Notes = r.Notes || lost.Touches([]byte{kindNote})
	for pid, p := range r.pipes {
		any := func(kinds ...byte) bool {
			return slices.ContainsFunc(kinds, func(kind byte) bool { return lost.Touches(key(kind, pid)) })
		}
		p.Rereads = p.Rereads || any(readingKinds...)
		p.Letters = p.Letters || any(kindReject, kindEnded, kindHeader)
		p.Ledger = p.Ledger || any(kindTotals, kindRun, kindNumbers, kindTrail)
	}
}

// Write makes a sound store of what is kept, and returns the name of the folder, within that of the
// state, which has the files as they were found.
func (r *Repair) Write() (kept string, err error) {
	return r.db.Write(func(put func(k, v []byte) error) error {
		if err := r.db.Scan(func(k, v []byte) error {
			if !r.keeps(k) {
				return nil
			}
			return put(k, v)
		}); err != nil {
			return err
		}
		return r.complete(put)
	})
}

func (r *Repair) keeps(k []byte) bool {
	if len(k) == 0 || numbered(k) && r.orphan(k) {
		return false
	}
	if r.OnlyRejects && !slices.Contains([]byte{kindMeta, kindPipes, kindIncarnation, kindReject, kindEnded, kindHeader}, k[0]) {
		return false
	}
	p := r.pipeOf(k)
	return p == nil || !p.Rereads || !slices.Contains(readingKinds, k[0])
}

// lostHeader takes the place of the header of dead letters that is lost: to replay them is then
// refused, because no row fits it.
var lostHeader = []byte("\"this header was lost with damaged state\"")

// complete writes what the rest of the store relies on.
func (r *Repair) complete(put func(k, v []byte) error) error {
	err := put(append([]byte{kindMeta}, "format"...), []byte{layoutVersion})
	for kind, n := range r.last {
		err = errors.Join(err, put([]byte{kindMeta, kind}, binary.BigEndian.AppendUint32(nil, n)))
	}
	for pid, p := range r.pipes {
		if p.Repeats {
			i := r.inc[p.Address]
			if i.n++; r.mayLack(incarnationKey(p.Address)) {
				i.n = max(i.n, uint64(r.now.Unix())) //nolint:gosec // no year before 1970; more than there ever were
			}
			err = errors.Join(err, put(incarnationKey(p.Address), i.encode()))
		}
		err = errors.Join(err, put(key(kindNumbers, pid), numbers(p.lastReject, p.lastRun)))
		for h, there := range p.headers {
			if !there {
				err = errors.Join(err, put(numberKey(kindHeader, pid, h), bytes.Clone(lostHeader)))
			}
		}
	}
	return err
}

// mayLack reports whether a key was perhaps lost.
func (r *Repair) mayLack(k []byte) bool {
	return r.OnlyRejects || slices.ContainsFunc(r.db.Lost, func(l salvage.Range) bool { return l.Touches(k) })
}

func checkLayout(v []byte) error {
	if len(v) == 1 && v[0] == layoutVersion {
		return nil
	}
	return plugin.Fail(plugin.Environment, "state.format", fmt.Errorf("the state store has layout %d, and this weir knows layout %d", v, layoutVersion),
		"Use the version of weir that wrote it, or start anew in an empty folder")
}
