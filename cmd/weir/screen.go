package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"sync"
	"unicode/utf8"

	"weir/engine/diag"
)

// screen is what verbs print on: it lets nothing through that could steer a terminal,
// because names, texts and replies come from elsewhere, and what is printed to a file or a
// log is looked at on a terminal later. Lines end and tabs stay. Colours do too while they
// are asked for; what draws more than that writes to the file itself, see fileOf, and cleans
// what it shows.
//
// It may be written to from several goroutines.
type screen struct {
	to     io.Writer
	colors bool // sequences that set colours pass
	json   bool // what is written is JSON: characters are escaped in it, so that none is lost

	mu   sync.Mutex
	rest []byte // the beginning of a character or sequence that the last write ended in
}

// newScreen prints on to.
func newScreen(to io.Writer) *screen { return &screen{to: to} }

// forJSON returns a writer for JSON documents to where w prints.
func forJSON(w io.Writer) io.Writer {
	if s, ok := w.(*screen); ok {
		w = s.to
	}
	return &screen{to: w, json: true}
}

// inColor returns a writer to where w prints that lets colours through.
func inColor(w io.Writer) io.Writer {
	if s, ok := w.(*screen); ok {
		return &screen{to: s.to, colors: true}
	}
	return w
}

// fileOf returns the file that w prints on, nil when it is none.
func fileOf(w io.Writer) *os.File {
	if s, ok := w.(*screen); ok {
		w = s.to
	}
	f, _ := w.(*os.File)
	return f
}

// direct returns what w prints on, for programs that draw on it themselves.
func direct(w io.Writer) io.Writer {
	if s, ok := w.(*screen); ok {
		return s.to
	}
	return w
}

// Write implements io.Writer.
func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.rest) == 0 && harmless(p) {
		return s.to.Write(p)
	}
	in := append(s.rest, p...)
	out := make([]byte, 0, len(in))
	for len(in) > 0 {
		n, whole := s.take(&out, in)
		if !whole {
			break
		}
		in = in[n:]
	}
	s.rest = bytes.Clone(in)
	if _, err := s.to.Write(out); err != nil {
		return 0, err
	}
	return len(p), nil
}

// harmless reports whether p is printable ASCII, tabs and line ends.
func harmless(p []byte) bool {
	for _, c := range p {
		if (c < ' ' && c != '\n' && c != '\t') || c > '~' {
			return false
		}
	}
	return true
}

// take appends to out what is printed of the first character or sequence of in, and returns
// its length. It reports false when in may end within it.
func (s *screen) take(out *[]byte, in []byte) (n int, whole bool) {
	if in[0] == '\r' {
		if len(in) == 1 {
			return 0, false
		}
		if in[1] == '\n' {
			*out = append(*out, "\r\n"...)
			return 2, true
		}
	}
	if in[0] == 0x1b && s.colors {
		n, whole := color(in)
		if n > 0 || !whole {
			*out = append(*out, in[:n]...)
			return n, whole
		}
	}
	if !utf8.FullRune(in) {
		return 0, false
	}
	r, n := utf8.DecodeRune(in)
	switch {
	case r == '\n' || r == '\t' || !diag.Steers(r):
		*out = utf8.AppendRune(*out, r)
	case s.json:
		*out = fmt.Appendf(*out, `\u%04x`, r)
	default:
		*out = utf8.AppendRune(*out, utf8.RuneError)
	}
	return n, true
}

// color returns the length of a sequence at the beginning of in that sets a colour or
// weight, 0 when there is none. It reports false when in may end within one.
func color(in []byte) (n int, whole bool) {
	if len(in) == 1 {
		return 0, false
	}
	if in[1] != '[' {
		return 0, true
	}
	for i, c := range in[2:] {
		switch {
		case c == 'm':
			return i + 3, true
		case c != ';' && (c < '0' || c > '9') || i > 8:
			return 0, true
		}
	}
	return 0, false
}
