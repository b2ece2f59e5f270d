package bytestream

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/transform"

	"weir/engine/diag"
)

type charsetKind uint8

const (
	kindAuto   charsetKind = iota // the byte order mark decides, else UTF-8
	kindUTF8                      // as it is
	kindTable                     // one byte a character, through a table
	kindUTF16                     // byte order from the mark, or guessed
	kindUTF16L                    // little endian
	kindUTF16B                    // big endian
	kindOther                     // several bytes a character, through x/text
)

// Charset is a character set. It is immutable and safe for concurrent use.
//
// Bytes that mean nothing in the set are converted to bytes that are not valid
// UTF-8, never to a replacement character: so one check with utf8.Valid finds
// them in every set, and the caller decides what becomes of them.
type Charset struct {
	name  string
	kind  charsetKind
	table *[256][]byte // kindTable: the UTF-8 text of each byte
	ascii bool         // kindTable: bytes below 0x80 are ASCII
	enc   encoding.Encoding
}

// undecodable stands for a byte without meaning; it never occurs in UTF-8.
const undecodable = 0xFF

// Name returns the name of c as the IANA registers it, in lower case.
func (c *Charset) Name() string { return c.name }

// Auto reports whether c is told by each object's byte order mark, UTF-8 without one.
func (c *Charset) Auto() bool { return c.kind == kindAuto }

// UTF8 reports whether text in c needs no conversion.
func (c *Charset) UTF8() bool { return c.kind == kindUTF8 }

// Piecewise reports whether text in c may be cut at any ASCII byte and its
// pieces be converted on their own, with [Charset.AppendUTF8]: ASCII bytes mean
// themselves and are never part of another character.
func (c *Charset) Piecewise() bool { return c.kind == kindUTF8 || c.kind == kindTable && c.ascii }

// AppendUTF8 appends the UTF-8 text of src to dst. c is a set of one byte a character or UTF-8.
func (c *Charset) AppendUTF8(dst, src []byte) []byte {
	if c.table == nil {
		return append(dst, src...)
	}
	for len(src) > 0 {
		n := 0
		if c.ascii {
			for n < len(src) && src[n] < utf8.RuneSelf {
				n++
			}
			dst = append(dst, src[:n]...)
		}
		for ; n < len(src) && (!c.ascii || src[n] >= utf8.RuneSelf); n++ {
			dst = append(dst, c.table[src[n]]...)
		}
		src = src[n:]
	}
	return dst
}

// NewReader returns a reader of the UTF-8 text of r, which begins after any byte order mark.
func (c *Charset) NewReader(r io.Reader) io.Reader {
	switch c.kind {
	case kindTable:
		return &pieceReader{r: r, convert: c.AppendUTF8}
	case kindUTF16L, kindUTF16B, kindUTF16:
		u := &utf16Text{big: c.kind == kindUTF16B}
		return &pieceReader{r: r, convert: u.convert, end: u.end}
	case kindOther:
		return transform.NewReader(r, &marking{Transformer: c.enc.NewDecoder()})
	case kindAuto, kindUTF8:
	}
	return r
}

// SourceLen returns how many bytes of the source the converted text was made
// from, or -1 when the set does not allow to tell. text holds whole characters.
func (c *Charset) SourceLen(text []byte) int64 {
	switch c.kind {
	case kindTable:
		return int64(utf8.RuneCount(text))
	case kindUTF16, kindUTF16L, kindUTF16B:
		return utf16SourceLen(text)
	case kindOther:
		return -1
	case kindAuto, kindUTF8:
	}
	return int64(len(text))
}

// LookupCharset returns the character set with the given name, in any case:
// "auto", "utf-8", "utf-16", "windows-1252", "iso-8859-2", "cp1250" and every
// other set in the IANA register that is supported. The error says what is near.
func LookupCharset(name string) (*Charset, error) {
	n := strings.ToLower(strings.TrimSpace(name))
	switch n {
	case "auto":
		return &Charset{name: "auto", kind: kindAuto}, nil
	case "utf-8", "utf8":
		return utf8Charset(), nil
	case "utf-16", "utf16":
		return &Charset{name: "utf-16", kind: kindUTF16}, nil
	case "utf-16le", "utf16le":
		return &Charset{name: "utf-16le", kind: kindUTF16L}, nil
	case "utf-16be", "utf16be":
		return &Charset{name: "utf-16be", kind: kindUTF16B}, nil
	case "us-ascii", "ascii":
		return asciiCharset(), nil
	}
	// IANA knows windows-1250 by that name alone; many systems write cp1250.
	if code, ok := strings.CutPrefix(n, "cp125"); ok {
		n = "windows-125" + code
	}
	if n == "iso8859" || strings.HasPrefix(n, "iso8859-") {
		n = "iso-" + strings.TrimPrefix(n, "iso")
	}
	enc, err := ianaindex.IANA.Encoding(n)
	if err == nil && enc == nil {
		return nil, fmt.Errorf("names the character set %q, which is not supported", name)
	}
	if err != nil {
		msg := fmt.Sprintf("must be the name of a character set such as \"utf-8\" or \"windows-1252\", not %q", name)
		if s := diag.Suggest(n, charsetNames()); s != "" {
			msg += fmt.Sprintf(" (did you mean %q?)", s)
		}
		return nil, errors.New(msg)
	}
	return fromEncoding(n, enc), nil
}

func fromEncoding(n string, enc encoding.Encoding) *Charset {
	if mime, err := ianaindex.MIME.Name(enc); err == nil && mime != "" {
		n = strings.ToLower(mime)
	}
	cm, ok := enc.(*charmap.Charmap)
	if !ok {
		return &Charset{name: n, kind: kindOther, enc: enc}
	}
	c := &Charset{name: n, kind: kindTable, table: new([256][]byte), ascii: true}
	for i := range c.table {
		if r := cm.DecodeByte(byte(i)); r != utf8.RuneError {
			c.table[i] = utf8.AppendRune(nil, r)
			c.ascii = c.ascii && (i >= utf8.RuneSelf || r == rune(i))
		} else {
			c.table[i] = []byte{undecodable}
			c.ascii = c.ascii && i >= utf8.RuneSelf
		}
	}
	return c
}

func utf8Charset() *Charset { return &Charset{name: "utf-8", kind: kindUTF8} }

func asciiCharset() *Charset {
	c := &Charset{name: "us-ascii", kind: kindTable, table: new([256][]byte), ascii: true}
	for i := range c.table {
		c.table[i] = []byte{undecodable}
		if i < utf8.RuneSelf {
			c.table[i] = []byte{byte(i)}
		}
	}
	return c
}

// charsetNames lists the names that a suggestion may propose.
func charsetNames() []string {
	out := []string{"auto", "utf-8", "utf-16", "utf-16le", "utf-16be", "us-ascii"}
	all := append([]encoding.Encoding{}, charmap.All...)
	for _, more := range [][]encoding.Encoding{japanese.All, korean.All, simplifiedchinese.All, traditionalchinese.All} {
		all = append(all, more...)
	}
	for _, e := range all {
		if n, err := ianaindex.MIME.Name(e); err == nil && n != "" {
			out = append(out, strings.ToLower(n))
		}
	}
	return out
}
