package record

import "time"

// ValueSize returns about how many bytes value i of c takes, wherever they are: of two
// values that are alike the same.
func (c *Column) ValueSize(i int) int {
	if c.IsNull(i) {
		return 1
	}
	switch c.Type.Kind {
	case String:
		return 8 + int(c.Views[i].Len)
	case List:
		n := 4
		for j := c.Offs[i]; j < c.Offs[i+1]; j++ {
			n += c.Elem.ValueSize(int(j))
		}
		return n
	case Object:
		n := 0
		for k := range c.Fields {
			n += c.Fields[k].ValueSize(i)
		}
		return n
	case Any:
		return 16 + anySize(c.Anys[i])
	case Bool, Int, Time, Date, Decimal, Float, Invalid, Null:
	}
	return 8
}

func anySize(v any) int {
	switch v := v.(type) {
	case string:
		return 16 + len(v)
	case []any:
		n := 24
		for _, e := range v {
			n += 16 + anySize(e)
		}
		return n
	case map[string]any:
		n := 48
		for k, e := range v {
			n += 48 + len(k) + anySize(e)
		}
		return n
	case time.Time:
		return 24
	}
	return 16
}

// Sizer tells how many bytes the rows of a batch take. It looks at every row, so it
// passes over columns whose values are all of one size.
type Sizer struct {
	b     *Batch
	fixed int
	texts []*Column // of kind String, without nulls
	rest  []*Column
}

// Reset makes s tell of the rows of b, as long as b is not changed.
func (s *Sizer) Reset(b *Batch) {
	s.b, s.fixed, s.texts, s.rest = b, 0, s.texts[:0], s.rest[:0]
	for k := range b.Cols {
		switch c := &b.Cols[k]; c.Type.Kind {
		case String:
			if c.Nulls == nil {
				s.fixed, s.texts = s.fixed+8, append(s.texts, c)
			} else {
				s.rest = append(s.rest, c)
			}
		case List, Object, Any:
			s.rest = append(s.rest, c)
		case Null, Invalid:
		case Bool, Int, Time, Date, Decimal, Float:
			s.fixed += 8
		}
	}
}

// Row returns about how many bytes the values of row i take.
func (s *Sizer) Row(i int) int {
	n := s.fixed
	for _, c := range s.texts {
		n += int(c.Views[i].Len)
	}
	for _, c := range s.rest {
		n += c.ValueSize(i)
	}
	return n
}

// Text returns how many bytes the text that row i came from has.
func (s *Sizer) Text(i int) int {
	if s.b.Raw == nil {
		return 0
	}
	return int(s.b.Raw[i].Len)
}
