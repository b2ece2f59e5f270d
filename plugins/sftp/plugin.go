// Package sftp reads files from SFTP servers.
//
// The protocol is spoken by github.com/pkg/sftp over golang.org/x/crypto/ssh.
// This package adds what the engine's contract for file systems asks for: host
// keys that must be known, a guard that turns a silent server into an error,
// reading ahead with requests that cope with short answers, a check of the size
// of every transfer and of the completeness of every listing, and errors that
// say what to do.
package sftp

import (
	"weir/engine/plugin"
	"weir/engine/plugin/remote"
)

// Plugin returns the plugin: the connection type and the source.
func Plugin() plugin.Plugin {
	return plugin.Plugin{
		Name:    "sftp",
		Summary: "Reads files from SFTP servers.",
		Example: `connection "sftp" "erp" {
  host     = "sftp.example.com"
  user     = "weir"
  password = secret("SFTP_PASSWORD")
  host_key = "SHA256:uNiVztksCsDhcc0u9e8BrHsKWTcBo/DNf0PLqMzwPtM"
}

pipeline "orders" {
  source "sftp" "files" {
    connection = connection.sftp.erp
    path       = "/orders/*.csv"
    after      = "move /orders/done"
  }
  decode "csv" {
    columns = { id = "text" }
  }
  sink "stdout" "out" {}
}
`,
		Connection: func() plugin.Connection { return &Connection{} },
		Files:      func() plugin.FileSource { return NewSource() },
	}
}

// Source is the configuration of a source "sftp" step.
type Source = remote.Source[*Connection]

// NewSource returns an empty configuration.
func NewSource() *Source { return &Source{Type: "sftp"} }
