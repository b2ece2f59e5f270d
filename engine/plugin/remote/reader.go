package remote

import (
	"fmt"
	"io"

	"weir/engine/plugin"
	"weir/engine/plugin/stall"
)

// reader is the file that is being read.
type reader struct {
	Transfer
	fs     *FileSystem
	path   string
	guard  *stall.Guard
	stop   func() // ends the watch on the context
	done   bool
	broken error // a defect met while reading: the session is over
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (n int, err error) {
	if r.done {
		return 0, fmt.Errorf("reading %s: it is closed", r.path)
	}
	defer r.caught(&err)
	return r.Transfer.Read(p)
}

// caught is deferred around the library's part of a transfer.
func (r *reader) caught(err *error) {
	if v := recover(); v != nil {
		r.broken = r.fs.client.defect(r.fs.host.Log(), "reading "+r.path, plugin.Recovered(v, 0))
		r.guard.Trip(r.broken)
		*err = r.broken
	}
}

// Close implements io.Closer. It reports a transfer that was cut short.
func (r *reader) Close() (err error) {
	if r.done {
		return nil
	}
	r.fs.turn <- struct{}{} // the keepalive leaves a session alone whose file is read
	defer r.fs.leave()
	r.done = true
	over := true
	if r.broken == nil {
		over, err = r.finish()
	}
	r.stop()
	r.fs.file = nil
	if over {
		r.fs.drop()
	}
	r.fs.rest()
	return err
}

func (r *reader) finish() (over bool, err error) {
	over = true
	defer r.caught(&err)
	return r.Finish()
}

// writerTo is a reader whose transfer hands out its own memory.
type writerTo struct {
	*reader
	w io.WriterTo
}

// WriteTo implements io.WriterTo.
func (r *writerTo) WriteTo(w io.Writer) (n int64, err error) {
	if r.done {
		return 0, fmt.Errorf("reading %s: it is closed", r.path)
	}
	defer r.caught(&err)
	return r.w.WriteTo(w)
}
