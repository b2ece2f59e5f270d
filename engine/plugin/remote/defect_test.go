package remote

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"go.uber.org/zap"

	"weir/engine/plugin"
	"weir/engine/plugin/plugintest"
	"weir/engine/plugin/stall"
)

// fragile is a session whose library panics in the operation that at names.
type fragile struct {
	Session
	guard  *stall.Guard
	at     string
	closed int
}

func (f *fragile) burst(at string) {
	if f.at == at {
		panic("s3cret")
	}
}

func (f *fragile) Guard() *stall.Guard                { return f.guard }
func (f *fragile) Begin(context.Context)              {}
func (f *fragile) Over() bool                         { return f.guard.Cause() != nil }
func (f *fragile) Home() string                       { return "/" }
func (f *fragile) Alive() bool                        { f.burst("alive"); return true }
func (f *fragile) Close()                             { f.closed++; f.burst("close") }
func (f *fragile) Judge(error) Verdict                { return Verdict{} }
func (f *fragile) Failure(_, _ string, e error) error { return e }

func (f *fragile) List(string) ([]plugin.FileInfo, Odd, error) {
	f.burst("list")
	return nil, Odd{}, nil
}

func (f *fragile) Open(string, int64) (Transfer, error) {
	f.burst("open")
	return f, nil
}

// Read implements io.Reader.
func (f *fragile) Read([]byte) (int, error) {
	f.burst("read")
	return 0, io.EOF
}

// Finish implements Transfer.
func (f *fragile) Finish() (bool, error) {
	f.burst("finish")
	return false, nil
}

type lastingHost struct{ *plugintest.Host }

// Lasting implements plugin.Lasting.
func (lastingHost) Lasting() bool { return true }

// TestPanicsGiveThePlaceBack: wherever the library panics, the session is closed, its
// place goes to the next, and the process goes on.
func TestPanicsGiveThePlaceBack(t *testing.T) {
	for _, at := range []string{"dial", "list", "open", "read", "finish", "alive", "close"} {
		t.Run(at, func(t *testing.T) {
			h := lastingHost{plugintest.NewHost(t, nil)}
			var made []*fragile
			c := Client{Peer: Peer{Kind: "FTP", Addr: "x:21", Timeout: time.Second}, Sessions: 1}
			if at == "alive" {
				c.Keepalive = time.Millisecond
			}
			c.Dial = func(context.Context, plugin.Machine, Session, *zap.Logger) (Session, error) {
				f := &fragile{guard: stall.New(time.Minute), at: at}
				f.burst("dial")
				made = append(made, f)
				return f, nil
			}
			for range 3 {
				err := use(t, c, h)
				var f *plugin.Failure
				if at != "alive" && at != "close" && (!errors.As(err, &f) || f.Code != "env.client_defect" || f.Class != plugin.Environment) {
					t.Fatalf("%v", err)
				}
			}
			for i, f := range made {
				if f.closed != 1 || f.guard.Cause() == nil {
					t.Errorf("session %d was closed %d times, and its connections end with %v", i, f.closed, f.guard.Cause())
				}
			}
		})
	}
}

func use(t *testing.T, c Client, h plugin.Host) error {
	t.Helper()
	f, err := Open(t.Context(), c, h)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // it has none
	if c.Keepalive > 0 {
		time.Sleep(10 * c.Keepalive)
	}
	if _, err := f.List(t.Context(), "/"); err != nil {
		return err
	}
	r, err := f.Open(t.Context(), "/a", 0)
	if err != nil {
		return err
	}
	_, err = io.ReadAll(r)
	return errors.Join(err, r.Close())
}
