// Package ftp reads files from FTP servers: plain, with explicit TLS (AUTH TLS
// on the usual port) and with implicit TLS.
//
// The protocol is spoken by github.com/jlaffaye/ftp. This package adds what the
// engine's contract for file systems asks for: it makes every connection itself,
// so that data connections are encrypted and resume the control connection's
// TLS session; a guard that turns a silent server into an error; a size check of
// every transfer, because a dropped data connection looks like the end of the
// file; and errors that say what to do.
package ftp

import (
	"weir/engine/plugin"
	"weir/engine/plugin/remote"
)

// Plugin returns the plugin: the connection type and the source.
func Plugin() plugin.Plugin {
	return plugin.Plugin{
		Name:    "ftp",
		Summary: "Reads files from FTP servers, plain or with TLS.",
		Example: `connection "ftp" "erp" {
  host     = "ftp.example.com"
  user     = "weir"
  password = secret("FTP_PASSWORD")
}

pipeline "orders" {
  source "ftp" "files" {
    connection = connection.ftp.erp
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

// Source is the configuration of a source "ftp" step.
type Source = remote.Source[*Connection]

// NewSource returns an empty configuration.
func NewSource() *Source { return &Source{Type: "ftp"} }
