package record

// View is the place of one string cell in its column's Data.
type View struct{ Off, Len uint32 }

// Column is one typed vector. Only the vectors of its kind are in use:
//
//	Bool             Bools
//	Int, Time, Date  Ints
//	Decimal          Ints (coefficient) and Scale (digits after the point)
//	Float            Floats
//	String           Views into Data
//	List             Offs (n+1 offsets into Elem), Elem
//	Object           Fields, each as long as the column itself
//	Any              Anys: nil, bool, int, float64, string, Decimal, Date, time.Time, []any, map[string]any
//	Null             none
//
// Nulls is nil when no value is null, else one entry a row. A String column may
// share Data with its neighbours (the raw text of a file, an input column):
// Data is therefore never overwritten in place by someone who did not make it.
type Column struct {
	Type   Type
	Nulls  []bool
	Bools  []bool
	Ints   []int64
	Scale  []uint8
	Floats []float64
	Views  []View
	Data   []byte
	Offs   []uint32
	Elem   *Column
	Fields []Column
	Anys   []any
	n      int
	shared bool   // every vector belongs to another column (Alias)
	lent   bool   // Data belongs to another column (ShareData)
	own    []byte // the buffer of c itself while Data is lent
}

// Len returns the number of values appended or resized to.
func (c *Column) Len() int { return c.n }

// IsNull reports whether value i is null.
func (c *Column) IsNull(i int) bool {
	return c.Type.Kind == Null || c.Nulls != nil && c.Nulls[i] || c.Type.Kind == Any && c.Anys[i] == nil
}

// Bytes returns string cell i without copying. It is valid as long as the column is.
func (c *Column) Bytes(i int) []byte {
	v := c.Views[i]
	return c.Data[v.Off : v.Off+v.Len : v.Off+v.Len]
}

// Dec returns decimal cell i.
func (c *Column) Dec(i int) DecimalValue { return DecimalValue{c.Ints[i], c.Scale[i]} }

// SetDec stores decimal cell i.
func (c *Column) SetDec(i int, d DecimalValue) { c.Ints[i], c.Scale[i] = d.Coef, d.Scale }

// SetString stores string cell i by appending s to Data.
func (c *Column) SetString(i int, s []byte) {
	off := len(c.Data)
	c.Data = append(c.Data, s...)
	c.Views[i] = View{uint32(off), uint32(len(s))}
}

// SetNull makes value i null.
func (c *Column) SetNull(i int) {
	if c.Nulls == nil {
		c.Nulls = make([]bool, c.n, max(c.n, cap(c.Ints), cap(c.Views)))
	}
	c.Nulls[i] = true
}

func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n, n+n/4)
	}
	return s[:n]
}

// Resize makes c a column of type t with n values, keeping memory. The values
// are undefined until set; there are no nulls; Data is emptied (and let go when
// it was shared). Elem is emptied, Fields are resized with their own types.
func (c *Column) Resize(t Type, n int) {
	if c.shared {
		*c = Column{}
	}
	if c.lent {
		c.Data, c.own, c.lent = c.own, nil, false
	}
	c.Type, c.n, c.Nulls = t, n, nil
	switch t.Kind {
	case Bool:
		c.Bools = grow(c.Bools, n)
	case Int, Time, Date:
		c.Ints = grow(c.Ints, n)
	case Decimal:
		c.Ints, c.Scale = grow(c.Ints, n), grow(c.Scale, n)
	case Float:
		c.Floats = grow(c.Floats, n)
	case String:
		c.Views, c.Data = grow(c.Views, n), c.Data[:0]
	case List:
		c.Offs = grow(c.Offs, n+1)
		c.Offs[0] = 0
		if c.Elem == nil {
			c.Elem = new(Column)
		}
		c.Elem.Resize(*t.Elem, 0)
	case Object:
		if len(c.Fields) != len(t.Fields) {
			c.Fields = make([]Column, len(t.Fields))
		}
		for i := range t.Fields {
			c.Fields[i].Resize(t.Fields[i].Type, n)
		}
	case Any:
		c.Anys = grow(c.Anys, n)
	case Invalid, Null:
	}
}

// Alias makes c share every vector of src, until c is resized or aliased again.
func (c *Column) Alias(src *Column) {
	*c = *src
	c.shared = true
}

