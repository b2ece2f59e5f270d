package plugin

import (
	"context"
	"fmt"
	"io"
	"time"
)

// FileSource is the configuration of a source step that reads files. The engine owns
// everything that makes files safe to read: readiness, the ledger, spooling, resume,
// moving away; the plugin only speaks the protocol. The engine makes a Source of it.
type FileSource interface {
	Config
	// Files returns the options every file source has. The receiver embeds a
	// FileOptions and returns its address.
	Files() *FileOptions
	// Location names the place for people and for the identity of its files:
	// scheme, host, port and user, without credentials, such as "ftp://weir@ftp.example.com:21".
	Location() string
	// Local tells that Open is cheap and can seek, so files are read in place.
	Local() bool
	// OpenFS connects. It returns a Failure that says what to do when it
	// cannot: within the connection's timeout, whatever the server does.
	OpenFS(ctx context.Context, h Host) (FileSystem, error)
}

// FileInfo describes one file or folder of a FileSystem.
type FileInfo struct {
	Path    string // absolute, with /, as the FileSystem's methods take it
	Size    int64
	ModTime time.Time // zero when the server does not tell
	Dir     bool
}

// SizeError says that a transfer came to its end, and that the file has not the
// size that was told of it. Either that is wrong, or the transfer was cut and the
// server did not notice.
type SizeError struct {
	Told, Came int64 // bytes of the whole file
	Text       string
}

// Error implements error.
func (e *SizeError) Error() string {
	if e.Text != "" {
		return e.Text
	}
	return fmt.Sprintf("the transfer ended after %d bytes, %d were told", e.Came, e.Told)
}

// Rooted is implemented by file systems that can say from where relative paths are taken.
type Rooted interface {
	// Root names that place for people, such as "the working directory /srv".
	Root() string
}

// FileSystem is a place with files. One goroutine at a time uses it. Every
// method returns within the timeout of its step, or when ctx is done. Paths use /.
// A name that a server lists with a separator or control character in it is
// never returned.
type FileSystem interface {
	// List returns the entries of one folder, in any order, "." and ".." left
	// out. A folder that does not exist is fs.ErrNotExist.
	List(ctx context.Context, dir string) ([]FileInfo, error)
	// Stat describes one file; fs.ErrNotExist when there is none.
	Stat(ctx context.Context, path string) (FileInfo, error)
	// Open reads a file from offset to its end, which is where the data ends and
	// not where the told size says. The reader's Close reports a transfer that was
	// cut short, even when Read returned io.EOF, and by a SizeError one that ended
	// elsewhere than was told; no other method is called before it is closed.
	Open(ctx context.Context, path string, offset int64) (io.ReadCloser, error)
	// Rename moves a file. It never replaces another: when to exists it
	// returns fs.ErrExist.
	Rename(ctx context.Context, from, to string) error
	// Remove deletes a file; fs.ErrNotExist when there is none.
	Remove(ctx context.Context, path string) error
	// MakeDir makes a folder and its parents; an existing one is no error.
	MakeDir(ctx context.Context, dir string) error
	// Close ends the session. It is safe to call after an error, and twice.
	Close() error
}
