package csv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"weir/engine/bytestream"
	"weir/engine/diag"
	"weir/engine/plugin"
	"weir/engine/record"
)

// headWindow is how much of a text is looked at before its first row: for its
// character set, its line ends and its header.
const headWindow = 64 << 10

// reader reads one object. Split's state is its own; Parse uses only what a
// chunk carries and what never changes.
type reader struct {
	d    *Decoder
	cs   *bytestream.Charset // declared
	want []record.Slot
	name string
	in   *bytestream.Stream

	// The present part:
	open bool
	body io.Reader           // its text, after any byte order mark
	text *bytestream.Charset // resolved
	conv bool                // body is converted to UTF-8 already
	dia  dialect
	lay  *layout

	buf  []byte // text read and not handed out
	q    int    // place in buf of the next quote, or up to where there is none; see nextQuote
	eof  bool   // of the part
	err  error  // of reading, kept until what was read before it is handed out
	off  int64  // in the decompressed object, of buf; -1 when it cannot be told
	line int64  // of buf

	notes  diag.List
	noted  map[string]bool
	offset bool // off can be told
}

// Open implements plugin.Decoder.
func (d *Decoder) Open(_ context.Context, o plugin.Object, want []record.Slot) (plugin.Reader, error) {
	cs, err := bytestream.LookupCharset(d.Text.Charset)
	if err != nil {
		return nil, err
	}
	in, err := bytestream.Open(o.Body, d.Text)
	if err != nil {
		return nil, named(o.Name, err)
	}
	r := &reader{d: d, cs: cs, want: want, name: o.Name, in: in, line: 1, offset: true, noted: map[string]bool{}}
	if err := r.nextPart(); err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.Join(err, in.Close())
	}
	return r, nil
}

// named says in an error about the object's data which object it is.
func named(name string, err error) error {
	var f *plugin.Failure
	if errors.As(err, &f) && f.Class == plugin.Data {
		return plugin.Fail(f.Class, f.Code, fmt.Errorf("%s: %w", name, f.Err), f.Advice)
	}
	return err
}

// nextPart begins the next part: it resolves the character set and reads the
// header. io.EOF says there is none.
func (r *reader) nextPart() error {
	part, err := r.in.Next()
	if err != nil {
		return named(r.name, err)
	}
	name := r.name
	if part.Name != "" {
		name += "/" + part.Name
	}
	r.buf, r.q, r.eof, r.open = r.buf[:0], 0, false, true
	head := make([]byte, bytestream.HeadLen)
	n, err := io.ReadFull(r.in, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		r.err = err // what came before it may hold rows
	}
	res, err := r.cs.Resolve(head[:n])
	if err != nil {
		return named(name, err)
	}
	if res.Note != "" {
		r.note(diag.Warnf("row.charset", nil, fmt.Sprintf("%s: %s", name, res.Note), ""))
	}
	r.text, r.dia = res.Charset, r.d.dialect
	r.conv = r.dia.streamed(r.text)
	r.advance(int64(res.BOM))
	if r.conv {
		r.body = r.text.NewReader(io.MultiReader(bytes.NewReader(head[res.BOM:n]), r.in))
		if r.text.SourceLen(nil) < 0 {
			r.offset, r.off = false, -1
		}
	} else {
		r.body, r.buf = r.in, append(r.buf, head[res.BOM:n]...)
	}
	r.fill(headWindow)
	if r.err != nil && len(r.buf) == 0 {
		return named(name, r.err)
	}
	if bytes.IndexByte(r.buf, '\n') < 0 && bytes.IndexByte(r.buf, '\r') >= 0 {
		r.dia.nl = '\r'
	}
	return r.readHeader(name)
}

func (r *reader) advance(n int64) {
	if r.offset {
		r.off += n
	}
}

