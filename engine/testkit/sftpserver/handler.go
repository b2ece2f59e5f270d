package sftpserver

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"weir/engine/testkit/memfs"
)

// handler answers the requests of one session from the tree.
type handler struct {
	s    *Server
	conn *ssh.ServerConn
}

// status turns the tree's errors into those of the protocol.
func status(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return sftp.ErrSSHFxNoSuchFile
	}
	return sftp.ErrSSHFxFailure
}

// Fileread implements sftp.FileReader.
func (h *handler) Fileread(r *sftp.Request) (io.ReaderAt, error) {
	h.s.note("Get", r.Filepath)
	data, err := h.s.fs.Get(r.Filepath)
	if err != nil {
		return nil, status(err)
	}
	return &reader{h: h, path: r.Filepath, data: data, breakAt: h.s.breaking(r.Filepath)}, nil
}

// Filewrite implements sftp.FileWriter.
func (h *handler) Filewrite(r *sftp.Request) (io.WriterAt, error) {
	h.s.note("Put", r.Filepath)
	flags := r.Pflags()
	_, err := h.s.fs.Stat(r.Filepath)
	switch {
	case err == nil && flags.Excl:
		return nil, sftp.ErrSSHFxFailure
	case err == nil && !flags.Trunc:
	default:
		if err := h.s.fs.Create(r.Filepath); err != nil {
			return nil, status(err)
		}
	}
	return &writer{h: h, path: r.Filepath}, nil
}

// Filecmd implements sftp.FileCmder.
func (h *handler) Filecmd(r *sftp.Request) error {
	h.s.note(r.Method, r.Filepath)
	f := h.s.fs
	switch r.Method {
	case "Rename":
		if _, err := f.Stat(r.Target); err == nil {
			return sftp.ErrSSHFxFailure
		}
		return status(f.Rename(r.Filepath, r.Target))
	case "PosixRename":
		return status(f.Rename(r.Filepath, r.Target))
	case "Remove":
		in, err := f.Stat(r.Filepath)
		if err == nil && in.Dir {
			return sftp.ErrSSHFxFailure
		}
		return status(f.Remove(r.Filepath))
	case "Rmdir":
		return status(f.Remove(r.Filepath))
	case "Mkdir":
		return status(f.Mkdir(r.Filepath))
	case "Setstat":
		return h.setstat(r)
	}
	return sftp.ErrSSHFxOpUnsupported
}

func (h *handler) setstat(r *sftp.Request) error {
	a, flags := r.Attributes(), r.AttrFlags()
	if flags.Size {
		if err := h.s.fs.Truncate(r.Filepath, int64(a.Size)); err != nil {
			return status(err)
		}
	}
	if flags.Acmodtime {
		return status(h.s.fs.SetTime(r.Filepath, time.Unix(int64(a.Mtime), 0)))
	}
	return nil
}

// PosixRename implements sftp.PosixRenameFileCmder.
func (h *handler) PosixRename(r *sftp.Request) error { return h.Filecmd(r) }

// Filelist implements sftp.FileLister.
func (h *handler) Filelist(r *sftp.Request) (sftp.ListerAt, error) {
	h.s.note(r.Method, r.Filepath)
	f := h.s.fault()
	if r.Method != "List" {
		in, err := h.s.fs.Stat(r.Filepath)
		if err != nil {
			return nil, status(err)
		}
		return lister{info{in, "", f.SizeAs}}, nil
	}
	entries, err := h.s.fs.List(r.Filepath)
	if err != nil {
		return nil, status(err)
	}
	var out lister
	for _, in := range entries {
		out = append(out, info{in, "", f.SizeAs})
	}
	for _, n := range f.ExtraNames {
		out = append(out, info{memfs.Info{MTime: h.s.o.Clock.Now()}, n, 0})
	}
	h.s.mu.Lock()
	h.s.told += int64(len(out))
	h.s.mu.Unlock()
	if f.EndlessList {
		return &endless{h}, nil
	}
	return out, nil
}

// endless is a listing that goes on until the faults are taken away.
type endless struct{ h *handler }

