package bytestream

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/unicode"
	"pgregory.net/rapid"

	"weir/engine/plugin"
)

func lookup(t testing.TB, name string) *Charset {
	t.Helper()
	c, err := LookupCharset(name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestLookupCharset(t *testing.T) {
	for name, want := range map[string]string{
		"UTF-8": "utf-8", "utf8": "utf-8", "Windows-1252": "windows-1252", "cp1250": "windows-1250", "latin1": "iso-8859-1",
		"ISO-8859-2": "iso-8859-2", "iso8859-15": "iso-8859-15", "utf-16le": "utf-16le", "Shift_JIS": "shift_jis", "us-ascii": "us-ascii", "GB18030": "gb18030",
	} {
		if c := lookup(t, name); c.Name() != want {
			t.Errorf("%s: name %s, want %s", name, c.Name(), want)
		}
	}
	for name, want := range map[string]string{
		"windows-1253x": `did you mean "windows-1253"?`,
		"uft-8":         `did you mean "utf-8"?`,
		"klingon-abcde": `not "klingon-abcde"`,
		"ISO-2022-KR":   "not supported",
	} {
		if _, err := LookupCharset(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %s", name, err, want)
		}
	}
}

// The web's index maps iso-8859-1 to windows-1252; files that declare it mean it.
func TestLatin1IsLatin1(t *testing.T) {
	got := lookup(t, "iso-8859-1").AppendUTF8(nil, []byte{0x80, 0xE9})
	if string(got) != "\u0080é" {
		t.Errorf("got %q", got)
	}
}

// Every set of one byte a character converts as the library does, but for bytes without meaning.
func TestTablesAgreeWithLibrary(t *testing.T) {
	for _, name := range []string{"windows-1250", "windows-1252", "iso-8859-1", "iso-8859-2", "iso-8859-15", "koi8-r", "ibm037", "ibm852", "macintosh"} {
		c := lookup(t, name)
		enc, err := ianaindex.IANA.Encoding(name)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := c.Piecewise(), name != "ibm037"; got != want {
			t.Errorf("%s: Piecewise %v", name, got)
		}
		for b := range 256 {
			want, err := enc.NewDecoder().Bytes([]byte{byte(b)})
			if err != nil {
				t.Fatal(err)
			}
			got := c.AppendUTF8(nil, []byte{byte(b)})
			if string(want) == "\uFFFD" {
				want = []byte{undecodable}
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s byte %#x: %q, want %q", name, b, got, want)
			}
			if n := c.SourceLen(got); n != 1 {
				t.Errorf("%s byte %#x: SourceLen %d", name, b, n)
			}
		}
	}
}

func TestAppendUTF8DoesNotAllocate(t *testing.T) {
	c, src, dst := lookup(t, "windows-1252"), bytes.Repeat([]byte("prijs \x80 caf\xe9;"), 100), make([]byte, 0, 8000)
	if n := testing.AllocsPerRun(10, func() { dst = c.AppendUTF8(dst[:0], src) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestUTF16RoundTrip(t *testing.T) {
	for name, order := range map[string]unicode.Endianness{"utf-16le": unicode.LittleEndian, "utf-16be": unicode.BigEndian} {
		c := lookup(t, name)
		rapid.Check(t, func(t *rapid.T) {
			text := rapid.String().Draw(t, "text")
			raw, err := unicode.UTF16(order, unicode.IgnoreBOM).NewEncoder().Bytes([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(c.NewReader(iotest.OneByteReader(bytes.NewReader(raw))))
			if err != nil || string(got) != text {
				t.Fatalf("%q became %q (%v)", text, got, err)
			}
			if n := c.SourceLen(got); n != int64(len(raw)) {
				t.Fatalf("SourceLen %d, want %d", n, len(raw))
			}
		})
	}
}

func TestUndecodableIsNeverValid(t *testing.T) {
	for _, tt := range []struct{ charset, raw string }{
		{"utf-16le", "a\x00\x00\xd8b\x00"}, // high surrogate alone
		{"utf-16le", "a\x00\x00\xdcb\x00"}, // low surrogate alone
		{"utf-16be", "\x00a\xd8\x00"},      // high surrogate at the end
		{"utf-16be", "\x00a\x00"},          // odd byte
		{"windows-1252", "a\x81b"},
		{"us-ascii", "caf\xe9"},
		{"shift_jis", "a\x81"},
		{"euc-jp", "a\xff\xffb"},
	} {
		c := lookup(t, tt.charset)
		got, err := io.ReadAll(c.NewReader(strings.NewReader(tt.raw)))
		if err != nil || utf8.Valid(got) || bytes.Contains(got, []byte("\uFFFD")) {
			t.Errorf("%s %q: got %q, %v", tt.charset, tt.raw, got, err)
		}
		if n := c.SourceLen(got); n >= 0 && n != int64(len(tt.raw)) {
			t.Errorf("%s %q: SourceLen %d", tt.charset, tt.raw, n)
		}
	}
}

func TestResolve(t *testing.T) {
	for _, tt := range []struct {
		declared, head, want string
		bom                  int
		note, err            string
	}{
		{declared: "auto", head: "a;b", want: "utf-8"},
		{declared: "auto", head: "", want: "utf-8"},
		{declared: "auto", head: "\xEF\xBB\xBFa", want: "utf-8", bom: 3},
		{declared: "auto", head: "\xFF\xFEa\x00", want: "utf-16le", bom: 2},
		{declared: "auto", head: "\xFE\xFF\x00a", want: "utf-16be", bom: 2},
		{declared: "utf-16", head: "\x00a\x00b", want: "utf-16be"},
		{declared: "utf-16", head: "a\x00b\x00", want: "utf-16le"},
		{declared: "utf-16", head: "\xFE\xFF\x00a", want: "utf-16be", bom: 2},
		{declared: "utf-16be", head: "\xFE\xFF\x00a", want: "utf-16be", bom: 2},
		{declared: "windows-1252", head: "\xEF\xBB\xBFa", want: "utf-8", bom: 3, note: "not as windows-1252"},
		{declared: "windows-1252", head: "a", want: "windows-1252"},
		{declared: "utf-8", head: "\xFF\xFEa\x00", err: "begins with the mark of utf-16le, but utf-8 is declared"},
		{declared: "utf-16be", head: "\xFF\xFEa\x00", err: "utf-16be is declared"},
		{declared: "auto", head: "\xFF\xFE\x00\x00a", err: "UTF-32"},
	} {
		r, err := lookup(t, tt.declared).Resolve([]byte(tt.head))
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) || plugin.ClassOf(err) != plugin.Data {
				t.Errorf("%s %q: error %v, want %s", tt.declared, tt.head, err, tt.err)
			}
			continue
		}
		if err != nil || r.Charset.Name() != tt.want || r.BOM != tt.bom || !strings.Contains(r.Note, tt.note) || (tt.note == "") != (r.Note == "") {
			t.Errorf("%s %q: %v %+v, want %s", tt.declared, tt.head, err, r, tt.want)
		}
	}
}