// Window makes c values from to to-1 of src, which is neither a list nor an object,
// sharing its vectors until c is resized or aliased again.
func (c *Column) Window(src *Column, from, to int) {
	*c = Column{Type: src.Type, Data: src.Data, n: to - from, shared: true}
	c.Nulls, c.Bools = window(src.Nulls, from, to), window(src.Bools, from, to)
	c.Ints, c.Scale, c.Floats = window(src.Ints, from, to), window(src.Scale, from, to), window(src.Floats, from, to)
	c.Views, c.Anys = window(src.Views, from, to), window(src.Anys, from, to)
}

// window is s[from:to] of a vector that is in use; it cannot be appended to.
func window[T any](s []T, from, to int) []T {
	if len(s) < to {
		return nil
	}
	return s[from:to:to]
}

// ShareData lets the string cells of c be views into the Data of src, so that a
// trimmed or sliced cell costs no copy. It is called after Resize and before any
// cell is set; cells set with SetString afterwards move Data to memory of c.
func (c *Column) ShareData(src *Column) {
	c.own, c.lent = c.Data, true
	c.Data = src.Data[:len(src.Data):len(src.Data)]
}

// ShareBytes is ShareData for a buffer that is not a column's, such as the text of a file.
func (c *Column) ShareBytes(data []byte) {
	c.own, c.lent = c.Data, true
	c.Data = data[:len(data):len(data)]
}

// AppendFrom appends value i of src, which has the same kind (or is Null, or c is Any-compatible by kind), copying string bytes.
func (c *Column) AppendFrom(src *Column, i int) {
	if src.IsNull(i) {
		c.AppendNull()
		return
	}
	c.appendValid()
	switch c.Type.Kind {
	case Bool:
		c.Bools = append(c.Bools, src.Bools[i])
	case Int, Time, Date:
		c.Ints = append(c.Ints, src.Ints[i])
	case Decimal:
		c.Ints, c.Scale = append(c.Ints, src.Ints[i]), append(c.Scale, src.Scale[i])
	case Float:
		c.Floats = append(c.Floats, src.Floats[i])
	case String:
		b := src.Bytes(i)
		c.Views = append(c.Views, View{uint32(len(c.Data)), uint32(len(b))})
		c.Data = append(c.Data, b...)
	case List:
		for j := src.Offs[i]; j < src.Offs[i+1]; j++ {
			c.Elem.AppendFrom(src.Elem, int(j))
		}
		c.Offs = append(c.Offs, uint32(c.Elem.n))
	case Object:
		for k := range c.Fields {
			c.Fields[k].AppendFrom(&src.Fields[k], i)
		}
	case Any:
		c.Anys = append(c.Anys, src.Anys[i])
	case Invalid, Null:
	}
}

func (c *Column) appendValid() {
	c.n++
	if c.Nulls != nil {
		c.Nulls = append(c.Nulls, false)
	}
}

// AppendNull appends a null.
func (c *Column) AppendNull() {
	if c.Nulls == nil {
		c.Nulls = make([]bool, c.n, c.n+64)
	}
	c.n++
	c.Nulls = append(c.Nulls, true)
	switch c.Type.Kind {
	case Bool:
		c.Bools = append(c.Bools, false)
	case Int, Time, Date:
		c.Ints = append(c.Ints, 0)
	case Decimal:
		c.Ints, c.Scale = append(c.Ints, 0), append(c.Scale, 0)
	case Float:
		c.Floats = append(c.Floats, 0)
	case String:
		c.Views = append(c.Views, View{})
	case List:
		c.Offs = append(c.Offs, uint32(c.Elem.n))
	case Object:
		for k := range c.Fields {
			c.Fields[k].AppendNull()
		}
	case Any:
		c.Anys = append(c.Anys, nil)
	case Invalid, Null:
	}
}

// Size returns the bytes of memory that the values of c hold.
func (c *Column) Size() int {
	n := len(c.Nulls) + len(c.Bools) + 8*len(c.Ints) + len(c.Scale) + 8*len(c.Floats) + 8*len(c.Views) + len(c.Data) + 4*len(c.Offs) + 16*len(c.Anys)
	if c.Type.Kind == List {
		n += c.Elem.Size()
	}
	for i := range c.Fields {
		n += c.Fields[i].Size()
	}
	return n
}
