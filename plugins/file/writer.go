package file

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/klauspost/compress/gzip"
	"go.uber.org/zap"

	"weir/engine/plugin"
	"weir/engine/record"
)

// bufferSize is how many bytes are collected before they are written.
const bufferSize = 256 << 10

// The states of a token.
const (
	stateNone  = "none"  // no row yet; there is no part file that matters
	stateOpen  = "open"  // the first Bytes of the part file are durable; more rows follow
	stateFinal = "final" // the part file is complete and is to be published
)

// token is what a commit keeps for the next Open.
type token struct {
	State string `json:"state"`
	Part  string `json:"tmp"`
	Path  string `json:"path"`
	Bytes int64  `json:"bytes"`
	Rows  int64  `json:"rows"`
	N     int    `json:"n"` // number of the part file; a new file gets the next, so that an old token never means a new file
}

// rowEncoder is one lane's way of writing rows.
type rowEncoder interface {
	AppendRow(dst []byte, b *record.Batch, i int) ([]byte, error)
	appendRows(dst []byte, b *record.Batch) ([]byte, error)
	appendSpans(dst []byte, ends []int, b *record.Batch) ([]byte, []int, error)
}

type jsonLines struct{ *record.Encoder }

func (e jsonLines) AppendRow(dst []byte, b *record.Batch, i int) ([]byte, error) {
	dst, err := e.Encoder.AppendRow(dst, b, i)
	if err != nil {
		return dst, err
	}
	return append(dst, '\n'), nil
}

func (e jsonLines) appendRows(dst []byte, b *record.Batch) ([]byte, error) {
	return e.AppendLines(dst, b)
}

func (e jsonLines) appendSpans(dst []byte, ends []int, b *record.Batch) ([]byte, []int, error) {
	return e.AppendLineSpans(dst, ends, b)
}

type csvLines struct{ *record.CSVEncoder }

func (e csvLines) appendRows(dst []byte, b *record.Batch) ([]byte, error) {
	return e.AppendRows(dst, b)
}

func (e csvLines) appendSpans(dst []byte, ends []int, b *record.Batch) ([]byte, []int, error) {
	return e.AppendRowSpans(dst, ends, b)
}

// writer is the running sink.
type writer struct {
	sink  *Sink
	clock plugin.Clock
	log   *zap.Logger
	disk  plugin.Disk
	host  plugin.Host
	place string // of the sink, "" when the host does not tell
	own   string // place, and the state store that it commits to
	claim func() // gives up the target, nil when it is not claimed
	rows  rowEncoder
	mode  fs.FileMode

	tok      token       // what is in the part file; Bytes counts what was written to it
	f        plugin.File // nil until the first row
	buf      []byte
	zip      *gzip.Writer // nil without compression
	member   bool         // a gzip member is begun
	prepared bool         // a token for the present part file was given out
	renew    bool         // a file was published; the next row begins another
	failed   error        // the first error of writing; the part file is no longer known
}

var (
	_ plugin.Writer      = (*writer)(nil)
	_ plugin.Stager      = (*writer)(nil)
	_ plugin.SpanEncoder = (*writer)(nil)
)

func newWriter(s *Sink, h plugin.Host) *writer {
	mode, err := strconv.ParseUint(s.mode, 8, 32)
	if err != nil {
		mode = 0o640
	}
	w := &writer{sink: s, clock: h.Clock(), log: h.Log(), disk: h.Machine().Disk(), host: h, rows: s.newEncoder(), mode: fs.FileMode(mode)}
	if p, ok := h.(plugin.Placed); ok {
		w.place, w.own = p.Place(), p.Place()
		if o := p.Owner(); o != "" {
			w.own += "\x00" + o
		}
	}
	if s.compress == "gzip" {
		w.zip = gzip.NewWriter(io.Discard)
	}
	return w
}

func (s *Sink) newEncoder() rowEncoder {
	if s.format == "csv" {
		return csvLines{s.csv()}
	}
	return jsonLines{record.NewEncoder(s.schema, record.JSONOptions{OmitNull: s.nulls == "omit"})}
}

