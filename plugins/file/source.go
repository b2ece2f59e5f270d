package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"syscall"

	"github.com/bmatcuk/doublestar/v4"

	"weir/engine/diag"
	"weir/engine/plugin"
	"weir/engine/spec"
)

// Source is the configuration of a source "file" step: files of this machine.
type Source struct {
	plugin.FileOptions
}

// Spec implements plugin.Config.
func (s *Source) Spec() spec.Body { return s.FileOptions.Spec() }

// Check implements plugin.Config.
func (s *Source) Check(at spec.Ranges) diag.List { return s.FileOptions.Check(at) }

// Files implements plugin.FileSource.
func (s *Source) Files() *plugin.FileOptions { return &s.FileOptions }

// Location implements plugin.FileSource.
func (s *Source) Location() string { return "file://" }

// Local implements plugin.FileSource.
func (s *Source) Local() bool { return true }

// OpenFS implements plugin.FileSource.
func (s *Source) OpenFS(_ context.Context, h plugin.Host) (plugin.FileSystem, error) {
	f := &fileSystem{disk: h.Machine().Disk()}
	if err := s.checkLinks(f.disk); err != nil {
		return nil, err
	}
	return f, nil
}

// checkLinks refuses an archive that is the folder of the source itself by way of links: what
// is moved there would be read again and again.
func (s *Source) checkLinks(disk plugin.Disk) error {
	if s.AfterMode != plugin.AfterMove {
		return nil
	}
	base, _ := doublestar.SplitPattern(s.Path)
	folder, err := disk.EvalSymlinks(filepath.FromSlash(base))
	moveTo, merr := disk.EvalSymlinks(filepath.FromSlash(s.MoveTo))
	if err != nil || merr != nil || !s.FindsAgain(filepath.ToSlash(folder), filepath.ToSlash(moveTo)) {
		return nil // what is not there yet cannot be a link
	}
	return plugin.Fail(plugin.Environment, "env.moved_again", fmt.Errorf("after moves files to %s, which links make %s, where path (%s) finds them again", s.MoveTo, moveTo, s.Path),
		"Move them to another folder")
}

// fileSystem is the file system of this machine. Relative paths start at the
// working directory.
type fileSystem struct {
	disk   plugin.Disk
	closed bool
}

// Root implements plugin.Rooted.
func (f *fileSystem) Root() string {
	dir, err := f.disk.Abs(".")
	if err != nil {
		return "the working directory"
	}
	return "the working directory " + dir
}

// check refuses calls that cannot succeed, and returns the path in the
// machine's form.
func (f *fileSystem) check(ctx context.Context, p string) (string, error) {
	if f.closed {
		return "", fmt.Errorf("%s: the file system is closed", p)
	}
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	return filepath.FromSlash(p), nil
}

// failure says what to do about the errors of the operating system.
func failure(err error) error {
	var known *plugin.Failure
	switch {
	case errors.As(err, &known), err == nil, errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrExist):
		return err
	case errors.Is(err, fs.ErrPermission):
		return plugin.Confine(plugin.Fail(plugin.Environment, "env.permission", err, "Check the rights of the user that runs this program."))
	case errors.Is(err, syscall.ENOSPC):
		return plugin.Fail(plugin.Environment, "env.disk_full", err, "Make room on the disk.")
	case errors.Is(err, syscall.ENOTDIR):
		return &fs.PathError{Op: "open", Path: pathOf(err), Err: fs.ErrNotExist}
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return plugin.Fail(plugin.Environment, "", err, "")
	}
	return plugin.Confine(plugin.Fail(plugin.Environment, "", err, ""))
}

func pathOf(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Path
	}
	return ""
}

func info(p string, in fs.FileInfo) plugin.FileInfo {
	return plugin.FileInfo{Path: p, Size: in.Size(), ModTime: in.ModTime().UTC(), Dir: in.IsDir()}
}

// List implements plugin.FileSystem.
func (f *fileSystem) List(ctx context.Context, dir string) ([]plugin.FileInfo, error) {
	name, err := f.check(ctx, dir)
	if err != nil {
		return nil, err
	}
	entries, err := f.disk.ReadDir(name)
	if err != nil {
		return nil, failure(err)
	}
	var out []plugin.FileInfo
	for _, e := range entries {
		p := path.Join(dir, e.Name())
		link := e.Type()&fs.ModeSymlink != 0
		in, err := f.disk.Stat(filepath.FromSlash(p))
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ELOOP):
			continue // gone in the meantime, or a link to nothing
		case err != nil:
			// It is listed by its name alone: opening it says what is the matter.
			out = append(out, plugin.FileInfo{Path: p, Dir: e.IsDir()})
			continue
		case link && in.IsDir(), !in.IsDir() && !in.Mode().IsRegular():
			continue // links to folders may lead in circles; devices have no end
		}
		out = append(out, info(p, in))
	}
	return out, nil
}

// Stat implements plugin.FileSystem.
func (f *fileSystem) Stat(ctx context.Context, p string) (plugin.FileInfo, error) {
	name, err := f.check(ctx, p)
	if err != nil {
		return plugin.FileInfo{}, err
	}
	in, err := f.disk.Stat(name)
	if err != nil {
		return plugin.FileInfo{}, failure(err)
	}
	return info(p, in), nil
}

