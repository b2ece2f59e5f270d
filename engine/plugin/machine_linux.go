package plugin

import (
	"errors"

	"golang.org/x/sys/unix"
)

// renameNew renames in one step with the look whether the name is free. errors.ErrUnsupported
// tells that the file system, or the kernel, cannot.
func renameNew(from, to string) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		return errors.ErrUnsupported
	}
	return err
}