func (s *Sink) csv() *record.CSVEncoder {
	return record.NewCSVEncoder(s.schema, record.CSVOptions{Delimiter: s.delimiter[0], CRLF: s.newline == "crlf", DecimalComma: s.decimalComma})
}

// open brings the folder to what the last commit says.
func (w *writer) open(resume []byte) error {
	if len(resume) == 0 {
		return w.fresh(1)
	}
	if err := json.Unmarshal(resume, &w.tok); err != nil {
		return plugin.Fail(plugin.Environment, "state.bad_token", fmt.Errorf("what the last commit kept for the file sink cannot be read: %w", err), "")
	}
	switch w.tok.State {
	case stateOpen:
		return w.reopen()
	case stateFinal:
		if err := w.publish(true); err != nil {
			return err
		}
		w.later(w.tok.N + 1)
		return nil
	}
	w.later(max(w.tok.N, 1))
	return nil
}

// later leaves a file of its own to the first row: a run without rows must not
// stumble over a file that is in the way of the next.
func (w *writer) later(n int) {
	w.unclaim()
	w.tok = token{State: stateNone, N: n, Path: w.tok.Path, Part: partName(w.tok.Path, w.sink.path, w.own, n)}
	w.prepared, w.renew = false, true
}

// fresh prepares for a file of its own; nothing is created before the first row.
func (w *writer) fresh(n int) error {
	zone, err := time.LoadLocation(w.sink.timezone)
	if err != nil {
		return plugin.Fail(plugin.Environment, "env.no_zone", err, "Install the time zone data")
	}
	now := w.clock.Now().In(zone)
	path, err := expand(w.sink.path, &now)
	if err != nil {
		return err
	}
	if path, err = w.disk.Abs(path); err != nil {
		return fileError(err)
	}
	w.tok = token{State: stateNone, Path: path, Part: partName(path, w.sink.path, w.own, n), N: n}
	w.prepared, w.renew = false, false
	if st, err := w.disk.Stat(filepath.Dir(path)); err != nil || !st.IsDir() {
		return plugin.Fail(plugin.Environment, "env.missing_folder", fmt.Errorf("the folder %s does not exist", filepath.Dir(path)), "Create it, or correct path")
	}
	if err := w.claimTarget(path); err != nil {
		return err
	}
	if err := w.checkTarget(path); err != nil {
		return err
	}
	// What a run left behind that never committed: no token means this number.
	if err := w.removePart(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fileError(err)
	}
	return nil
}

// reopen cuts the part file back to the last commit.
func (w *writer) reopen() error {
	st, err := w.disk.Stat(w.tok.Part)
	if err != nil || st.Size() < w.tok.Bytes {
		return lost(&w.tok, err)
	}
	f, err := w.openPart(0)
	if err != nil {
		return fileError(err)
	}
	w.f, w.prepared = f, true
	if err := f.Truncate(w.tok.Bytes); err != nil {
		return fileError(err)
	}
	if _, err := f.Seek(w.tok.Bytes, io.SeekStart); err != nil {
		return fileError(err)
	}
	return nil
}

// Deliver implements plugin.Writer. Rows that cannot be written are rejected;
// the others are durable after the next Prepare.
func (w *writer) Deliver(_ context.Context, d *plugin.Delivery) ([]plugin.Rejected, error) {
	if err := w.start(); err != nil {
		return nil, err
	}
	before := len(w.buf)
	var err error
	if w.buf, err = w.rows.appendRows(w.buf, d.Rows); err == nil {
		w.tok.Rows += int64(d.Rows.Live())
		if len(w.buf) >= bufferSize {
			return nil, w.flush()
		}
		return nil, nil
	}
	w.buf = w.buf[:before] // some row cannot be written: which one shows when they are taken one by one
	var rejected []plugin.Rejected
	for k := range d.Rows.Live() {
		i := d.Rows.Row(k)
		var err error
		if w.buf, err = w.rows.AppendRow(w.buf, d.Rows, i); err != nil {
			rejected = append(rejected, plugin.Rejected{Row: i, Code: "row.bad_value", Reason: err.Error()})
			continue
		}
		w.tok.Rows++
		if len(w.buf) >= bufferSize {
			if err := w.flush(); err != nil {
				return nil, err
			}
		}
	}
	return rejected, nil
}