// Open implements plugin.FileSystem. The reader is also an io.Seeker and an
// io.ReaderAt.
func (f *fileSystem) Open(ctx context.Context, p string, offset int64) (io.ReadCloser, error) {
	name, err := f.check(ctx, p)
	if err != nil {
		return nil, err
	}
	h, err := f.disk.Open(name)
	if err != nil {
		return nil, failure(err)
	}
	in, err := h.Stat()
	switch {
	case err != nil:
	case !in.Mode().IsRegular():
		err = fmt.Errorf("%s is not a file", p)
	case offset > in.Size():
		h.Close() //nolint:errcheck // nothing was written
		return nil, plugin.Fail(plugin.Data, "", fmt.Errorf("%s has %d bytes, and reading should go on at %d: the file is shorter than what was read of it before", p, in.Size(), offset), "")
	default:
		_, err = h.Seek(offset, io.SeekStart)
	}
	if err != nil {
		h.Close() //nolint:errcheck // nothing was written
		return nil, failure(err)
	}
	return &reader{File: h, ctx: ctx, want: in.Size()}, nil
}

// reader is a file being read. It notices a file that got shorter meanwhile.
type reader struct {
	plugin.File
	ctx    context.Context
	want   int64
	end    bool
	closed bool
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	n, err := r.File.Read(p)
	r.end = err == io.EOF //nolint:errorlint // os returns it bare
	return n, err
}

// Close implements io.Closer.
func (r *reader) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	at, err := r.Seek(0, io.SeekCurrent)
	if cerr := r.File.Close(); err == nil {
		err = cerr
	}
	if err == nil && r.end && at < r.want {
		return plugin.Fail(plugin.Transient, "env.transfer_cut", fmt.Errorf("%s had %d bytes and ended at %d: it was cut while it was read", r.Name(), r.want, at), "")
	}
	return failure(err)
}

// Rename implements plugin.FileSystem. The new name is made as a second link
// first, which fails when it exists, so that no file is ever replaced, not even
// one that appears at the same moment.
func (f *fileSystem) Rename(ctx context.Context, from, to string) error {
	src, err := f.check(ctx, from)
	if err != nil {
		return err
	}
	dst := filepath.FromSlash(to)
	if _, err := f.disk.Lstat(src); err != nil {
		return failure(err)
	}
	if _, err := f.disk.Lstat(dst); err == nil {
		return &fs.PathError{Op: "rename", Path: to, Err: fs.ErrExist}
	}
	err = f.disk.Link(src, dst)
	switch {
	case err == nil:
		return failure(f.disk.Remove(src))
	case errors.Is(err, fs.ErrExist):
		return &fs.PathError{Op: "rename", Path: to, Err: fs.ErrExist}
	case errors.Is(err, syscall.EXDEV):
		return f.moveCopy(src, dst)
	case errors.Is(err, fs.ErrNotExist):
		return plugin.Fail(plugin.Environment, "env.no_folder", fmt.Errorf("there is no folder %s to move %s to", path.Dir(to), from), "Make the folder, or let after name another.")
	}
	err = f.disk.RenameNew(src, dst) // some file systems have no links
	if errors.Is(err, fs.ErrExist) {
		return &fs.PathError{Op: "rename", Path: to, Err: fs.ErrExist}
	}
	return failure(err)
}

// moveCopy moves a file to another disk: it is copied under a temporary name,
// made durable, linked into place and only then removed.
func (f *fileSystem) moveCopy(src, dst string) (err error) {
	in, err := f.disk.Open(src)
	if err != nil {
		return failure(err)
	}
	defer in.Close() //nolint:errcheck // only read
	st, err := in.Stat()
	if err != nil {
		return failure(err)
	}
	out, err := f.disk.CreateTemp(filepath.Dir(dst), ".weir-move-*")
	if err != nil {
		return failure(err)
	}
	defer f.disk.Remove(out.Name()) //nolint:errcheck // gone or not needed
	_, err = io.Copy(out, in)
	for _, step := range []func() error{
		func() error { return out.Chmod(st.Mode().Perm()) },
		out.Sync,
		out.Close,
		func() error { return f.disk.Chtimes(out.Name(), st.ModTime(), st.ModTime()) },
		func() error {
			err := f.disk.Link(out.Name(), dst)
			if noLinks(err) {
				err = f.disk.RenameNew(out.Name(), dst)
			}
			return err
		},
		func() error { return f.disk.Remove(src) },
	} {
		if err == nil {
			err = step()
		}
	}
	out.Close() //nolint:errcheck // already closed when all went well
	return failure(err)
}

// Remove implements plugin.FileSystem.
func (f *fileSystem) Remove(ctx context.Context, p string) error {
	name, err := f.check(ctx, p)
	if err != nil {
		return err
	}
	if in, err := f.disk.Lstat(name); err == nil && in.IsDir() {
		return plugin.Fail(plugin.Environment, "", fmt.Errorf("%s is a folder, not a file", p), "")
	}
	return failure(f.disk.Remove(name))
}

// MakeDir implements plugin.FileSystem.
func (f *fileSystem) MakeDir(ctx context.Context, dir string) error {
	name, err := f.check(ctx, dir)
	if err != nil {
		return err
	}
	err = f.disk.MkdirAll(name, 0o777)
	if errors.Is(err, syscall.ENOTDIR) {
		return plugin.Fail(plugin.Environment, "", fmt.Errorf("a file stands where the folder %s is needed", dir), "")
	}
	return failure(err)
}

// Close implements plugin.FileSystem.
func (f *fileSystem) Close() error {
	f.closed = true
	return nil
}
