package plugin

import (
	"context"
	"io"

	"weir/engine/diag"
	"weir/engine/record"
	"weir/engine/spec"
)

// Decoder is the configuration of a decode step. Once it is bound it does not
// change: steps of several pipelines that are configured alike use one, at the same time.
type Decoder interface {
	Config
	// Bind fixes the schema of the rows, from the declared columns. It does no I/O.
	Bind(at spec.Ranges) (*record.Schema, diag.List)
	// Open starts on one object. want lists the slots that the plan reads, in
	// order: other columns need not be decoded and are then left as nulls of
	// their type. Body yields the object's bytes as they are: compression and
	// character set are the decoder's business.
	// An error is a Failure of class Data that names what is wrong and the
	// declaration it offends, such as a missing column.
	Open(ctx context.Context, o Object, want []record.Slot) (Reader, error)
}

// Object is a stream of bytes with a name.
type Object struct {
	Name   string
	Size   int64 // -1 when unknown
	Body   io.Reader
	Origin *record.Origin
}

// Chunk is a piece of an object that holds whole rows. The engine owns chunks
// and reuses them; a decoder keeps what it needs between Split and Parse in it.
type Chunk struct {
	Data      []byte // text of whole rows, UTF-8 or the decoder's own form
	Offset    int64  // where Data starts in the decompressed object; -1 when the decoder cannot tell
	End       int64  // where it ends, likewise: the offset at which reading can go on
	FirstLine int64  // line number of Data's first line; the first line of the object is 1
	EndLine   int64  // line number of what begins at End, to be given to Resume; lines may be left out of Data
	Extra     any    // decoder's own
}

// Reader reads one object in two halves, so that the second can run on several
// cores. Split is called by one goroutine. Parse is called by any, also at the
// same time, each with its own chunk and batch.
type Reader interface {
	// Split reads the next whole rows, about target bytes of them, into c,
	// reusing its memory. It returns io.EOF when nothing is left.
	Split(ctx context.Context, c *Chunk, target int) error
	// Parse turns the rows of c into b, resetting it to the decoder's schema.
	// b may keep views into c.Data: c is reused only after b. Raw, RawData,
	// FirstLine or Lines are set; row numbers are the engine's. A row that
	// cannot be parsed is added as far as possible (nulls elsewhere) and
	// rejected with its reason: b.Reject(i, "", column, code, reason). The engine says which
	// step refused it.
	Parse(ctx context.Context, c *Chunk, b *record.Batch) error
	// Notices returns what people should know about the object so far, such as
	// columns that nobody declared; once per object, after the last Split.
	Notices() diag.List
	// Close releases the reader, not the Body.
	Close() error
}

// RawReader is implemented by readers whose rows can be decoded again, one by
// one, from the text that a batch keeps of them.
type RawReader interface {
	// RawHeader returns what RawDecoder.OpenRaw needs besides the text of the rows
	// that Parse made of c, such as a header line; nil when nothing. It is called
	// after Parse by the same goroutine. The result is the same slice for
	// all chunks of one part of the object, and never changes.
	RawHeader(c *Chunk) []byte
}

// RawDecoder is implemented by decoders whose rows can be decoded again.
type RawDecoder interface {
	// OpenRaw is Open for an object whose Body is text that a batch kept of rows
	// (see record.Batch.RawText), one row after the other with a line end between
	// them, and header what RawHeader returned for it.
	OpenRaw(ctx context.Context, o Object, header []byte, want []record.Slot) (Reader, error)
}

// RawEditor is implemented by decoders that can change single values in the text of a row.
type RawEditor interface {
	RawDecoder
	// EditRaw returns the text of one row with other values in some columns. header
	// is that of OpenRaw. Whether it can be decoded is not looked at.
	EditRaw(ctx context.Context, header, raw []byte, set []Cell) ([]byte, error)
}

// Cell is a value for a column, as text of the object would have it. The column is named as
// the decoder's rows name it, or as the object does.
type Cell struct{ Column, Value string }

// Resumer is implemented by readers that can go on in the middle of an object.
type Resumer interface {
	// Resume makes the next Split start at offset, an End of an earlier chunk
	// of the same object. It is called before the first Split. The bytes
	// before offset are still read from Body, so that they can be verified,
	// unless Body is an io.Seeker. firstLine is the EndLine of that chunk.
	Resume(offset, firstLine int64) error
}
