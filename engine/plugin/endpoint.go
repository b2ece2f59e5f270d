package plugin

import "weir/engine/spec"

// Endpoint is a server that takes the place of the one a connection names, such
// as a stand-in inside a test.
type Endpoint struct {
	Addr     string // "host:port"
	TLS      string // "none", "explicit" (FTP after AUTH TLS) or "implicit" (from the first byte)
	CA       string // PEM text of the authority of its certificate; "" without TLS
	HostKeys []string
	// User and Password replace those of the connection when User is set;
	// otherwise the connection logs in as it is configured.
	User     string
	Password spec.Secret
}

// Movable is implemented by connections that lead to another machine: they can
// be pointed at another server, keeping credentials, limits and everything else.
type Movable interface {
	Connection
	// MoveTo points the connection at e. It is called once, after Spec was
	// decoded and before Check.
	MoveTo(e Endpoint) error
}
