package remote

import (
	"context"
	"io"
	"time"

	"go.uber.org/zap"

	"weir/engine/plugin"
	"weir/engine/plugin/stall"
)

// Session is one login with a server, as a protocol speaks it. One goroutine at
// a time uses it. Paths are absolute and free of control characters. Errors of
// its operations are the protocol's own; Failure makes them fit for people. Once
// it is over it is not used again.
type Session interface { //nolint:interfacebloat // what a file system needs of a protocol, in one place
	// Guard watches the session's connections. An operation is begun with it
	// before the methods below are called; the session tells it of each Step.
	Guard() *stall.Guard
	// Begin is called before each try of an operation, whose context ctx is.
	Begin(ctx context.Context)
	// Judge tells what the error of the present operation means for the session.
	Judge(err error) Verdict
	// Failure describes what went wrong with a file or folder: the words of doing
	// and path, "moving /a.csv". fs.ErrNotExist and fs.ErrExist stay recognisable.
	Failure(doing, path string, err error) error
	// Over reports whether the session has ended, as far as is known on this side.
	Over() bool
	// Alive asks the server for a sign of life. An operation was begun with the guard.
	Alive() bool
	// Close ends the session: without waiting for the server, but for the farewell that
	// Guard.Farewell bounds.
	Close()

	// Home is the folder of the login, where relative paths begin.
	Home() string
	// List, Stat, Rename, Remove and MakeDir are those of plugin.FileSystem; Odd
	// tells what List left out.
	List(dir string) ([]plugin.FileInfo, Odd, error)
	Stat(path string) (plugin.FileInfo, error)
	Rename(from, to string) error
	Remove(path string) error
	MakeDir(dir string) error
	// Open starts a download from offset.
	Open(path string, offset int64) (Transfer, error)
}

// Transfer is a download under way. Its errors are fit for people. It may
// implement io.WriterTo.
type Transfer interface {
	io.Reader
	// Finish ends the transfer and reports one that was cut short. over tells
	// that the session cannot be used any more.
	Finish() (over bool, err error)
}

// Verdict tells what an error means for a session.
type Verdict struct {
	Over      bool // the session cannot be used any more
	Untouched bool // the operation has changed nothing at the server yet
	// Anew asks for another try with a new session, which Client.Dial makes in another way.
	Anew bool
}

// Odd counts the entries of a listing that were left out because they are none,
// or have names that cannot be used.
type Odd struct {
	Count int
	First string
}

// Add notes one more.
func (o *Odd) Add(entry string) {
	if o.Count == 0 {
		o.First = entry
	}
	o.Count++
}

// Client makes sessions of one account on one server.
type Client struct {
	Peer      Peer
	User      string
	Sessions  int           // open at the same time, over all steps of the process
	Keepalive time.Duration // how often an idle session is asked for a sign of life; 0 is never
	Idle      time.Duration // how long one nobody uses stays open, where the process goes on; 0 is not at all
	// Settings are what shapes a session. One that was left open is used again by
	// whoever has equal settings (reflect.DeepEqual).
	Settings any
	// Dial connects and logs in. last is the session that it replaces, nil for the
	// first. Its errors are Failures.
	Dial func(ctx context.Context, m plugin.Machine, last Session, log *zap.Logger) (Session, error)
}
