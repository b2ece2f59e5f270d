package remote

import (
	"context"
	"errors"

	"go.uber.org/zap"

	"weir/engine/plugin"
)

// protect calls do, which calls the library of a protocol. A panic there, such as over
// a reply that nobody foresaw, is the failure of the session and of nothing else.
func (c Client) protect(log *zap.Logger, doing string, do func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = c.defect(log, doing, plugin.Recovered(v, 0))
		}
	}()
	return do()
}

// defect is the failure of a session whose library broke down.
func (c Client) defect(log *zap.Logger, doing string, b *plugin.Broken) error {
	log.Error("a defect in the program ended a session", zap.String("server", c.Peer.Addr), zap.String("doing", doing), zap.String("what", b.What), zap.Strings("stack", b.Stack))
	return c.Peer.Fail(plugin.Environment, "env.client_defect", "Please report this with the lines that the log has about it; nothing is lost, and other servers are not concerned",
		"said something while %s over which a defect in the program came to light: %w", doing, b)
}

// broken reports whether err is one of defect.
func broken(err error) bool {
	var b *plugin.Broken
	return errors.As(err, &b)
}

// alive asks a session for a sign of life, which comes before ctx is done or not at all.
func (c Client) alive(ctx context.Context, s Session) (ok bool) {
	defer s.Guard().Begin(ctx)()
	defer func() {
		if recover() != nil {
			ok = false // it is dropped, and whatever comes next begins anew
		}
	}()
	return s.Alive()
}

// end closes a session, whatever its library thinks of that.
func (c Client) end(s Session) {
	defer func() {
		recover() //nolint:errcheck // the connections are closed below
		s.Guard().Trip(errEnded)
	}()
	s.Close()
}

var errEnded = errors.New("the session has ended")
