package ftpserver

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"path"
	"strings"

	"weir/engine/testkit/memfs"
)

func (c *session) closeData() {
	if c.data != nil {
		c.s.untrack(c.data)
		c.data = nil
	}
}

func (c *session) passive(cmd string) {
	if cmd == "EPSV" && c.s.o.NoEPSV {
		c.reply(502, "Command not implemented")
		return
	}
	c.closeData()
	ln, err := net.Listen("tcp", net.JoinHostPort(c.s.o.Host, "0"))
	if err != nil || !c.s.track(ln) {
		c.reply(425, "No port left")
		return
	}
	c.data = ln
	port := ln.Addr().(*net.TCPAddr).Port
	if cmd == "EPSV" {
		c.reply(229, fmt.Sprintf("Entering Extended Passive Mode (|||%d|)", port))
		return
	}
	host := c.s.o.Host
	if h := c.s.fault().PASVAddress; h != "" {
		host = h
	}
	c.reply(227, fmt.Sprintf("Entering Passive Mode (%s,%d,%d).", strings.ReplaceAll(host, ".", ","), port>>8, port&255))
}

// transfer answers a command that uses the data connection.
func (c *session) transfer(cmd, arg string) {
	offset := c.offset
	c.offset = 0
	if c.data == nil {
		c.reply(425, "Use EPSV or PASV first")
		return
	}
	defer c.closeData()
	if c.s.o.TLS != "" && c.s.o.TLS != "none" && c.s.o.RequireTLS && !c.protect {
		c.reply(522, "Data connections must be encrypted.")
		return
	}
	send, ok := c.prepare(cmd, arg, offset)
	if !ok {
		return
	}
	conn, err := c.data.Accept()
	if err != nil || !c.s.track(conn) {
		return
	}
	defer c.s.untrack(conn)
	c.reply(150, "Here it comes")
	var stream net.Conn = conn
	if c.protect && c.secure {
		t := tls.Server(conn, c.s.tls)
		if err := t.Handshake(); err != nil {
			c.reply(522, "TLS on the data connection failed")
			return
		}
		st := t.ConnectionState()
		if c.s.o.RequireReuse && !st.DidResume || c.s.o.NoReuse13 && st.Version == tls.VersionTLS13 {
			conn.Close() //nolint:errcheck // refused
			c.reply(522, "SSL connection failed; session reuse required: see require_ssl_reuse option")
			return
		}
		stream = t
	}
	if send == nil {
		c.receive(cmd, c.abs(arg), offset, stream)
		return
	}
	if cmd == "RETR" {
		if b := c.s.breaking(c.abs(arg)); b != nil {
			c.sendPart(conn, stream, send, b)
			return
		}
		c.send(stream, send)
		return
	}
	c.tell(cmd, stream, send)
	stream.Close() //nolint:errcheck // the reply follows
	c.reply(226, "Transfer complete")
}

// prepare returns the bytes to send, nil for an upload; it is false when it has refused.
func (c *session) prepare(cmd, arg string, offset int64) (data []byte, ok bool) {
	switch cmd {
	case "STOR", "APPE":
		p := c.abs(arg)
		_, err := c.s.fs.Stat(p)
		if cmd == "STOR" && offset == 0 || err != nil {
			err = c.s.fs.Create(p)
		}
		if err != nil {
			c.reply(553, "Could not create file.")
			return nil, false
		}
		return nil, true
	case "RETR":
		data, err := c.s.fs.Get(c.abs(arg))
		if err != nil {
			c.reply(550, "Failed to open file.")
			return nil, false
		}
		return append([]byte{}, data[min(offset, int64(len(data))):]...), true
	}
	out, err := c.listing(cmd, arg)
	if err != nil {
		c.reply(550, "No such folder")
		return nil, false
	}
	return out, true
}

