package compute

import (
	"bytes"
	"regexp"
	"unicode"
	"unicode/utf8"

	"weir/engine/record"
)

// concatK joins texts in one go; a constant part has no kernel.
type concatK struct {
	parts []concatPart
	limit int
	cols  []*record.Column
	out   vec
}

type concatPart struct {
	k    kernel
	text []byte
}

func (k *concatK) eval(f *frame, sel []int32) *record.Column {
	k.cols = k.cols[:0]
	for _, p := range k.parts {
		if p.k == nil {
			k.cols = append(k.cols, nil)
			continue
		}
		k.cols = append(k.cols, p.k.eval(f, sel))
	}
	c := k.out.reset(tString, f.n)
	for _, i := range sel {
		if f.failed(i) {
			k.out.blank(i)
			continue
		}
		off := len(c.Data)
		for j, col := range k.cols {
			if col == nil {
				c.Data = append(c.Data, k.parts[j].text...)
			} else {
				v := col.Views[i]
				c.Data = append(c.Data, col.Data[v.Off:v.Off+v.Len]...)
			}
		}
		n := len(c.Data) - off
		c.Views[i] = record.View{Off: uint32(off), Len: uint32(n)}
		if n > k.limit || len(c.Data) > maxData {
			f.fail(i, errBytes.Error())
			c.Data = c.Data[:off]
			k.out.blank(i)
		}
	}
	return c
}

// cutK gives a part of each text, as a view of it.
type cutK struct {
	x   kernel
	cut func(b []byte) (from, to int)
	out vec
}

func (k *cutK) eval(f *frame, sel []int32) *record.Column {
	x := k.x.eval(f, sel)
	c := k.out.reset(tString, f.n)
	c.ShareData(x)
	for _, i := range sel {
		v := x.Views[i]
		from, to := k.cut(x.Data[v.Off : v.Off+v.Len])
		c.Views[i] = record.View{Off: v.Off + uint32(from), Len: uint32(to - from)}
	}
	return c
}

func cutSpace(b []byte) (int, int) {
	from, to := 0, len(b)
	for from < to && asciiSpace(b[from]) {
		from++
	}
	for to > from && asciiSpace(b[to-1]) {
		to--
	}
	if from < to && (b[from] >= utf8.RuneSelf || b[to-1] >= utf8.RuneSelf) {
		rest := bytes.TrimLeftFunc(b[from:to], unicode.IsSpace)
		from = to - len(rest)
		to = from + len(bytes.TrimRightFunc(rest, unicode.IsSpace))
	}
	return from, to
}

func asciiSpace(c byte) bool { return c == ' ' || c-'\t' < 5 }

func cutPrefix(p []byte) func([]byte) (int, int) {
	return func(b []byte) (int, int) {
		if bytes.HasPrefix(b, p) {
			return len(p), len(b)
		}
		return 0, len(b)
	}
}

func cutSuffix(p []byte) func([]byte) (int, int) {
	return func(b []byte) (int, int) {
		if bytes.HasSuffix(b, p) {
			return 0, len(b) - len(p)
		}
		return 0, len(b)
	}
}

func cutSet(set string) func([]byte) (int, int) {
	return func(b []byte) (int, int) {
		left := bytes.TrimLeft(b, set)
		from := len(b) - len(left)
		return from, from + len(bytes.TrimRight(left, set))
	}
}

// cutSlice is s[from:to] with constant ends; a missing end has ok false.
func cutSlice(from int, to int, toOK bool) func([]byte) (int, int) {
	return func(b []byte) (int, int) {
		a, z := from, len(b)
		if toOK {
			z = to
		}
		if a < 0 {
			a = max(0, a+len(b))
		}
		if z < 0 {
			z = max(0, z+len(b))
		}
		z = min(z, len(b))
		return min(a, z), z
	}
}

// mapTextK appends a form of each text to its own memory.
type mapTextK struct {
	x     kernel
	f     func(dst, s []byte) []byte
	limit int
	out   vec
}

func (k *mapTextK) eval(f *frame, sel []int32) *record.Column {
	x := k.x.eval(f, sel)
	c := k.out.reset(tString, f.n)
	for _, i := range sel {
		off := len(c.Data)
		v := x.Views[i]
		c.Data = k.f(c.Data, x.Data[v.Off:v.Off+v.Len])
		n := len(c.Data) - off
		c.Views[i] = record.View{Off: uint32(off), Len: uint32(n)}
		if n > k.limit || len(c.Data) > maxData {
			f.fail(i, errBytes.Error())
			c.Data = c.Data[:off]
			k.out.blank(i)
		}
	}
	return c
}

func appendLower(dst, s []byte) []byte {
	start := len(dst)
	for i, ch := range s {
		if ch >= utf8.RuneSelf {
			return appendMapped(dst[:start+i], s[i:], unicode.ToLower)
		}
		if ch-'A' < 26 {
			ch += 'a' - 'A'
		}
		dst = append(dst, ch)
	}
	return dst
}

func appendUpper(dst, s []byte) []byte {
	start := len(dst)
	for i, ch := range s {
		if ch >= utf8.RuneSelf {
			return appendMapped(dst[:start+i], s[i:], unicode.ToUpper)
		}
		if ch-'a' < 26 {
			ch -= 'a' - 'A'
		}
		dst = append(dst, ch)
	}
	return dst
}

func appendMapped(dst, s []byte, f func(rune) rune) []byte {
	for len(s) > 0 {
		r, n := utf8.DecodeRune(s)
		dst = utf8.AppendRune(dst, f(r))
		s = s[n:]
	}
	return dst
}

// replacer returns the form of replace(s, from, to, limit); from is not empty.
func replacer(from, to []byte, limit int) func(dst, s []byte) []byte {
	return func(dst, s []byte) []byte {
		for left := limit; left != 0; left-- {
			i := bytes.Index(s, from)
			if i < 0 {
				break
			}
			dst = append(append(dst, s[:i]...), to...)
			s = s[i+len(from):]
		}
		return append(dst, s...)
	}
}

// textTestK tests texts; nil on either side gives false.
type textTestK struct {
	a, b kernel
	test func(a, b []byte) bool
	out  vec
}

func (k *textTestK) eval(f *frame, sel []int32) *record.Column {
	a, b := k.a.eval(f, sel), k.b.eval(f, sel)
	c := k.out.reset(tBool, f.n)
	for _, i := range sel {
		c.Bools[i] = !a.IsNull(int(i)) && !b.IsNull(int(i)) && k.test(a.Bytes(int(i)), b.Bytes(int(i)))
	}
	return c
}

// matchK tests texts against a constant regular expression; nil gives false.
type matchK struct {
	x   kernel
	re  *regexp.Regexp
	out vec
}

func (k *matchK) eval(f *frame, sel []int32) *record.Column {
	x := k.x.eval(f, sel)
	c := k.out.reset(tBool, f.n)
	for _, i := range sel {
		c.Bools[i] = !x.IsNull(int(i)) && k.re.Match(x.Bytes(int(i)))
	}
	return c
}

// indexK is indexOf and lastIndexOf.
type indexK struct {
	a, b kernel
	find func(a, b []byte) int
	out  vec
}

func (k *indexK) eval(f *frame, sel []int32) *record.Column {
	a, b := k.a.eval(f, sel), k.b.eval(f, sel)
	c := k.out.reset(tInt, f.n)
	for _, i := range sel {
		c.Ints[i] = int64(k.find(a.Bytes(int(i)), b.Bytes(int(i))))
	}
	return c
}
