package sftp

import (
	"context"
	"fmt"
	"net/url"

	"weir/engine/diag"
	"weir/engine/plugin"
	"weir/engine/spec"
)

// Source is the configuration of a source "sftp" step.
type Source struct {
	plugin.FileOptions
	Ref *spec.Ref
}

// Spec implements plugin.Config.
func (s *Source) Spec() spec.Body {
	return append(spec.Body{
		spec.Reference("connection", "connection", &s.Ref).Required().Doc("The server, such as connection.sftp.erp."),
	}, s.FileOptions.Spec()...)
}

// Check implements plugin.Config.
func (s *Source) Check(at spec.Ranges) diag.List {
	ds := s.FileOptions.Check(at)
	if s.Ref != nil {
		if _, ok := s.Ref.Value.(*Connection); !ok && s.Ref.Value != nil {
			ds = append(ds, diag.Errorf("config.invalid_value", at.Of(&s.Ref), "Not an sftp connection",
				"connection.%s is of another type. A source \"sftp\" needs a connection \"sftp\" block.", s.Ref.Name))
		}
	}
	return ds
}

// Files implements plugin.FileSource.
func (s *Source) Files() *plugin.FileOptions { return &s.FileOptions }

// Local implements plugin.FileSource.
func (s *Source) Local() bool { return false }

func (s *Source) conn() *Connection {
	if s.Ref == nil {
		return nil
	}
	c, _ := s.Ref.Value.(*Connection)
	return c
}

// Location implements plugin.FileSource.
func (s *Source) Location() string {
	c := s.conn()
	if c == nil {
		return "sftp://"
	}
	return (&url.URL{Scheme: "sftp", User: url.User(c.User), Host: c.Addr()}).String()
}

// OpenFS implements plugin.FileSource.
func (s *Source) OpenFS(ctx context.Context, h plugin.Host) (plugin.FileSystem, error) {
	c := s.conn()
	if c == nil {
		return nil, plugin.Fail(plugin.Environment, "", fmt.Errorf("the source has no sftp connection"), "")
	}
	return Open(ctx, c, h)
}
