package identity

import "testing"

// FuzzRecords parses any bytes as stored keys and entities: never a crash, nor
// more memory than the bytes can hold.
func FuzzRecords(f *testing.F) {
	f.Add([]byte{})
	f.Add(keyEntry{}.append(nil))
	f.Add((&entityRecord{}).append(nil))
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f})
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := parseEntry(b, "space", "key", []byte("value")); err != nil && err.Error() == "" {
			t.Error("an empty error")
		}
		var r entityRecord
		if err := r.parse(b); err != nil && err.Error() == "" {
			t.Error("an empty error")
		}
	})
}