func (c *session) listing(cmd, arg string) ([]byte, error) {
	if strings.HasPrefix(arg, "-") {
		_, arg, _ = strings.Cut(arg, " ")
	}
	dir := c.abs(arg)
	entries, err := c.s.fs.List(dir)
	if err != nil {
		return nil, err
	}
	sb := []byte{}
	now := c.s.o.Clock.Now()
	line := func(in memfs.Info) string {
		switch cmd {
		case "MLSD":
			return mlsdFacts(in) + " " + path.Base(in.Path)
		case "NLST":
			return path.Base(in.Path)
		}
		return listLine(in, now, c.s.o.Zone)
	}
	if cmd == "MLSD" {
		sb = append(sb, "type=cdir;modify=20240101000000; .\r\ntype=pdir;modify=20240101000000; ..\r\n"...)
	}
	for _, in := range entries {
		sb = append(append(sb, line(in)...), "\r\n"...)
	}
	for _, l := range c.s.fault().ExtraLines {
		sb = append(append(sb, l...), "\r\n"...)
	}
	return sb, nil
}

// tell sends a listing, again and again where the faults say so.
func (c *session) tell(cmd string, stream net.Conn, lines []byte) {
	for n := 0; ; n++ {
		sent, err := stream.Write(lines)
		c.s.mu.Lock()
		c.s.told += int64(sent)
		c.s.mu.Unlock()
		if err != nil || !c.s.fault().EndlessList {
			return
		}
		if n == 0 {
			lines = c.more(cmd)
		}
	}
}

// more is what an endless listing says again and again.
func (c *session) more(cmd string) []byte {
	var lines []byte
	for k := range 1000 {
		in := memfs.Info{Path: fmt.Sprintf("/more_%d.csv", k), Size: 3, MTime: c.s.o.Clock.Now()}
		if cmd == "MLSD" {
			lines = append(lines, mlsdFacts(in)+" "+path.Base(in.Path)+"\r\n"...)
		} else {
			lines = append(lines, listLine(in, in.MTime, c.s.o.Zone)+"\r\n"...)
		}
	}
	return lines
}

// sendPart sends a file as b says.
func (c *session) sendPart(conn, stream net.Conn, data []byte, b *Break) {
	stream.Write(data[:min(b.At, int64(len(data)))]) //nolint:errcheck // it is meant to break
	if b.Stall {
		io.Copy(io.Discard, stream) //nolint:errcheck // waits for the client to give up
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok && b.Reset {
		tcp.SetLinger(0) //nolint:errcheck // then it is closed in order, which breaks it as well
		conn.Close()     //nolint:errcheck // it is meant to break
	}
	stream.Close() //nolint:errcheck // what follows tells
	switch {
	case b.Gone:
		c.raw.Close() //nolint:errcheck // it is meant to break
	case b.Reply != "":
		fmt.Fprintf(c.conn, "%s\r\n", b.Reply) //nolint:errcheck // the next read notices
	default:
		c.reply(426, "Connection closed; transfer aborted.")
	}
}

// send writes a file, or what the faults leave of it.
func (c *session) send(stream net.Conn, data []byte) {
	f := c.s.fault()
	cut := f.CutAfter > 0 && f.CutAfter < int64(len(data))
	stall := f.StallAfter > 0 && f.StallAfter < int64(len(data))
	if cut {
		data = data[:f.CutAfter]
	}
	if stall {
		data = data[:f.StallAfter]
	}
	_, err := stream.Write(data)
	if stall {
		io.Copy(io.Discard, stream) //nolint:errcheck // waits for the client to give up
		return
	}
	stream.Close() //nolint:errcheck // the reply follows
	switch {
	case cut && f.CutReply != "":
		fmt.Fprintf(c.conn, "%s\r\n", f.CutReply) //nolint:errcheck // the next read notices
	case cut || err != nil:
		c.reply(426, "Connection closed; transfer aborted.")
	default:
		c.reply(226, "Transfer complete")
	}
}

func (c *session) receive(cmd, p string, offset int64, stream net.Conn) {
	if cmd == "APPE" {
		if in, err := c.s.fs.Stat(p); err == nil {
			offset = in.Size
		}
	} else if err := c.s.fs.Truncate(p, offset); err != nil {
		c.reply(553, "Could not write file.")
		return
	}
	buf := make([]byte, 32<<10)
	for {
		n, err := stream.Read(buf)
		if n > 0 {
			if werr := c.s.fs.WriteAt(p, buf[:n], offset); werr != nil {
				c.reply(552, "Could not write file.")
				return
			}
			offset += int64(n)
		}
		if err == io.EOF { //nolint:errorlint // tls and net return it bare at a clean end
			c.reply(226, "Transfer complete")
			return
		}
		if err != nil {
			c.reply(426, "Connection closed; transfer aborted.")
			return
		}
	}
}
