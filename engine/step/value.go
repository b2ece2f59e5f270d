package step

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"weir/engine/record"
)

// cellText returns value i of c as plain text, in *buf where it is not text
// already: what a person would write, and what keys are compared by. A null is
// empty. The result is valid until *buf or c changes.
func cellText(buf *[]byte, c *record.Column, i int) []byte {
	if c.IsNull(i) {
		return nil
	}
	if c.Type.Kind == record.String {
		return c.Bytes(i)
	}
	*buf = appendText((*buf)[:0], c, i)
	return *buf
}

// appendText appends value i of c as plain text; a null appends nothing, a list
// or an object its compact JSON-like form.
func appendText(b []byte, c *record.Column, i int) []byte {
	if c.IsNull(i) {
		return b
	}
	switch c.Type.Kind {
	case record.Bool:
		return strconv.AppendBool(b, c.Bools[i])
	case record.Int:
		return strconv.AppendInt(b, c.Ints[i], 10)
	case record.Float:
		return strconv.AppendFloat(b, c.Floats[i], 'g', -1, 64)
	case record.Decimal:
		return c.Dec(i).Append(b)
	case record.String:
		return append(b, c.Bytes(i)...)
	case record.Time:
		return time.UnixMicro(c.Ints[i]).In(c.Type.Location()).AppendFormat(b, time.RFC3339Nano)
	case record.Date:
		return record.DateValue{Days: c.Ints[i]}.Append(b)
	case record.List:
		b = append(b, '[')
		for j := c.Offs[i]; j < c.Offs[i+1]; j++ {
			if j > c.Offs[i] {
				b = append(b, ", "...)
			}
			b = appendText(b, c.Elem, int(j))
		}
		return append(b, ']')
	case record.Object:
		b = append(b, '{')
		for k := range c.Fields {
			if k > 0 {
				b = append(b, ", "...)
			}
			b = append(append(b, c.Type.Fields[k].Name...), ": "...)
			b = appendText(b, &c.Fields[k], i)
		}
		return append(b, '}')
	case record.Any:
		return appendAnyText(b, c.Anys[i])
	case record.Invalid, record.Null:
	}
	return b
}

func appendAnyText(b []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		return append(b, v...)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case record.DecimalValue:
		return v.Append(b)
	case record.DateValue:
		return v.Append(b)
	case time.Time:
		return v.AppendFormat(b, time.RFC3339Nano)
	case []any, map[string]any:
		if j, err := json.Marshal(v); err == nil {
			return append(b, j...)
		}
	}
	return fmt.Append(b, v)
}

// Tags of the values in an encoded key. Encodings are stored only as hashes of
// keep = "changed", and in what a Keeper saves until an object ends: with another
// encoding savedVersion changes.
const (
	tagNull   = 'z'
	tagBool   = 'b'
	tagNumber = 'n'
	tagFloat  = 'f'
	tagString = 's'
	tagTime   = 't'
	tagDate   = 'd'
	tagList   = 'l'
	tagObject = 'o'
	tagDigest = 'D' // of what shortKey cut
)

// longKey is how many bytes of an encoded key are kept in memory as they are.
const longKey = 256

// shortKey puts a digest in the place of an encoded key, from from on in b, that is long:
// what is remembered of the rows of an object must not grow with the length of their keys.
// Different keys stay different.
func shortKey(b []byte, from int) []byte {
	if len(b)-from <= longKey {
		return b
	}
	sum := sha256.Sum256(b[from:])
	return append(append(b[:from], tagDigest), sum[:]...)
}

// appendKey appends an encoding of value i of c in which different values
// differ, whatever follows or precedes them. Numbers that are equal are equal
// whatever their kind.
func appendKey(b []byte, c *record.Column, i int) []byte {
	if c.IsNull(i) {
		return append(b, tagNull)
	}
	switch c.Type.Kind {
	case record.Bool:
		return appendBoolKey(b, c.Bools[i])
	case record.Int:
		return appendNumberKey(b, record.DecimalFromInt(c.Ints[i]))
	case record.Float:
		return appendFloatKey(b, c.Floats[i])
	case record.Decimal:
		return appendNumberKey(b, c.Dec(i))
	case record.String:
		s := c.Bytes(i)
		return append(binary.AppendUvarint(append(b, tagString), uint64(len(s))), s...)
	case record.Time:
		return binary.AppendVarint(append(b, tagTime), c.Ints[i])
	case record.Date:
		return binary.AppendVarint(append(b, tagDate), c.Ints[i])
	case record.List:
		b = binary.AppendUvarint(append(b, tagList), uint64(c.Offs[i+1]-c.Offs[i]))
		for j := c.Offs[i]; j < c.Offs[i+1]; j++ {
			b = appendKey(b, c.Elem, int(j))
		}
		return b
	case record.Object:
		b = binary.AppendUvarint(append(b, tagObject), uint64(len(c.Fields)))
		for k := range c.Fields {
			b = appendKey(b, &c.Fields[k], i)
		}
		return b
	case record.Any:
		return appendAnyKey(b, c.Anys[i])
	case record.Invalid, record.Null:
	}
	return append(b, tagNull)
}

func appendBoolKey(b []byte, v bool) []byte {
	if v {
		return append(b, tagBool, 1)
	}
	return append(b, tagBool, 0)
}

func appendNumberKey(b []byte, d record.DecimalValue) []byte {
	return append(binary.AppendVarint(append(b, tagNumber), d.Coef), d.Scale)
}

func appendFloatKey(b []byte, f float64) []byte {
	if f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		return appendNumberKey(b, record.DecimalFromInt(int64(f)))
	}
	return binary.LittleEndian.AppendUint64(append(b, tagFloat), math.Float64bits(f))
}

func appendAnyKey(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, tagNull)
	case bool:
		return appendBoolKey(b, v)
	case int:
		return appendNumberKey(b, record.DecimalFromInt(int64(v)))
	case float64:
		return appendFloatKey(b, v)
	case record.DecimalValue:
		return appendNumberKey(b, v)
	case record.DateValue:
		return binary.AppendVarint(append(b, tagDate), v.Days)
	case time.Time:
		return binary.AppendVarint(append(b, tagTime), v.UnixMicro())
	case []any:
		b = binary.AppendUvarint(append(b, tagList), uint64(len(v)))
		for _, e := range v {
			b = appendAnyKey(b, e)
		}
		return b
	case map[string]any:
		b = binary.AppendUvarint(append(b, tagObject), uint64(len(v)))
		for _, k := range sortedNames(v) {
			b = append(binary.AppendUvarint(b, uint64(len(k))), k...)
			b = appendAnyKey(b, v[k])
		}
		return b
	}
	s := fmt.Sprint(v)
	return append(binary.AppendUvarint(append(b, tagString), uint64(len(s))), s...)
}

func sortedNames(v map[string]any) []string {
	names := make([]string, 0, len(v))
	for k := range v {
		names = append(names, k)
	}
	slices.Sort(names)
	return names
}