// ListAt implements sftp.ListerAt.
func (e *endless) ListAt(dst []os.FileInfo, off int64) (int, error) {
	if !e.h.s.fault().EndlessList {
		return 0, io.EOF
	}
	for i := range dst {
		dst[i] = info{memfs.Info{MTime: e.h.s.o.Clock.Now()}, fmt.Sprintf("more_%d.csv", off+int64(i)), 3}
	}
	e.h.s.mu.Lock()
	e.h.s.told += int64(len(dst))
	e.h.s.mu.Unlock()
	return len(dst), nil
}

type lister []info

// ListAt implements sftp.ListerAt.
func (l lister) ListAt(dst []os.FileInfo, off int64) (int, error) {
	n := 0
	for i := off; i < int64(len(l)) && n < len(dst); i++ {
		dst[n] = l[i]
		n++
	}
	if off+int64(n) >= int64(len(l)) {
		return n, io.EOF
	}
	return n, nil
}

// info is memfs.Info as os.FileInfo.
type info struct {
	in   memfs.Info
	name string
	size int64
}

// Name implements fs.FileInfo.
func (i info) Name() string {
	if i.name != "" {
		return i.name
	}
	return path.Base(i.in.Path)
}

// Size implements fs.FileInfo.
func (i info) Size() int64 {
	if i.size != 0 && !i.in.Dir {
		return i.size
	}
	return i.in.Size
}

// Mode implements fs.FileInfo.
func (i info) Mode() fs.FileMode {
	if i.in.Dir {
		return fs.ModeDir | 0o755
	}
	return 0o644
}

// ModTime implements fs.FileInfo.
func (i info) ModTime() time.Time { return i.in.MTime }

// IsDir implements fs.FileInfo.
func (i info) IsDir() bool { return i.in.Dir }

// Sys implements fs.FileInfo.
func (i info) Sys() any { return nil }

type reader struct {
	h       *handler
	path    string
	data    []byte
	breakAt int64 // negative for never
}

// Close implements io.Closer.
func (r *reader) Close() error {
	if f := r.h.s.fault().After; f != nil {
		f("Get", r.path)
	}
	return nil
}

// ReadAt implements io.ReaderAt.
func (r *reader) ReadAt(p []byte, off int64) (int, error) {
	if off >= int64(len(r.data)) {
		if off == r.breakAt {
			r.h.conn.Close() //nolint:errcheck // it is meant to break
		}
		return 0, io.EOF
	}
	n := copy(p, r.data[off:])
	f := r.h.s.fault()
	if r.breakAt >= 0 && off+int64(n) > r.breakAt {
		if off >= r.breakAt {
			r.h.conn.Close() //nolint:errcheck // it is meant to break
			return 0, sftp.ErrSSHFxConnectionLost
		}
		n = int(r.breakAt - off)
	}
	if f.ShortReads && n > 1000 {
		n = 1000
	}
	r.h.s.mu.Lock()
	r.h.s.sent += int64(n)
	sent := r.h.s.sent
	r.h.s.mu.Unlock()
	if f.CutAfter > 0 && sent > f.CutAfter {
		r.h.conn.Close() //nolint:errcheck // it is meant to break
		return 0, sftp.ErrSSHFxConnectionLost
	}
	if f.StallAfter > 0 && sent > f.StallAfter {
		r.stall()
		return 0, sftp.ErrSSHFxFailure
	}
	return n, nil
}

// stall waits until the client gives up or the server closes.
func (r *reader) stall() {
	gone := make(chan struct{})
	go func() {
		r.h.conn.Wait() //nolint:errcheck // any end will do
		close(gone)
	}()
	select {
	case <-gone:
	case <-r.h.s.done:
	}
}

type writer struct {
	h    *handler
	path string
}

// WriteAt implements io.WriterAt.
func (w *writer) WriteAt(p []byte, off int64) (int, error) {
	if err := w.h.s.fs.WriteAt(w.path, slices.Clone(p), off); err != nil {
		return 0, status(err)
	}
	return len(p), nil
}
