package plugin

import (
	"errors"
	"os"
)

// RenameNew implements Disk.
func (systemDisk) RenameNew(from, to string) error {
	err := renameNew(from, to)
	if errors.Is(err, errors.ErrUnsupported) {
		return renameClaimed(from, to)
	}
	return err
}

// renameClaimed renames where the system cannot but replace: the name is claimed first with a
// file that nobody else can make then, and that file is replaced. A crash in between leaves
// an empty file.
func renameClaimed(from, to string) error {
	claim, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // the name is the configuration's
	if err != nil {
		return err
	}
	if err = claim.Close(); err == nil {
		err = os.Rename(from, to)
	}
	if err != nil {
		return errors.Join(err, os.Remove(to))
	}
	return nil
}
