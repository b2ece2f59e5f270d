package pebblekv

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2"
)

const (
	activeName = "active" // see ownership
	firstDB    = "db"
	spoolName  = "spool"
	partial    = ".part" // ends the names of copies that are being made
	copyTries  = 20
)

// ownership is the content of the file active: a number that grows with every
// takeover, and the folder of the database that is in use. There is no such file before
// the first takeover, which stands for 1 and db.
type ownership struct {
	epoch uint64
	db    string
}

func (o ownership) String() string { return fmt.Sprintf("%d %s\n", o.epoch, o.db) }

// spool is the folder for copies of remote files that goes with the database: whoever
// lost the folder goes on with its own, and what the other has is out of its reach.
func (o ownership) spool() string { return spoolName + strings.TrimPrefix(o.db, firstDB) }

func readOwnership(dir string) (ownership, error) {
	text, err := os.ReadFile(filepath.Join(dir, activeName))
	if errors.Is(err, fs.ErrNotExist) {
		return ownership{1, firstDB}, nil
	}
	if err != nil {
		return ownership{}, err
	}
	num, db, _ := strings.Cut(strings.TrimSuffix(string(text), "\n"), " ")
	n, err := strconv.ParseUint(num, 10, 64)
	if err != nil || db == "" || filepath.Base(db) != db || !strings.HasPrefix(db, firstDB) {
		return ownership{}, damaged(dir, &damage{what: activeName + " does not tell which database is in use"})
	}
	return ownership{n, db}, nil
}

// takeOver makes the folder this process's although another has it locked, and
// leaves it with the lock of a new database, which has everything that the other committed.
//
// First the epoch is raised: from then on every Apply of the other process fails,
// be it before it writes or after. What it wrote and reported as done was
// in its files before that. Then its files are copied, once they are still, and
// at last the copy is made the one in use. The other process goes on having its own
// folder: two processes never write to one database. After a crash in the middle the
// old database is still the one in use, and the epoch is raised all the same.
func (f *folder) takeOver(o Options) error {
	guard, err := pebble.LockDirectory(f.dir, o.FS) // of takeovers alone
	if err != nil {
		return f.lockError(err)
	}
	defer func() { _ = guard.Close() }() // the lock also ends with the process
	was, err := readOwnership(f.dir)
	if err != nil {
		return explain(f.dir, "read", err)
	}
	own := ownership{was.epoch + 1, was.db}
	if err := f.setOwnership(own); err != nil {
		return explain(f.dir, "written", err)
	}
	own.db = firstDB + "-" + strconv.FormatUint(own.epoch, 10)
	to := filepath.Join(f.dir, own.db)
	if err := copyStill(filepath.Join(f.dir, was.db), to); err != nil {
		return explain(f.dir, "taken over", errors.Join(err, os.RemoveAll(to)))
	}
	linkSpool(filepath.Join(f.dir, was.spool()), filepath.Join(f.dir, own.spool()))
	if f.lock, err = pebble.LockDirectory(to, o.FS); err != nil {
		return f.lockError(err)
	}
	if err := f.setOwnership(own); err != nil {
		f.close()
		return explain(f.dir, "written", err)
	}
	f.own = own
	return nil
}

func (f *folder) setOwnership(o ownership) error {
	if err := writeSynced(filepath.Join(f.dir, activeName), o.String()); err != nil {
		return err
	}
	return syncDir(f.dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// copyStill copies a database that nobody writes to. A process that is stopped does
// not, and one that runs soon ends to, because its commits fail. That the
// files did not change is checked, and else copying begins anew.
func copyStill(from, to string) error {
	for range copyTries {
		before, err := look(from)
		if err != nil {
			return err
		}
		if err := os.RemoveAll(to); err != nil {
			return err
		}
		copied := copyFiles(from, to, before)
		after, err := look(from)
		if err != nil {
			return err
		}
		if slices.Equal(before, after) {
			return copied
		}
	}
	return errors.New("the process that has it is still writing; stop it, and try again")
}

// linkSpool makes the finished copies in one spool folder those of another, too. A copy
// that cannot be had is made again from the remote file, so errors do not matter.
// One that is being made stays behind: the other process may write on.
func linkSpool(from, to string) {
	steps, _ := os.ReadDir(from)
	for _, step := range steps {
		copies, _ := os.ReadDir(filepath.Join(from, step.Name()))
		_ = os.MkdirAll(filepath.Join(to, step.Name()), 0o700)
		for _, c := range copies {
			if c.Type().IsRegular() && filepath.Ext(c.Name()) != partial {
				_ = os.Link(filepath.Join(from, step.Name(), c.Name()), filepath.Join(to, step.Name(), c.Name()))
			}
		}
	}
}

// seen is a file as look found it.
type seen struct {
	name     string
	size     int64
	modified int64
}

func look(dir string) ([]seen, error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var out []seen
	for _, e := range list {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed meanwhile, which the next look shows
		}
		if err != nil {
			return nil, err
		}
		if e.Name() != "LOCK" && info.Mode().IsRegular() {
			out = append(out, seen{e.Name(), info.Size(), info.ModTime().UnixNano()})
		}
	}
	return out, nil
}

// copyFiles links tables, which never change, and copies everything else: the
// other process may write on in those files, or use them again.
func copyFiles(from, to string, files []seen) error {
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	for _, f := range files {
		src, dst := filepath.Join(from, f.name), filepath.Join(to, f.name)
		how := copyFile
		if ext := filepath.Ext(f.name); ext == ".sst" || ext == ".blob" {
			how = linkOrCopy
		}
		if err := how(src, dst); err != nil {
			return err
		}
	}
	return syncDir(to)
}

// linkOrCopy makes a file that never changes again known by another name.
func linkOrCopy(src, dst string) error {
	if os.Link(src, dst) == nil {
		return nil
	}
	return copyFile(src, dst)
}

func copyFile(src, dst string) error {
	in, err := os.Open(src)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // opened for reading
	out, err := os.OpenFile(dst, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}

// removeAbandoned removes databases that are no longer in use and that nobody has
// open: those that were taken over, and copies that a crash cut short.
func (f *folder) removeAbandoned(o Options) {
	list, err := os.ReadDir(f.dir)
	if err != nil {
		return // tried again the next time
	}
	for _, e := range list {
		name := e.Name()
		if !e.IsDir() || name == f.own.db || name != firstDB && !strings.HasPrefix(name, firstDB+"-") {
			continue
		}
		dir := filepath.Join(f.dir, name)
		if lock, err := pebble.LockDirectory(dir, o.FS); err == nil {
			_ = os.RemoveAll(filepath.Join(f.dir, ownership{db: name}.spool())) // likewise
			_ = os.RemoveAll(dir)
			_ = lock.Close() // the file went with the folder
		}
	}
}
