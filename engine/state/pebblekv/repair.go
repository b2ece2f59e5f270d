package pebblekv

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2"

	"weir/engine/state/pebblekv/salvage"
)

const (
	workName    = firstDB + "-repair" // is removed like any database that is not in use
	damagedName = "damaged-"          // and a number: what a repair found
)

// Repair is a look at a folder that may be damaged, which keeps it from others until
// Close. It belongs to one goroutine.
type Repair struct {
	*salvage.Found
	o      Options
	folder *folder
	marker bool // weir-state is to be written anew
}

// Examine reads everything of the store in dir, and says what is wrong with it. It changes
// nothing. Errors are Failures of class Environment, as those of Open, but for damage.
func Examine(dir string, o Options) (*Repair, error) {
	o = o.withDefaults()
	r := &Repair{o: o, Found: &salvage.Found{}}
	if err := r.lock(dir); err != nil {
		return nil, err
	}
	if err := r.read(); err != nil {
		return nil, errors.Join(explain(r.folder.dir, "read", err), r.Close())
	}
	return r, nil
}

// lock finds the database, whatever is wrong with the files that name it, and locks it.
func (r *Repair) lock(dir string) error {
	abs, err := filepath.Abs(dir)
	if err == nil {
		abs, err = filepath.EvalSymlinks(abs)
	}
	if err != nil {
		return explain(dir, "read", err)
	}
	r.folder = &folder{dir: abs, readOnly: true}
	own, err := readOwnership(abs)
	if err != nil {
		if own, err = newestDB(abs); err != nil {
			return explain(abs, "read", err)
		}
		r.Damages = append(r.Damages, activeName+", which names the database in use, cannot be read; "+own.db+" is the newest")
	}
	r.folder.own = own
	if _, err := os.Stat(r.folder.dbDir()); err != nil {
		return explain(abs, "read", err)
	}
	switch err := r.folder.checkMarker(); {
	case isDamaged(err):
		r.Damages, r.marker = append(r.Damages, markerName+", which tells the format of the folder, cannot be read"), true
	case hasCode(err, "state.missing"):
		r.marker = true // opening writes it, too
	case err != nil:
		return err
	}
	if r.folder.lock, err = pebble.LockDirectory(r.folder.dbDir(), r.o.FS); err != nil {
		return r.folder.lockError(err)
	}
	return nil
}

// newestDB returns the ownership of the last database that was made in a folder.
func newestDB(dir string) (own ownership, err error) {
	list, err := os.ReadDir(dir)
	for _, e := range list {
		n, nerr := uint64(1), error(nil)
		if e.Name() != firstDB {
			n, nerr = strconv.ParseUint(strings.TrimPrefix(e.Name(), firstDB+"-"), 10, 64)
		}
		if e.IsDir() && strings.HasPrefix(e.Name(), firstDB) && nerr == nil && n > own.epoch {
			own = ownership{n, e.Name()}
		}
	}
	if err == nil && own.db == "" {
		err = fmt.Errorf("it holds no database: %w", fs.ErrNotExist)
	}
	return own, err
}

// read salvages from a copy of the database's files.
func (r *Repair) read() error {
	from, work := r.folder.dbDir(), filepath.Join(r.folder.dir, workName)
	wrong, err := wrongFiles(from, r.begun(from))
	if err != nil {
		return err
	}
	if text, ok := wrong[markName]; ok {
		r.Damages = append(r.Damages, text)
		delete(wrong, markName)
	}
	files, err := look(from)
	if err != nil {
		return err
	}
	files = slices.DeleteFunc(files, func(f seen) bool { return f.name == markName || strings.HasPrefix(f.name, "OPTIONS-") })
	if err := errors.Join(os.RemoveAll(work), copyFiles(from, work, files)); err != nil {
		return err
	}
	before := r.Damages
	found, err := salvage.Open(salvage.Source{FS: r.o.FS, Dir: work, Damaged: wrong})
	if err != nil {
		return err
	}
	found.Damages = append(before, found.Damages...)
	r.Found = found
	if len(found.Damages) > 0 {
		return nil
	}
	return r.tryOpen()
}

func (r *Repair) begun(dbDir string) bool { return (&Store{dbDir: dbDir, o: r.o}).begun() }

// tryOpen opens the store as everybody does: what is read here is not all that this needs.
func (r *Repair) tryOpen() error {
	s := &Store{dir: r.folder.dir, dbDir: r.folder.dbDir(), o: r.o, folder: r.folder, health: newHealth()}
	s.o.ReadOnly = true
	err := s.openAll()
	if err == nil {
		return s.bounded(s.db.Close)
	}
	if err = explain(s.dir, "opened", err); isDamaged(err) {
		var d *damage
		if errors.As(err, &d) {
			err = d
		}
		r.Damages = append(r.Damages, err.Error())
		return nil
	}
	return err
}

