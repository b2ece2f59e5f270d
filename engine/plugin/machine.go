package plugin

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Machine is the only way by which a step reaches what lies outside the process:
// files of this machine and servers elsewhere. It is lent by the Host, so that whoever
// runs steps decides what they reach: in a test they reach its stand-ins and nothing
// else. Plugins call neither the file system nor the network by themselves; a rule of
// the house finds those that do.
type Machine interface {
	// Disk returns the file system of the machine.
	Disk() Disk
	// Dial connects to a server. It gives up when ctx is done.
	Dial(ctx context.Context, network, address string) (net.Conn, error)
}

// Disk is the file system of a machine. Its methods do what the functions of package os
// with their names do, with the same errors; names are in the machine's form.
type Disk interface { //nolint:interfacebloat // what package os offers is one thing
	// Abs returns name from the root; relative names begin at the working folder.
	Abs(name string) (string, error)
	// EvalSymlinks returns the name that name leads to once every link in it was followed.
	EvalSymlinks(name string) (string, error)
	Stat(name string) (fs.FileInfo, error)
	Lstat(name string) (fs.FileInfo, error)
	// SameFile reports whether two descriptions by this disk are of one file.
	SameFile(a, b fs.FileInfo) bool
	ReadDir(name string) ([]fs.DirEntry, error)
	// Open opens a file for reading, or a folder, of which only Sync and Close are of use then.
	Open(name string) (File, error)
	OpenFile(name string, flag int, perm fs.FileMode) (File, error)
	CreateTemp(dir, pattern string) (File, error)
	// Lock keeps f, which OpenFile returned, from other processes that lock the file it is
	// of, until it is closed. ErrLocked tells that one has it; where the system has no
	// locks for the file, nothing is kept from anybody.
	Lock(f File) error
	Link(from, to string) error
	Rename(from, to string) error
	// RenameNew is Rename for where no file may be replaced: what has the name by then, also
	// since a moment ago, is fs.ErrExist.
	RenameNew(from, to string) error
	Remove(name string) error
	MkdirAll(name string, perm fs.FileMode) error
	Chtimes(name string, accessed, modified time.Time) error
}

// File is an open file of a Disk.
type File interface {
	io.ReadWriteCloser
	io.ReaderAt
	io.Seeker
	Name() string
	Stat() (fs.FileInfo, error)
	Chmod(mode fs.FileMode) error
	Truncate(size int64) error
	// Sync makes what was written durable; of a folder, the names in it.
	Sync() error
}

// NoFollow is a flag of Disk.OpenFile beside those of package os: a name that is a link is an
// error.
const NoFollow = syscall.O_NOFOLLOW

// ErrLocked tells that another process has a file locked.
var ErrLocked = errors.New("another process has the file locked")

// SystemMachine is the machine that the process runs on.
type SystemMachine struct{}

// Disk implements Machine.
func (SystemMachine) Disk() Disk { return systemDisk{} }

// Dial implements Machine.
func (SystemMachine) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return (&net.Dialer{KeepAlive: 30 * time.Second}).DialContext(ctx, network, address)
}

// systemDisk is the file system of the operating system.
type systemDisk struct{}

// Abs implements Disk.
func (systemDisk) Abs(name string) (string, error) { return filepath.Abs(name) }

// EvalSymlinks implements Disk.
func (systemDisk) EvalSymlinks(name string) (string, error) { return filepath.EvalSymlinks(name) }

// Stat implements Disk.
func (systemDisk) Stat(name string) (fs.FileInfo, error) { return os.Stat(name) }

// Lstat implements Disk.
func (systemDisk) Lstat(name string) (fs.FileInfo, error) { return os.Lstat(name) }

// SameFile implements Disk.
func (systemDisk) SameFile(a, b fs.FileInfo) bool { return os.SameFile(a, b) }

// ReadDir implements Disk.
func (systemDisk) ReadDir(name string) ([]fs.DirEntry, error) { return os.ReadDir(name) }

// Open implements Disk.
func (systemDisk) Open(name string) (File, error) { return opened(os.Open(name)) } //nolint:gosec // the name is the configuration's

// OpenFile implements Disk.
func (systemDisk) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	return opened(os.OpenFile(name, flag, perm)) //nolint:gosec // the name is the configuration's
}

// CreateTemp implements Disk.
func (systemDisk) CreateTemp(dir, pattern string) (File, error) {
	return opened(os.CreateTemp(dir, pattern))
}

// Lock implements Disk.
func (systemDisk) Lock(f File) error {
	file, ok := f.(interface{ Fd() uintptr })
	if !ok {
		return nil
	}
	err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrLocked
	}
	return nil
}

// opened keeps a file that is nil from becoming an interface that is not.
func opened(f *os.File, err error) (File, error) {
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Link implements Disk.
func (systemDisk) Link(from, to string) error { return os.Link(from, to) }

// Rename implements Disk.
func (systemDisk) Rename(from, to string) error { return os.Rename(from, to) }

// RenameNew implements Disk.
func (systemDisk) RenameNew(from, to string) error {
	err := renameNew(from, to)
	if errors.Is(err, errors.ErrUnsupported) {
		return renameClaimed(from, to)
	}
	if err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
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

// Remove implements Disk.
func (systemDisk) Remove(name string) error { return os.Remove(name) }

// MkdirAll implements Disk.
func (systemDisk) MkdirAll(name string, perm fs.FileMode) error { return os.MkdirAll(name, perm) }

// Chtimes implements Disk.
func (systemDisk) Chtimes(name string, accessed, modified time.Time) error {
	return os.Chtimes(name, accessed, modified)
}
