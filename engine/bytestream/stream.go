package bytestream

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"

	"weir/engine/diag"
	"weir/engine/plugin"
)

// ratioFloor is how much an object may expand to before its ratio counts: short
// repetitive files reach any ratio and harm nobody.
const ratioFloor = 16 << 20

// Stream is a decompressed object: one or more parts, read one after another.
// One goroutine at a time uses it.
type Stream struct {
	o      Options
	src    *source
	parts  []part    // of a zip archive, still to be read
	plain  io.Seeker // set when bytes can be skipped without reading them
	r      io.Reader // the present part; nil before the first and after the last
	closer func() error
	closed func() error // removes what was spooled
	what   string       // "gzip", "zip member \"a.csv\"", "" for plain
	start  bool         // the single part of a plain or gzip object was given out
	out    int64        // bytes given out, over all parts
	member expansion    // of the present member of a zip archive
	packed int64        // compressed bytes read of zip members before it
}

// Part describes one part of an object.
type Part struct {
	Name string // of the zip member; "" otherwise
}

// source counts what is read from the body and remembers its error, to tell a
// lost connection from damaged data.
type source struct {
	r   io.Reader
	n   int64
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.n += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// Open starts on an object, reading as much as it takes to tell the compression.
// A zip archive needs its end first: a body that is an io.ReaderAt and io.Seeker
// (such as a local file) is read in place, any other is copied to a temporary
// file, which Close removes.
func Open(body io.Reader, o Options) (*Stream, error) {
	s := &Stream{o: o, src: &source{r: body}}
	kind := o.Compression
	if kind == "none" {
		s.plain, _ = body.(io.Seeker)
		s.r = s.src
		return s, nil
	}
	head := make([]byte, 4)
	n, err := io.ReadFull(s.src, head)
	if s.src.err != nil {
		return nil, s.src.err
	}
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	head = head[:n]
	if kind == "auto" || kind == "" {
		kind = sniff(head)
	}
	switch kind {
	case "gzip":
		return s, s.openGzip(head)
	case "zip":
		return s, s.openZip(body, head)
	}
	if s.plain, _ = body.(io.Seeker); s.plain != nil {
		if _, err := s.plain.Seek(int64(-n), io.SeekCurrent); err != nil {
			return nil, err
		}
		s.r = s.src
		return s, nil
	}
	s.r = io.MultiReader(bytes.NewReader(head), s.src)
	return s, nil
}

func sniff(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte{0x1F, 0x8B, 8}):
		return "gzip"
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		return "zip"
	}
	return "none"
}

func (s *Stream) openGzip(head []byte) error {
	s.what = "gzip"
	if len(head) == 0 {
		return plugin.Fail(plugin.Data, "run.archive", errors.New("the object is empty, not gzip"), "")
	}
	if sniff(head) != "gzip" {
		return plugin.Fail(plugin.Data, "run.archive", errors.New("the object is not gzip, as compression says"), `Set compression = "auto"`)
	}
	z, err := gzip.NewReader(io.MultiReader(bytes.NewReader(head), s.src))
	if err != nil {
		return s.fail(err)
	}
	s.r = z // closing it releases nothing and repeats errors of Read
	return nil
}

// fail tells a failure of the body from damage in what it yields.
func (s *Stream) fail(err error) error {
	if s.src.err != nil {
		return s.src.err
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return plugin.Fail(plugin.Data, "run.archive", fmt.Errorf("the %s data ends too early", s.what), "It was probably not written or transferred to its end")
	}
	return plugin.Fail(plugin.Data, "run.archive", fmt.Errorf("the %s data is damaged: %w", s.what, err), "")
}

// Next begins the next part; io.EOF says there is none. What is left of the present part is passed over unread.
func (s *Stream) Next() (Part, error) {
	if s.parts != nil {
		return s.nextMember()
	}
	if s.start || s.r == nil {
		return Part{}, io.EOF
	}
	s.start = true
	return Part{}, nil
}

// Read reads from the present part. io.EOF is its end, not the object's.
func (s *Stream) Read(p []byte) (int, error) {
	if s.r == nil {
		return 0, io.EOF
	}
	n, err := s.r.Read(p)
	s.out += int64(n)
	s.member.out += int64(n)
	if s.what == "" {
		return n, err
	}
	if over := s.limit(); over != nil {
		return 0, over
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return n, s.fail(err)
	}
	return n, err
}

func (s *Stream) limit() error {
	if s.o.MaxSize > 0 && s.out > s.o.MaxSize {
		return plugin.Fail(plugin.Data, "run.archive_limit",
			fmt.Errorf("the %s data expands to more than max_expanded allows (%s)", s.what, diag.Bytes(s.o.MaxSize)), "Raise max_expanded if the file is meant to be that large")
	}
	if s.parts == nil {
		return s.ratio(s.what+" data", expansion{s.src.n, s.out})
	}
	// A member that is made to fill the disk does not hide behind others that are sound,
	// nor do many small ones that are.
	if err := s.ratio(s.what+" data", s.member); err != nil {
		return err
	}
	return s.ratio("zip archive", expansion{s.packed + s.member.in, s.out})
}

// expansion is what so many compressed bytes became.
type expansion struct{ in, out int64 }

func (s *Stream) ratio(what string, x expansion) error {
	if s.o.MaxRatio <= 0 || x.out <= ratioFloor || x.out/int64(s.o.MaxRatio) <= x.in {
		return nil
	}
	return plugin.Fail(plugin.Data, "run.archive_limit",
		fmt.Errorf("the %s expands to more than %d times its size, which max_ratio allows (%s from %s so far)", what, s.o.MaxRatio, diag.Bytes(x.out), diag.Bytes(x.in)),
		"Raise max_ratio if the file is known to be sound")
}

// Skip passes over n bytes of the present part, seeking when the object is
// plain and its body can, and returns how many there were.
func (s *Stream) Skip(n int64) (int64, error) {
	if s.plain == nil || s.r == nil {
		return io.CopyN(io.Discard, s, n)
	}
	at, err := s.plain.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, err
	}
	end, err := s.plain.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, err
	}
	to := min(at+n, end)
	if _, err := s.plain.Seek(to, io.SeekStart); err != nil {
		return 0, err
	}
	s.out += to - at
	if to-at < n {
		return to - at, io.EOF
	}
	return n, nil
}

// Close releases the stream, not the body.
func (s *Stream) Close() error {
	var err error
	if s.closer != nil {
		err = s.closer()
	}
	if s.closed != nil {
		err = errors.Join(err, s.closed())
	}
	s.r, s.parts, s.closer, s.closed = nil, nil, nil, nil
	return err
}
