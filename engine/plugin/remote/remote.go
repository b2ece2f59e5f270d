// Package remote holds what the plugins for files on remote servers have in
// common: a file system over sessions that come and go (FileSystem), the sessions
// of an account, their number limited and left open between runs (Client), the
// configuration of the source (Source), the words for connections that cannot be
// made or that break, and the masking of secrets in what servers say (Peer). A
// plugin brings its protocol as a Session.
package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"
	"unicode"

	"weir/engine/diag"
	"weir/engine/plugin"
	"weir/engine/plugin/stall"
	"weir/engine/spec"
)

// Peer describes the server at the other end, for error texts. It is a value
// without state.
type Peer struct {
	Kind    string // "FTP", "SFTP"
	Addr    string // "host:port"
	Host    string
	Timeout time.Duration // without progress
	Secrets []spec.Secret // texts that never appear in an error (I9)
}

// String returns the peer as the subject of a sentence.
func (p Peer) String() string { return "The " + p.Kind + " server " + p.Addr }

// Safe makes text that came from the server or a library fit for a message:
// one line, not long, without a full stop, and without secrets, which servers
// may echo as they are or encoded (I9).
func (p Peer) Safe(text string) string {
	for _, s := range p.Secrets {
		text = Mask(text, s.Reveal())
	}
	text = strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) {
			return ' ' // also what turns the direction of writing
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	if r := []rune(text); len(r) > 300 {
		text = string(r[:300]) + "..."
	}
	return strings.TrimSuffix(strings.TrimSpace(text), ".")
}

// Fail returns a Failure whose text begins with the peer and goes on with the
// format. advice is a sentence without its full stop; it may be empty.
func (p Peer) Fail(class plugin.Class, code diag.Code, advice, format string, args ...any) error {
	return Fail(class, code, advice, "%s %w", p, fmt.Errorf(format, args...))
}

// Fail returns a Failure. advice is a sentence without its full stop; it may be empty.
func Fail(class plugin.Class, code diag.Code, advice, format string, args ...any) error {
	if advice != "" {
		advice += "."
	}
	return plugin.Fail(class, code, fmt.Errorf(format, args...), advice)
}

// Lost describes a connection that broke or fell silent while doing
// something. Failures are returned as they are; a canceled context stays
// recognisable, and so does stall.ErrStalled.
func (p Peer) Lost(doing string, err error) error {
	var f *plugin.Failure
	switch {
	case errors.As(err, &f):
		return err
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("the %s server %s was left while %s: %w", p.Kind, p.Addr, doing, err)
	case errors.Is(err, ErrListing):
		return p.Fail(plugin.Environment, "env.listing_too_long", "If the folder really holds so many files, have those that were read moved away, or set path to a folder with fewer",
			"sent more than %d MiB, or part after part without a name, while %s: the listing does not end", MaxListing>>20, doing)
	case errors.Is(err, stall.ErrStalled), isTimeout(err):
		return p.Fail(plugin.Transient, "env.timeout", "", "did not answer for %s while %s: %w", p.Timeout, doing, stall.ErrStalled)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET),
		errors.Is(err, syscall.EPIPE), errors.Is(err, net.ErrClosed):
		return p.Fail(plugin.Transient, "env.connection_lost", "", "closed the connection while %s", doing)
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE): // it is not the server
		return p.Fail(plugin.Environment, "env.failed", "", "could not be reached while %s: %w", doing, err)
	}
	return p.Fail(plugin.Transient, "env.connection_lost", "", "could not go on while %s: %s", doing, p.Safe(err.Error()))
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

// Dial makes a TCP connection to addr, within the peer's timeout. That the timeout is over
// is stall.ErrStalled, which the end of ctx is not.
func (p Peer) Dial(ctx context.Context, m plugin.Machine, addr string) (net.Conn, error) {
	connecting, cancel := context.WithTimeout(ctx, p.Timeout)
	defer cancel()
	c, err := m.Dial(connecting, "tcp", addr)
	switch {
	case err == nil:
		return c, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case connecting.Err() != nil:
		return nil, fmt.Errorf("%s did not accept a connection: %w", addr, stall.ErrStalled)
	}
	return nil, err
}

// ConnectFailure describes a TCP connection that could not be made.
func (p Peer) ConnectFailure(err error) error {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return Fail(plugin.Environment, "env.unknown_host", "Check host in the connection block", "no host named %q is known", p.Host)
	case errors.As(err, &dns):
		return Fail(plugin.Transient, "env.unknown_host", "", "the name %q could not be looked up: %s", p.Host, dns.Err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return p.Fail(plugin.Transient, "env.connection_refused", "Check host and port, and that the server runs", "refused the connection")
	case errors.Is(err, stall.ErrStalled), isTimeout(err) && !errors.Is(err, context.DeadlineExceeded):
		return p.Fail(plugin.Transient, "env.timeout", "Check host, port and firewalls", "did not accept a connection within %s: %w", p.Timeout, stall.ErrStalled)
	}
	return p.Lost("connecting", err)
}

// MaxListing bounds the bytes of a listing, all of which is kept in memory: about
// 300,000 files.
const MaxListing = 32 << 20

// ErrListing is the cause to give a guard that bounds a listing by MaxListing.
var ErrListing = errors.New("the listing does not end")

// ValidName reports whether a name in a listing is one: a server, or somebody
// who can write to it, must not make us reach another folder or send another command.
func ValidName(n string) bool {
	return n != "" && n != "." && n != ".." && !strings.ContainsAny(n, `/\`) && !HasControl(n)
}

// HasControl reports whether s has a control character in it.
func HasControl(s string) bool { return strings.ContainsFunc(s, unicode.IsControl) }
