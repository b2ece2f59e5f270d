package record

import "testing"

// TestWindow: a window shows what it was made of, and resizing it leaves that alone.
func TestWindow(t *testing.T) {
	var src, c Column
	src.Resize(NullableOf(String), 4)
	for i, s := range []string{"a", "bc", "", "d"} {
		src.SetString(i, []byte(s))
	}
	src.SetNull(2)
	c.Window(&src, 1, 3)
	if c.Len() != 2 || string(c.Bytes(0)) != "bc" || c.IsNull(0) || !c.IsNull(1) {
		t.Fatalf("%d values, %q, null: %v, %v", c.Len(), c.Bytes(0), c.IsNull(0), c.IsNull(1))
	}
	c.Resize(Of(String), 4)
	for i := range 4 {
		c.SetString(i, []byte("x"))
	}
	if string(src.Bytes(1)) != "bc" || src.IsNull(1) || !src.IsNull(2) {
		t.Errorf("the source is changed: %q", src.Bytes(1))
	}
	var dec, w Column
	dec.Resize(Of(Decimal), 3)
	for i := range 3 {
		dec.SetDec(i, DecimalValue{int64(i), uint8(i)})
	}
	w.Window(&dec, 3, 3)
	if w.Len() != 0 {
		t.Errorf("an empty window has %d values", w.Len())
	}
	if w.Window(&dec, 2, 3); w.Len() != 1 || w.Dec(0) != (DecimalValue{2, 2}) {
		t.Errorf("%d values, %v", w.Len(), w.Dec(0))
	}
}
