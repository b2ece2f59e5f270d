package pebblekv

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"weir/engine/plugin"
)

// markName is the file beside those of the database that says what they must hold at
// least. The database itself takes a log that is shorter than it was for one whose
// end was never written, so that commits would be gone and nobody would hear of it.
const markName = "weir-end"

// The mark is two slots that are written in turn, so that one is whole whatever moment a
// power cut chooses.
const (
	markSlot  = 8 << 10
	markMagic = "weirend1"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// claim says that the first size bytes of a file are on disk, and their checksum.
type claim struct {
	size int64
	sum  uint32
}

// mark holds the claims on the logs and manifests of a database: the files that are
// only ever added to. A claim is written once its bytes are synced and before the commit
// that they are of is reported as done, so it never says more than is there and
// covers everything that was reported. It is not synced itself then, because a process that is
// killed loses nothing that was written: after a power cut it may say less.
type mark struct {
	mu     sync.Mutex
	f      *os.File // nil for a database that is only read
	seq    uint64
	begun  bool // the database was opened once, so there must be one
	claims map[string]claim
}

// tracked reports whether a file of the database is one that is only added to.
func tracked(name string) bool {
	base := filepath.Base(name)
	return strings.HasSuffix(base, ".log") || strings.HasPrefix(base, "MANIFEST-")
}

// openMark reads the mark of a database, and makes one where there is none unless it is only read.
func openMark(dbDir string, readOnly bool) (*mark, error) {
	m := &mark{claims: map[string]claim{}}
	name := filepath.Join(dbDir, markName)
	b, err := os.ReadFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if readOnly {
			return m, nil
		}
		b, err := m.encode()
		if err != nil {
			return nil, err
		}
		if err := writeSynced(name, string(append(b, b...))); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, err
	case !m.load(b):
		return nil, &damage{what: markName + ", which says what the other files must hold, cannot be read"}
	}
	if !readOnly {
		m.f, err = os.OpenFile(name, os.O_RDWR, 0)
	}
	return m, err
}

// load takes the newer slot of the two that is whole.
func (m *mark) load(b []byte) bool {
	found := false
	for len(b) > 0 {
		n := min(len(b), markSlot)
		one := &mark{claims: map[string]claim{}}
		if n == markSlot && one.decode(b[:n]) && (!found || one.seq > m.seq) {
			m.seq, m.begun, m.claims, found = one.seq, one.begun, one.claims, true
		}
		b = b[n:]
	}
	return found
}

// encode returns a slot: magic, number, whether the database was begun, and claims, of the
// newest files when not all find a place; the checksum is its end.
func (m *mark) encode() ([]byte, error) {
	b := make([]byte, 0, markSlot)
	b = append(b, markMagic...)
	b = binary.BigEndian.AppendUint64(b, m.seq)
	begun := byte(0)
	if m.begun {
		begun = 1
	}
	b = append(b, begun)
	names := make([]string, 0, len(m.claims))
	for n := range m.claims {
		names = append(names, n)
	}
	if len(names) > 1 {
		slices.Sort(names)
	}
	for _, n := range slices.Backward(names) {
		if len(n) > 255 || len(b)+len(n)+13+1+4 > markSlot {
			break
		}
		b = append(b, byte(len(n))) //nolint:gosec // checked
		b = append(b, n...)
		b = binary.BigEndian.AppendUint64(b, uint64(m.claims[n].size)) //nolint:gosec // a size
		b = binary.BigEndian.AppendUint32(b, m.claims[n].sum)
	}
	b = b[:markSlot-4] // a name of no length ends the list
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli)), nil
}

func (m *mark) decode(b []byte) bool {
	body := b[:markSlot-4]
	if string(b[:len(markMagic)]) != markMagic || crc32.Checksum(body, castagnoli) != binary.BigEndian.Uint32(b[markSlot-4:]) {
		return false
	}
	body = body[len(markMagic):]
	m.seq, m.begun = binary.BigEndian.Uint64(body), body[8] == 1
	body = body[9:]
	for len(body) > 0 && body[0] != 0 {
		n := int(body[0])
		if len(body) < 1+n+12 {
			return false
		}
		name, rest := string(body[1:1+n]), body[1+n:]
		m.claims[name] = claim{int64(binary.BigEndian.Uint64(rest)), binary.BigEndian.Uint32(rest[8:])} //nolint:gosec // a size
		body = rest[12:]
	}
	return true
}

// write stores the claims in the older slot. The caller holds mu.
func (m *mark) write() error {
	if m.f == nil {
		return nil
	}
	m.seq++
	b, err := m.encode()
	if err != nil {
		return err
	}
	_, err = m.f.WriteAt(b, int64(m.seq%2)*markSlot) //nolint:gosec // 0 or 1
	return err
}

// synced notes what is on disk of a file.
func (m *mark) synced(name string, c claim) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.claims[name] == c {
		return nil
	}
	m.claims[name] = c
	return m.write()
}

// forget drops the claims on a file that is about to be removed or used again, and waits
// until that is on disk: a claim that outlives its file would look like damage.
func (m *mark) forget(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.claims[name]; !ok || m.f == nil {
		return nil
	}
	delete(m.claims, name)
	return errors.Join(m.write(), m.f.Sync())
}

// opened notes that the database is there.
func (m *mark) opened() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.begun || m.f == nil {
		return nil
	}
	m.begun = true
	return errors.Join(m.write(), m.f.Sync())
}

func (m *mark) close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.f == nil {
		return nil
	}
	f := m.f
	m.f = nil
	return errors.Join(f.Sync(), f.Close())
}

// verify compares the claims with the files.
func (m *mark) verify(dbDir string) error {
	for name, c := range m.claims {
		f, err := os.Open(filepath.Join(dbDir, name))
		if errors.Is(err, fs.ErrNotExist) {
			return &damage{file: name, what: name + ", which holds commits, is gone"}
		}
		if err != nil {
			return err
		}
		sum := crc32.New(castagnoli)
		n, err := io.Copy(sum, io.LimitReader(f, c.size))
		_ = f.Close() // opened for reading
		switch {
		case err != nil:
			return err
		case n < c.size:
			return &damage{file: name, what: fmt.Sprintf("%s ends after %d bytes, and commits took it to %d", name, n, c.size)}
		case sum.Sum32() != c.sum:
			return &damage{file: name, what: fmt.Sprintf("the first %d bytes of %s are not those that commits wrote", c.size, name)}
		}
	}
	return nil
}

// damage says that files of the database are not as they were written.
type damage struct {
	file string // with commits; "" when it is none of those
	what string
	err  error
}

// Error implements error.
func (d *damage) Error() string {
	if d.err != nil {
		return d.what + ": " + d.err.Error()
	}
	return d.what
}

// Unwrap gives errors.Is the cause.
func (d *damage) Unwrap() error { return d.err }

const damageAdvice = "Its files were changed, cut or damaged by something other than weir. Restore the folder from a backup; without one, " +
	"move it away, keep it, and start anew in an empty folder, which reads and delivers everything again"

func damaged(dir string, err error) error {
	return plugin.Fail(plugin.Environment, "state.damaged", fmt.Errorf("state folder %s is damaged: %w", dir, err), damageAdvice)
}
