package remote

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"weir/engine/diag"
	"weir/engine/plugin"
	"weir/engine/spec"
)

// Account is a connection to files on a server.
type Account interface {
	plugin.Connection
	// Client makes the account's sessions.
	Client() Client
}

// Source is the configuration of a source step that reads files through a
// connection of type A, which is a pointer. Its connection's type is named like
// the source's.
type Source[A Account] struct {
	plugin.FileOptions
	Ref  *spec.Ref
	Type string // "ftp", "sftp"
}

// Spec implements plugin.Config.
func (s *Source[A]) Spec() spec.Body {
	return append(spec.Body{
		spec.Reference("connection", "connection", &s.Ref).Required().Doc(fmt.Sprintf("The server, such as connection.%s.erp.", s.Type)),
	}, s.FileOptions.RemoteSpec()...)
}

// Check implements plugin.Config.
func (s *Source[A]) Check(at spec.Ranges) diag.List {
	ds := s.FileOptions.Check(at)
	if s.Ref != nil {
		if _, ok := s.Ref.Value.(A); !ok && s.Ref.Value != nil {
			ds = append(ds, diag.Errorf("config.invalid_value", at.Of(&s.Ref), "Not an "+s.Type+" connection",
				"connection.%s is of another type. A source %q needs a connection %q block.", s.Ref.Name, s.Type, s.Type))
		}
	}
	return ds
}

// Files implements plugin.FileSource.
func (s *Source[A]) Files() *plugin.FileOptions { return &s.FileOptions }

// Local implements plugin.FileSource.
func (s *Source[A]) Local() bool { return false }

func (s *Source[A]) account() (a A, ok bool) {
	if s.Ref != nil {
		a, ok = s.Ref.Value.(A)
	}
	return a, ok
}

// Location implements plugin.FileSource.
func (s *Source[A]) Location() string {
	a, ok := s.account()
	if !ok {
		return s.Type + "://"
	}
	c := a.Client()
	return (&url.URL{Scheme: s.Type, User: url.User(c.User), Host: c.Peer.Addr}).String()
}

// OpenFS implements plugin.FileSource.
func (s *Source[A]) OpenFS(ctx context.Context, h plugin.Host) (plugin.FileSystem, error) {
	a, ok := s.account()
	if !ok {
		return nil, plugin.Fail(plugin.Environment, "", fmt.Errorf("the source has no %s connection", s.Type), "")
	}
	f, err := Open(ctx, a.Client(), h)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Probe implements plugin.Prober: it logs in and lists the folder of path.
func (s *Source[A]) Probe(ctx context.Context, h plugin.Host) error {
	return plugin.ProbeFiles(ctx, s, h)
}

// Limits are where a connection keeps how its sessions are treated.
type Limits struct {
	Timeout, Keepalive, Idle *time.Duration
	Sessions                 *int
}

// Spec binds the options. sign is what a session is kept alive with, such as
// " with NOOP"; it may be empty.
func (l Limits) Spec(sign string) spec.Body {
	return spec.Body{
		spec.Duration("timeout", l.Timeout).Default(30*time.Second, `"30s"`).Check(atLeastASecond).
			Doc("How long the server may take for one step, such as to accept a connection or to answer a command, however it spreads the answer, before it counts as gone. " +
				"A transfer may take any time while it moves: what brings less than 100 bytes a second, over this time, stalls."),
		spec.Duration("keepalive", l.Keepalive).Default(30*time.Second, `"30s"`).
			Doc("How often an idle session is kept alive" + sign + "; 0s is never."),
		spec.Duration("idle", l.Idle).Default(2*time.Minute, `"2m"`).
			Doc("How long a session that nobody uses stays open for the next run, where weir goes on after it; 0s is not at all."),
		spec.Int("sessions", l.Sessions).Default(4, "4").Check(spec.Between(1, 1000)).
			Doc("The most sessions open at the same time with this server and user, over all pipelines, those that stay open included."),
	}
}

func atLeastASecond(d time.Duration) error {
	if d < time.Second {
		return fmt.Errorf("must be at least 1s, not %s", d)
	}
	return nil
}