// Dir returns the folder, absolute.
func (r *Repair) Dir() string { return r.folder.dir }

// Bytes returns the size of the database's files.
func (r *Repair) Bytes() (n int64) {
	files, _ := look(r.folder.dbDir()) // it was read before
	for _, f := range files {
		n += f.size
	}
	return n
}

// Write makes a store of what fill gives to put, later values of a key winning, and makes it the one that is in
// use. The files that were found are kept in the folder whose name it returns, beside the
// database. After a crash in the middle the folder is as it was, but for a copy of its files.
func (r *Repair) Write(fill func(put func(k, v []byte) error) error) (kept string, err error) {
	dir := r.folder.dir
	own := ownership{epoch: r.folder.own.epoch + 1}
	own.db = firstDB + "-" + strconv.FormatUint(own.epoch, 10)
	nf := &folder{dir: dir, own: own}
	fail := func(err error) (string, error) { return kept, explain(dir, "repaired", err) }
	if err := errors.Join(os.RemoveAll(nf.dbDir()), os.MkdirAll(nf.dbDir(), 0o700)); err != nil {
		return fail(err)
	}
	if err := r.fill(nf, fill); err != nil {
		return fail(errors.Join(err, os.RemoveAll(nf.dbDir())))
	}
	if kept, err = r.keep(); err != nil {
		return fail(err)
	}
	linkSpool(filepath.Join(dir, r.folder.own.spool()), filepath.Join(dir, own.spool()))
	if r.marker {
		if err := writeSynced(filepath.Join(dir, markerName), markerText+strconv.Itoa(formatNow)+"\n"); err != nil {
			return fail(err)
		}
	}
	if err := nf.setOwnership(own); err != nil {
		return fail(err)
	}
	return kept, nil
}

// fillBatch is how many bytes are written at once.
const fillBatch = 1 << 20

// fill writes a database into an empty folder.
func (r *Repair) fill(nf *folder, fill func(put func(k, v []byte) error) error) (err error) {
	if nf.lock, err = pebble.LockDirectory(nf.dbDir(), r.o.FS); err != nil {
		return err
	}
	defer nf.lock.Close() //nolint:errcheck // the lock also ends with the process
	s := &Store{dir: nf.dir, dbDir: nf.dbDir(), o: r.o, folder: nf, health: newHealth()}
	if err := s.openAll(); err != nil {
		return err
	}
	err = s.bounded(func() (err error) {
		defer caught(&err)
		b := s.db.NewBatch()
		write := func(o *pebble.WriteOptions) error {
			if err := s.room(s.o.MinFree + 2*fillBatch); err != nil {
				return err
			}
			err := errors.Join(s.db.Apply(b, o), b.Close())
			b = s.db.NewBatch()
			return err
		}
		err = fill(func(k, v []byte) error {
			if err := b.Set(k, v, nil); err != nil {
				return err
			}
			if b.Len() < fillBatch {
				return nil
			}
			return write(pebble.NoSync)
		})
		return errors.Join(err, write(pebble.Sync), b.Close(), s.db.Close())
	})
	if err == nil {
		err = s.Health()
	}
	return errors.Join(err, s.guard.mark.close())
}

// keep makes the files that were found those of another folder, too, and returns its name.
func (r *Repair) keep() (string, error) {
	dir := r.folder.dir
	for n := 1; ; n++ {
		name := damagedName + strconv.Itoa(n)
		to := filepath.Join(dir, name)
		if err := os.Mkdir(to, 0o700); errors.Is(err, fs.ErrExist) {
			continue
		} else if err != nil {
			return "", err
		}
		files, err := look(r.folder.dbDir())
		for _, f := range files {
			err = errors.Join(err, linkOrCopy(filepath.Join(r.folder.dbDir(), f.name), filepath.Join(to, f.name)))
		}
		for _, other := range []string{activeName, markerName} {
			if oerr := linkOrCopy(filepath.Join(dir, other), filepath.Join(to, other)); oerr != nil && !errors.Is(oerr, fs.ErrNotExist) {
				err = errors.Join(err, oerr)
			}
		}
		return name, errors.Join(err, syncDir(to), syncDir(dir))
	}
}

// Close lets others have the folder.
func (r *Repair) Close() error {
	err := errors.Join(r.Found.Close(), os.RemoveAll(filepath.Join(r.folder.dir, workName)))
	r.folder.close()
	return err
}