// NewEncode implements plugin.Encoder. The function fails for a batch that has a
// row which cannot be written; Deliver finds and rejects that row.
func (w *writer) NewEncode() func(dst []byte, b *record.Batch) ([]byte, error) {
	return w.sink.newEncoder().appendRows
}

// NewEncodeSpans implements plugin.SpanEncoder. It fails as NewEncode's function does.
func (w *writer) NewEncodeSpans() func(dst []byte, ends []int, b *record.Batch) ([]byte, []int, error) {
	return w.sink.newEncoder().appendSpans
}

// WriteEncoded implements plugin.Encoder.
func (w *writer) WriteEncoded(_ context.Context, data []byte, rows int) error {
	if err := w.start(); err != nil {
		return err
	}
	if len(data) >= bufferSize { // large pieces need no copy
		if err := w.flush(); err != nil {
			return err
		}
		w.tok.Rows += int64(rows)
		return w.write(data)
	}
	w.buf = append(w.buf, data...)
	w.tok.Rows += int64(rows)
	if len(w.buf) >= bufferSize {
		return w.flush()
	}
	return nil
}

// start creates the part file.
func (w *writer) start() error {
	if w.failed != nil || w.f != nil {
		return w.failed
	}
	if w.renew {
		if err := w.fresh(w.tok.N); err != nil {
			return err
		}
	}
	f, err := w.newPart()
	if err != nil {
		return w.fail(err)
	}
	w.f, w.buf = f, w.buf[:0]
	if w.sink.format == "csv" && w.sink.header {
		w.buf = w.sink.csv().AppendHeader(w.buf)
	}
	return nil
}

func (w *writer) flush() error {
	err := w.write(w.buf)
	w.buf = w.buf[:0]
	return err
}

// write appends data to the part file, compressed where asked for.
func (w *writer) write(data []byte) error {
	if w.failed != nil || len(data) == 0 {
		return w.failed
	}
	out := io.Writer(counter{w})
	if w.zip != nil {
		if !w.member {
			w.zip.Reset(out)
			w.member = true
		}
		out = w.zip
	}
	if _, err := out.Write(data); err != nil {
		return w.fail(err)
	}
	return nil
}

// counter counts what reaches the part file.
type counter struct{ w *writer }

func (c counter) Write(p []byte) (int, error) {
	n, err := c.w.f.Write(p)
	c.w.tok.Bytes += int64(n)
	return n, err
}

// fail keeps the first error: what the part file holds after it is not known, so
// nothing more is written; the next Open cuts it back.
func (w *writer) fail(err error) error {
	w.failed = fileError(err)
	return w.failed
}

// Close implements plugin.Writer. A part file that no commit knows of is removed.
func (w *writer) Close(context.Context) error {
	begun := w.f != nil
	defer w.unclaim()
	err := w.closeFile()
	if begun && !w.prepared {
		if rerr := w.disk.Remove(w.tok.Part); rerr != nil && !errors.Is(rerr, fs.ErrNotExist) {
			err = errors.Join(err, fileError(rerr))
		}
	}
	return err
}

func (w *writer) closeFile() error {
	if w.f == nil {
		return nil
	}
	err := w.f.Close()
	w.f = nil
	if err != nil {
		return fileError(err)
	}
	return nil
}

// fileError turns an error of the file system into one that says what to do.
func fileError(err error) error {
	if own := (*plugin.Failure)(nil); errors.As(err, &own) {
		return err
	}
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return plugin.Fail(plugin.Environment, "env.disk_full", err, "Free some space; nothing is lost, the next run goes on from the last commit")
	case errors.Is(err, fs.ErrPermission):
		return plugin.Fail(plugin.Environment, "env.permission", err, "Let the user that runs weir write in the folder")
	}
	return plugin.Fail(plugin.Environment, "env.file", err, "")
}

func fileExists(path string) error {
	return plugin.Fail(plugin.Environment, "env.file_exists", fmt.Errorf("%s exists, and exists = \"error\" keeps what is there", path),
		"Choose exists = \"replace\" (the new file takes its place) or \"number\" (name-1.csv), put the time into path (name_%Y%m%d.csv), or move the file away. Nothing is lost: the next run goes on from the last commit")
}
