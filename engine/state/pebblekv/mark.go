package pebblekv

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
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

// openMark reads the mark of a database, and makes one for a database that is not begun yet unless
// it is only read.
func openMark(dbDir string, begun, readOnly bool) (*mark, error) {
	m := &mark{claims: map[string]claim{}}
	name := filepath.Join(dbDir, markName)
	b, err := os.ReadFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && begun:
		return nil, &damage{what: markName + ", which says what the other files must hold, is gone"}
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

// verify compares the claims with the files, and returns the first that does not hold.
func (m *mark) verify(dbDir string) error {
	wrong, err := m.wrong(dbDir)
	if err != nil || len(wrong) == 0 {
		return err
	}
	name := slices.Min(slices.Collect(maps.Keys(wrong)))
	return &damage{what: wrong[name]}
}

// wrong returns what is wrong with the files that do not hold what they must, by their names.
func (m *mark) wrong(dbDir string) (map[string]string, error) {
	wrong := map[string]string{}
	for name, c := range m.claims {
		is, err := claimOf(filepath.Join(dbDir, name), c.size)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			wrong[name] = name + ", which holds commits, is gone"
		case err != nil:
			return nil, err
		case is.size < c.size:
			wrong[name] = fmt.Sprintf("%s ends after %d bytes, and commits took it to %d", name, is.size, c.size)
		case is.sum != c.sum:
			wrong[name] = fmt.Sprintf("the first %d bytes of %s are not those that commits wrote", c.size, name)
		}
	}
	return wrong, nil
}

// claimOf returns what holds of the first size bytes of a file, or of fewer where it ends.
func claimOf(name string, size int64) (c claim, err error) {
	f, err := os.Open(name)
	if err != nil {
		return c, err
	}
	defer f.Close() //nolint:errcheck // opened for reading
	sum := crc32.New(castagnoli)
	c.size, err = io.Copy(sum, io.LimitReader(f, size))
	c.sum = sum.Sum32()
	return c, err
}

// wrongFiles returns what is wrong with the files of a database, the mark included, by their names.
func wrongFiles(dbDir string, begun bool) (map[string]string, error) {
	m, err := openMark(dbDir, begun, true)
	var bad *damage
	if errors.As(err, &bad) {
		return map[string]string{markName: bad.what}, nil
	}
	if err != nil {
		return nil, err
	}
	return m.wrong(dbDir)
}

// markCopy makes the mark of a copy of a database, which holds what its files are.
func markCopy(dbDir string) error {
	names, err := os.ReadDir(dbDir)
	if err != nil {
		return err
	}
	m := &mark{claims: map[string]claim{}, begun: true}
	for _, e := range names {
		if tracked(e.Name()) {
			if m.claims[e.Name()], err = claimOf(filepath.Join(dbDir, e.Name()), math.MaxInt64); err != nil {
				return err
			}
		}
	}
	b, err := m.encode()
	if err != nil {
		return err
	}
	return writeSynced(filepath.Join(dbDir, markName), string(append(b, b...)))
}
