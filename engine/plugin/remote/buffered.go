package remote

import (
	"bufio"
	"net"
)

// Buffered is a connection that is read in big pieces, below a protocol that
// asks for small ones: one call of the system brings what would take many.
type Buffered struct {
	net.Conn
	r *bufio.Reader
}

// NewBuffered returns c with a read buffer of size bytes. Nobody else reads from c.
func NewBuffered(c net.Conn, size int) *Buffered {
	return &Buffered{Conn: c, r: bufio.NewReaderSize(c, size)}
}

// Read implements net.Conn.
func (b *Buffered) Read(p []byte) (int, error) { return b.r.Read(p) }
