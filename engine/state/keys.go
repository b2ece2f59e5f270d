package state

import (
	"bytes"
	"encoding/binary"
)

// The kinds of keys; see the package documentation.
const (
	kindMeta        = 0x01
	kindPipes       = 0x02
	kindSpaces      = 0x03
	kindIncarnation = 0x04
	kindOwner       = 0x10
	kindCursor      = 0x11
	kindToken       = 0x12
	kindCut         = 0x13
	kindFile        = 0x14
	kindReject      = 0x15
	kindTotals      = 0x16
	kindRun         = 0x17
	kindNumbers     = 0x18
	kindVersion     = 0x19
	kindOldFile     = 0x1a
	kindAhead       = 0x1b
	kindTrail       = 0x1c
	kindHeader      = 0x1d
	kindHeld        = 0x1e
	kindHeldPart    = 0x1f
	kindSpace       = 0x20
	kindNote        = 0x21
	kindReading     = 0x22
	kindEnded       = 0x24
)

const idLen = 5 // of a kind and a PID or SID

func key(kind byte, id uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{kind}, id)
}

func nameKey(kind byte, id uint32, name string) []byte { return append(key(kind, id), name...) }

func numberKey(kind byte, id uint32, n uint64) []byte {
	return binary.BigEndian.AppendUint64(key(kind, id), n)
}

// appendName appends a name that is followed by something else.
func appendName(k []byte, name string) []byte {
	return append(binary.AppendUvarint(k, uint64(len(name))), name...)
}

// cutName reads a name written by appendName and returns what follows.
func cutName(k []byte) (name string, rest []byte) {
	n, w := binary.Uvarint(k)
	if w <= 0 || n > uint64(len(k)-w) {
		return "", nil
	}
	return string(k[w : w+int(n)]), k[w+int(n):]
}

func cutKey(pid uint32, sink string, n int) []byte {
	return binary.BigEndian.AppendUint32(appendName(key(kindCut, pid), sink), uint32(n))
}

func fileKey(pid uint32, source, path string) []byte {
	return append(appendName(key(kindFile, pid), source), path...)
}

func oldFileKey(pid uint32, source, path, id string) []byte {
	return append(appendName(appendName(key(kindOldFile, pid), source), path), id...)
}

// after returns the first key after all keys that begin with prefix.
func after(prefix []byte) []byte {
	end := bytes.Clone(prefix)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}
