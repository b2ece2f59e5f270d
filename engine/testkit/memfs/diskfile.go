package memfs

import (
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"
	"time"
)

// info describes a file to those who know package os.
type info struct {
	n    *node
	name string
	size int64
	at   time.Time
	mode fs.FileMode
}

func describe(p string, n *node) info {
	i := info{n: n, name: path.Base(p), size: int64(len(n.data)), at: n.mtime, mode: n.mode}
	switch {
	case n.dir:
		i.mode = fs.ModeDir | 0o755
	case i.mode == 0:
		i.mode = 0o644
	}
	return i
}

// Name implements fs.FileInfo.
func (i info) Name() string { return i.name }

// Size implements fs.FileInfo.
func (i info) Size() int64 { return i.size }

// Mode implements fs.FileInfo.
func (i info) Mode() fs.FileMode { return i.mode }

// ModTime implements fs.FileInfo.
func (i info) ModTime() time.Time { return i.at }

// IsDir implements fs.FileInfo.
func (i info) IsDir() bool { return i.mode.IsDir() }

// Sys implements fs.FileInfo: it is the same for all names of a file.
func (i info) Sys() any { return i.n }

// file is an open file. One goroutine at a time uses it.
type file struct {
	d      *Disk
	n      *node
	name   string
	flag   int
	at     int64
	closed bool
}

func (f *file) locked(op string, do func() error) error {
	if f.closed {
		return &fs.PathError{Op: op, Path: f.name, Err: fs.ErrClosed}
	}
	return f.d.locked(op, f.name, func(string) error { return do() })
}

// Name implements plugin.File.
func (f *file) Name() string { return f.name }

// Read implements io.Reader.
func (f *file) Read(p []byte) (int, error) {
	n, err := f.ReadAt(p, f.at)
	f.at += int64(n)
	if n > 0 {
		err = nil
	}
	return n, err
}

// ReadAt implements io.ReaderAt.
func (f *file) ReadAt(p []byte, off int64) (n int, err error) {
	err = f.locked("read", func() error {
		if f.n.dir {
			return syscall.EISDIR
		}
		n = copy(p, f.n.data[min(off, int64(len(f.n.data))):])
		return nil
	})
	if err == nil && n < len(p) {
		err = io.EOF
	}
	return n, err
}

// Seek implements io.Seeker.
func (f *file) Seek(offset int64, whence int) (int64, error) {
	err := f.locked("seek", func() error {
		to := offset
		switch whence {
		case io.SeekCurrent:
			to += f.at
		case io.SeekEnd:
			to += int64(len(f.n.data))
		}
		if to < 0 {
			return fs.ErrInvalid
		}
		f.at = to
		return nil
	})
	return f.at, err
}

// Write implements io.Writer.
func (f *file) Write(p []byte) (int, error) {
	err := f.locked("write", func() error {
		if f.flag&(os.O_WRONLY|os.O_RDWR) == 0 {
			return syscall.EBADF
		}
		if f.flag&os.O_APPEND != 0 {
			f.at = int64(len(f.n.data))
		}
		if gap := f.at + int64(len(p)) - int64(len(f.n.data)); gap > 0 {
			f.n.data = append(f.n.data, make([]byte, gap)...)
		}
		f.at += int64(copy(f.n.data[f.at:], p))
		f.n.mtime = f.d.fs.now()
		return nil
	})
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// Truncate implements plugin.File.
func (f *file) Truncate(size int64) error {
	return f.locked("truncate", func() error {
		if size > int64(len(f.n.data)) {
			f.n.data = append(f.n.data, make([]byte, size-int64(len(f.n.data)))...)
		}
		f.n.data, f.n.mtime = f.n.data[:size], f.d.fs.now()
		return nil
	})
}

// Stat implements plugin.File.
func (f *file) Stat() (out fs.FileInfo, err error) {
	err = f.locked("stat", func() error {
		out = describe(f.name, f.n)
		return nil
	})
	return out, err
}

// Chmod implements plugin.File.
func (f *file) Chmod(mode fs.FileMode) error {
	return f.locked("chmod", func() error {
		f.n.mode = mode
		return nil
	})
}

// Sync implements plugin.File.
func (f *file) Sync() error { return f.locked("sync", func() error { return nil }) }

// Close implements io.Closer.
func (f *file) Close() error {
	if f.closed {
		return &fs.PathError{Op: "close", Path: f.name, Err: fs.ErrClosed}
	}
	f.closed = true
	return nil
}