// note keeps a notice unless the same was kept before.
func (r *reader) note(d diag.Diagnostic) {
	if !r.noted[d.Summary] {
		r.noted[d.Summary] = true
		d.Row = &diag.RowRef{Object: r.name}
		r.notes = append(r.notes, d)
	}
}

// fill reads until buf has n bytes, or the part or reading ends.
func (r *reader) fill(n int) {
	room := n
	if l := r.d.length; l > 0 {
		room = min(n, l+1) // one more, for the end to be seen
	}
	r.buf = slices.Grow(r.buf, max(room-len(r.buf), 0))
	for empty := 0; len(r.buf) < n && !r.eof && r.err == nil; {
		if len(r.buf) == cap(r.buf) { // it is longer than it was said to be
			r.buf = slices.Grow(r.buf, n-len(r.buf))
		}
		k, err := r.body.Read(r.buf[len(r.buf):cap(r.buf)])
		r.buf = r.buf[:len(r.buf)+k]
		if empty++; k > 0 {
			empty = 0
		}
		switch {
		case errors.Is(err, io.EOF):
			r.eof = true
		case err != nil:
			r.err = err
		case empty == 100:
			r.err = io.ErrNoProgress
		}
	}
}

// refill reads more when the row under way is not complete, and reports whether there is any more.
func (r *reader) refill() bool {
	before := len(r.buf)
	r.fill(before + max(4<<10, before/2))
	return len(r.buf) > before
}

// drop takes n bytes off the front of buf.
func (r *reader) drop(n int) {
	r.advance(r.sourceLen(r.buf[:n]))
	r.line += int64(bytes.Count(r.buf[:n], []byte{r.dia.nl}))
	r.buf = r.buf[:copy(r.buf, r.buf[n:])]
	r.q = max(0, r.q-n)
}

func (r *reader) sourceLen(text []byte) int64 {
	if !r.conv {
		return int64(len(text))
	}
	return r.text.SourceLen(text)
}

// Notices implements plugin.Reader.
func (r *reader) Notices() diag.List { return r.notes }

// Close implements plugin.Reader.
func (r *reader) Close() error { return r.in.Close() }

// Resume implements plugin.Resumer.
func (r *reader) Resume(offset, firstLine int64) error {
	bad := func(why string) error {
		return plugin.Fail(plugin.Data, "run.resume", fmt.Errorf("%s: reading cannot go on at byte %d: %s", r.name, offset, why), "")
	}
	if !r.offset {
		return bad("the character set does not allow to tell places in the file")
	}
	for r.off != offset {
		if r.off > offset {
			return bad("no row begins there")
		}
		if r.open && (len(r.buf) > 0 || !r.eof) {
			if err := r.pass(offset - r.off); err != nil {
				return err
			}
			continue
		}
		err := r.nextPart()
		if errors.Is(err, io.EOF) {
			return bad(fmt.Sprintf("the file ends at byte %d", r.off))
		}
		if err != nil {
			return err
		}
	}
	r.line = firstLine
	return nil
}

// pass drops source bytes of the present part, at most n, and not none.
func (r *reader) pass(n int64) error {
	if len(r.buf) == 0 && !r.conv {
		k, err := r.in.Skip(n)
		r.off += k
		r.eof = errors.Is(err, io.EOF)
		if err != nil && !r.eof {
			return named(r.name, err)
		}
		return nil
	}
	if !r.conv {
		r.drop(int(min(n, int64(len(r.buf)))))
		return nil
	}
	// Converted text is passed over line by line: the place sought is the end of one.
	for i := bytes.IndexByte(r.buf, r.dia.nl); i < 0 && !r.eof; i = bytes.IndexByte(r.buf, r.dia.nl) {
		if !r.refill() {
			break
		}
	}
	if r.err != nil {
		return named(r.name, r.err)
	}
	i := bytes.IndexByte(r.buf, r.dia.nl) + 1
	if i == 0 {
		i = len(r.buf)
	}
	r.drop(i)
	return nil
}
