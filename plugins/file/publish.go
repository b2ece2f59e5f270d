package file

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"

	"go.uber.org/zap"

	"weir/engine/plugin"
)

// Prepare implements plugin.Stager. Compressed files get a new gzip member
// after it, so that the file can be cut there.
func (w *writer) Prepare(context.Context) ([]byte, error) {
	if w.tok.Rows == 0 || w.failed != nil {
		return w.encodeToken(), w.failed
	}
	if err := w.sync(); err != nil {
		return nil, err
	}
	w.tok.State = stateOpen
	return w.encodeToken(), nil
}

// PrepareFinal implements plugin.Stager.
func (w *writer) PrepareFinal(context.Context) ([]byte, error) {
	if w.failed != nil {
		return nil, w.failed
	}
	if w.tok.Rows == 0 {
		if !w.sink.empty {
			return w.encodeToken(), nil
		}
		if err := w.start(); err != nil {
			return nil, err
		}
		if w.zip != nil && !w.member { // nothing at all is not gzip; a member without content is
			w.zip.Reset(counter{w})
			w.member = true
		}
	}
	if err := w.sync(); err != nil {
		return nil, err
	}
	w.tok.State = stateFinal
	return w.encodeToken(), nil
}

// Publish implements plugin.Stager. After it the writer is ready for another file.
func (w *writer) Publish(context.Context) error {
	if w.failed != nil || w.tok.State != stateFinal {
		return w.failed
	}
	if w.f != nil { // it stays locked until it has its name
		if err := w.named(w.f); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return w.taken(err)
		}
	}
	if err := w.publish(false); err != nil {
		return err
	}
	if err := w.closeFile(); err != nil {
		return err
	}
	w.later(w.tok.N + 1)
	return nil
}

// sync makes the part file durable, its name included (I1).
func (w *writer) sync() error {
	if err := w.flush(); err != nil {
		return err
	}
	if w.member {
		if err := w.zip.Close(); err != nil {
			return w.fail(err)
		}
		w.member = false
	}
	if err := w.f.Sync(); err != nil {
		return w.fail(err)
	}
	if !w.prepared {
		if err := w.syncFolder(filepath.Dir(w.tok.Part)); err != nil {
			return w.fail(err)
		}
		w.prepared = true
	}
	return nil
}

func (w *writer) encodeToken() []byte {
	out, err := json.Marshal(w.tok)
	if err != nil {
		return nil // strings and numbers always encode
	}
	return out
}

// publish gives the part file of w.tok its name. A later run may repeat it: a
// part file that is gone by then was published before (I7).
func (w *writer) publish(later bool) error {
	st, err := w.disk.Stat(w.tok.Part)
	if later && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || st.Size() != w.tok.Bytes {
		return lost(&w.tok, err)
	}
	target, err := w.rename(st)
	if err != nil {
		return err
	}
	if err := w.syncFolder(filepath.Dir(target)); err != nil {
		return fileError(err)
	}
	w.log.Info("file is published", zap.String("path", target), zap.Int64("rows", w.tok.Rows), zap.Int64("bytes", w.tok.Bytes))
	return nil
}

// rename gives the part file its name, replacing another only when told so.
func (w *writer) rename(part fs.FileInfo) (string, error) {
	path := w.tok.Path
	if w.sink.exists == "replace" {
		if err := w.checkTarget(path); err != nil { // what is there may have come since the writer began
			return "", err
		}
		if err := w.disk.Rename(w.tok.Part, path); err != nil {
			return "", fileError(err)
		}
		return path, nil
	}
	for n := 0; ; n++ {
		target := path
		if n > 0 {
			target = numbered(path, n)
		}
		err := w.linkNew(w.tok.Part, target, part)
		if err == nil {
			return target, nil
		}
		switch {
		case !errors.Is(err, fs.ErrExist):
			return "", fileError(err)
		case w.sink.exists == "error":
			return "", fileExists(target)
		case n == 1_000_000:
			return "", plugin.Fail(plugin.Environment, "env.file_exists", fmt.Errorf("%s exists with a million numbers", path), "Clear the folder")
		}
	}
}

// linkNew moves part to target unless there is a file: a link and a removal,
// because a rename would replace it. A link left by a crash between the two counts as moved.
func (w *writer) linkNew(part, target string, info fs.FileInfo) error {
	err := w.disk.Link(part, target)
	if errors.Is(err, fs.ErrExist) {
		st, serr := w.disk.Lstat(target)
		if serr != nil || !w.disk.SameFile(st, info) {
			return err
		}
		err = nil
	}
	if noLinks(err) {
		return w.disk.RenameNew(part, target) // a file system without links
	}
	if err != nil {
		return err
	}
	return w.disk.Remove(part)
}

// noLinks reports whether err says that the file system has no links.
func noLinks(err error) bool {
	return errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOTSUP) || errors.Is(err, syscall.ENOSYS)
}

// syncFolder makes names in a folder durable.
func (w *writer) syncFolder(dir string) error {
	d, err := w.disk.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil // file systems that cannot do it make names durable by themselves
	}
	return errors.Join(err, d.Close())
}
