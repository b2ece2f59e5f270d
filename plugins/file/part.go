package file

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"weir/engine/plugin"
)

// newPart makes the part file. What has its name by now was put there by somebody else.
func (w *writer) newPart() (plugin.File, error) {
	f, err := w.openPart(os.O_CREATE | os.O_EXCL)
	if errors.Is(err, fs.ErrExist) {
		if err := w.removePart(); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		f, err = w.openPart(os.O_CREATE | os.O_EXCL)
	}
	return f, err
}

// openPart opens the part file for writing, for this process alone. A link in its place is
// not followed: whoever may write to the folder must not choose which file is written.
func (w *writer) openPart(flag int) (plugin.File, error) {
	f, err := w.disk.OpenFile(w.tok.Part, flag|os.O_WRONLY|plugin.NoFollow, w.mode)
	if err != nil {
		return nil, err
	}
	err = w.disk.Lock(f)
	if err == nil {
		err = w.named(f)
	}
	if err != nil {
		return nil, errors.Join(w.taken(err), f.Close())
	}
	return f, nil
}

// named reports an error when the part file's name is not that of f any more: before it was
// locked, another process may have taken it away and made its own.
func (w *writer) named(f plugin.File) error {
	mine, err := f.Stat()
	if err != nil {
		return err
	}
	now, err := w.disk.Lstat(w.tok.Part)
	if err != nil {
		return err
	}
	if !w.disk.SameFile(mine, now) {
		return errors.New("it is another file by now")
	}
	return nil
}

// taken is the error of a part file that another process writes.
func (w *writer) taken(err error) error {
	return plugin.Fail(plugin.Environment, "env.target_taken", fmt.Errorf("%s is being written by another process: %w", w.tok.Part, err),
		"Two processes run with copies of one state folder, or one that was left behind has not ended. Nothing is lost: end one of them, and the next run goes on from the last commit")
}

// removePart removes the part file, unless another process writes it.
func (w *writer) removePart() error {
	if st, err := w.disk.Lstat(w.tok.Part); err == nil && !st.Mode().IsRegular() {
		return w.disk.Remove(w.tok.Part) // nothing of ours
	}
	f, err := w.openPart(0)
	if err != nil {
		return err
	}
	return errors.Join(w.disk.Remove(w.tok.Part), f.Close())
}

// checkTarget refuses a target that is there and must not be lost: with exists = "error" any,
// and always what is no file, such as a folder or a device.
func (w *writer) checkTarget(path string) error {
	st, err := w.disk.Stat(path)
	if err == nil && !st.Mode().IsRegular() {
		return plugin.Fail(plugin.Environment, "env.not_a_file", fmt.Errorf("%s is %s, and a sink \"file\" writes files", path, kindOf(st.Mode())),
			"Correct path. Nothing is lost: the next run goes on from the last commit")
	}
	if _, err := w.disk.Lstat(path); err == nil && w.sink.exists == "error" {
		return fileExists(path)
	}
	return nil
}

// kindOf names what is no regular file.
func kindOf(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "a folder"
	case m&fs.ModeNamedPipe != 0:
		return "a pipe"
	case m&fs.ModeSocket != 0:
		return "a socket"
	case m&fs.ModeDevice != 0:
		return "a device"
	}
	return "no regular file"
}

// lost is the error of a part file that has not what was committed to it.
func lost(t *token, err error) error {
	what := "has another size"
	if err != nil {
		what = "is gone"
		if !errors.Is(err, fs.ErrNotExist) {
			what = "cannot be read (" + err.Error() + ")"
		}
	}
	return plugin.Fail(plugin.Environment, "env.part_file_lost",
		fmt.Errorf("%d rows were committed to the first %d bytes of %s, which %s", t.Rows, t.Bytes, t.Part, what),
		"Restore the file. When it is lost for good, weir state reset drops what is stored of the pipeline, and everything is read again")
}
