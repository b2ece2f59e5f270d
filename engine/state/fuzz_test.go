package state

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// FuzzRecords decodes any bytes as each kind of record: an error or a record,
// and a record that is written again reads as the same.
func FuzzRecords(f *testing.F) {
	at := time.Date(2024, 7, 1, 12, 0, 0, 5, time.UTC)
	rej := Reject{ID: 7}
	f.Add(encodeFile(&FileEntry{Source: "files", Path: "/srs/a.csv", Size: 3, ModTime: at}))
	f.Add((&Run{ID: "r", Started: at, Revision: "x"}).encode())
	f.Add(rej.encode(nil))
	f.Add(encodeCursor(Cursor{Row: 5, Token: "t"}, nil))
	f.Add(Totals{}.encode())
	f.Add([]byte{})
	f.Add([]byte{recordVersion, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{recordVersion + 1})
	same := func(t *testing.T, what string, a, b any) {
		t.Helper()
		if d := cmp.Diff(a, b, cmpopts.EquateEmpty()); d != "" {
			t.Errorf("%s: %s", what, d)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if v, err := decodeFile("s", "p", b); err == nil {
			w, err := decodeFile("s", "p", encodeFile(&v))
			same(t, "file", v, w)
			same(t, "file", err, nil)
		}
		if v, err := decodeRun(1, b); err == nil {
			w, err := decodeRun(1, v.encode())
			same(t, "run", v, w)
			same(t, "run", err, nil)
		}
		if v, _, err := decodeReject(1, b); err == nil { // the header is kept apart
			w, _, err := decodeReject(1, v.encode(nil))
			same(t, "reject", v, w)
			same(t, "reject", err, nil)
		}
		if v, err := decodeCursor(b); err == nil {
			w, err := decodeCursor(encodeCursor(v, nil))
			same(t, "cursor", v, w)
			same(t, "cursor", err, nil)
		}
		if v, err := decodeTotals(b); err == nil {
			w, err := decodeTotals(v.encode())
			same(t, "totals", v, w)
			same(t, "totals", err, nil)
		}
	})
}
