package bytestream

import (
	"bytes"
	"fmt"

	"weir/engine/plugin"
)

// HeadLen is how many bytes of an object [Charset.Resolve] wants to see.
const HeadLen = 64

// Resolved is the character set of one object.
type Resolved struct {
	Charset *Charset // neither auto nor utf-16 without byte order
	BOM     int      // length of the byte order mark, to be skipped
	Note    string   // what people should know, "" for nothing
}

// Resolve tells the character set of the object that begins with head, given
// that c is declared for it. A byte order mark is believed over a declared set
// of one byte a character, because no text in such a set begins like that; one
// that contradicts a declared Unicode form is an error of class Data.
func (c *Charset) Resolve(head []byte) (Resolved, error) {
	marked, n := bom(head)
	switch {
	case bytes.HasPrefix(head, []byte{0xFF, 0xFE, 0, 0}) || bytes.HasPrefix(head, []byte{0, 0, 0xFE, 0xFF}):
		return Resolved{}, plugin.Fail(plugin.Data, "run.charset", fmt.Errorf("the text is UTF-32, which is not supported"), "Have it written as UTF-8")
	case marked == nil:
		return c.unmarked(head), nil
	case c.kind == kindAuto:
		return Resolved{Charset: marked, BOM: n}, nil
	case c.kind == kindUTF16 && marked.kind != kindUTF8:
		return Resolved{Charset: marked, BOM: n}, nil
	case c.kind == marked.kind:
		return Resolved{Charset: c, BOM: n}, nil
	case c.kind == kindTable && marked.kind == kindUTF8:
		note := fmt.Sprintf("it begins with the mark of UTF-8, so it is read as that, not as %s", c.name)
		return Resolved{Charset: marked, BOM: n, Note: note}, nil
	}
	return Resolved{}, plugin.Fail(plugin.Data, "run.charset",
		fmt.Errorf("the text begins with the mark of %s, but %s is declared", marked.name, c.name), `Set charset = "auto"`)
}

func (c *Charset) unmarked(head []byte) Resolved {
	if c.kind == kindAuto {
		return Resolved{Charset: utf8Charset()}
	}
	if c.kind == kindUTF16 {
		// Without a mark, a zero byte in the first character tells the order; little endian is what Windows writes.
		kind, name := kindUTF16L, "utf-16le"
		if len(head) >= 2 && head[0] == 0 && head[1] != 0 {
			kind, name = kindUTF16B, "utf-16be"
		}
		return Resolved{Charset: &Charset{name: name, kind: kind}}
	}
	return Resolved{Charset: c}
}

func bom(head []byte) (c *Charset, n int) {
	switch {
	case bytes.HasPrefix(head, []byte{0xEF, 0xBB, 0xBF}):
		return utf8Charset(), 3
	case bytes.HasPrefix(head, []byte{0xFF, 0xFE}):
		return &Charset{name: "utf-16le", kind: kindUTF16L}, 2
	case bytes.HasPrefix(head, []byte{0xFE, 0xFF}):
		return &Charset{name: "utf-16be", kind: kindUTF16B}, 2
	}
	return nil, 0
}
