package ftpserver

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"weir/engine/testkit/memfs"
)

// session is one control connection.
type session struct {
	s    *Server
	raw  net.Conn // as accepted
	conn net.Conn // raw, or TLS over it
	r    *bufio.Reader

	user    string
	in      bool // logged in
	secure  bool // the control connection is encrypted
	protect bool // PROT P
	dir     string
	from    string // of RNFR
	offset  int64  // of REST
	data    net.Listener
}

func newSession(s *Server, c net.Conn) *session { return &session{s: s, raw: c, conn: c, dir: "/"} }

func (c *session) serve() {
	defer c.s.untrack(c.raw)
	defer c.closeData()
	if c.s.fault().Silent {
		buf := make([]byte, 512)
		for {
			if _, err := c.raw.Read(buf); err != nil {
				return
			}
		}
	}
	if c.s.o.TLS == "implicit" && !c.startTLS() {
		return
	}
	c.r = bufio.NewReader(c.conn)
	c.reply(220, "Weir test server ready")
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return
		}
		cmd, arg, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
		cmd = strings.ToUpper(cmd)
		c.s.note(cmd, arg)
		f := c.s.fault()
		if slices.Contains(f.DropOn, cmd) {
			return
		}
		if slices.Contains(f.Mute, cmd) {
			continue
		}
		if slices.Contains(f.Begin, cmd) {
			fmt.Fprintf(c.conn, "%s-it begins\r\n and goes", finalCode(cmd)) //nolint:errcheck // the next read notices
			continue
		}
		if slices.Contains(f.Endless, cmd) {
			c.endless(finalCode(cmd))
			return
		}
		if cmd == "QUIT" {
			c.reply(221, "Goodbye")
			return
		}
		if f.Before != nil {
			f.Before(cmd, arg)
		}
		c.command(cmd, arg)
		if f.After != nil {
			f.After(cmd, arg)
		}
	}
}

// finalCode is a code with which a good reply to cmd may begin.
func finalCode(cmd string) string {
	switch cmd {
	case "USER":
		return "331"
	case "PASS":
		return "230"
	case "RETR", "MLSD", "LIST", "NLST":
		return "150"
	case "EPSV":
		return "229"
	}
	return "250"
}

// endless sends lines of one reply until the client goes.
func (c *session) endless(code string) {
	line := []byte(code + "-" + strings.Repeat("x", 1000) + "\r\n")
	for {
		if _, err := c.conn.Write(line); err != nil {
			return
		}
	}
}

func (c *session) startTLS() bool {
	t := tls.Server(c.raw, c.s.tls)
	if err := t.Handshake(); err != nil {
		return false
	}
	c.conn, c.secure, c.protect = t, true, c.s.o.TLS == "implicit"
	c.r = bufio.NewReader(t)
	return true
}

func (c *session) reply(code int, text string) {
	fmt.Fprintf(c.conn, "%d %s\r\n", code, text) //nolint:errcheck // the next read notices
}

func (c *session) lines(code int, first string, mid []string, last string) {
	var sb strings.Builder
	fmt.Fprintf(&sb, "%d-%s\r\n", code, first)
	for _, l := range mid {
		sb.WriteString(" " + l + "\r\n")
	}
	fmt.Fprintf(&sb, "%d %s\r\n", code, last)
	c.conn.Write([]byte(sb.String())) //nolint:errcheck // the next read notices
}

func (c *session) abs(p string) string {
	if !strings.HasPrefix(p, "/") {
		p = c.dir + "/" + p
	}
	return path.Clean(p)
}

// command runs what may come before the login, then hands on.
func (c *session) command(cmd, arg string) {
	switch cmd {
	case "AUTH":
		if c.s.tls == nil || !strings.EqualFold(arg, "TLS") {
			c.reply(502, "TLS is not available")
			return
		}
		c.reply(234, "Go on with TLS")
		if !c.startTLS() {
			c.raw.Close() //nolint:errcheck // the next read notices
		}
	case "USER":
		if c.s.o.RequireTLS && !c.secure {
			c.reply(530, "Non-anonymous sessions must use encryption.")
			return
		}
		c.user = arg
		c.reply(331, "Password, please")
	case "PASS":
		c.login(arg)
	case "FEAT":
		c.features()
	case "NOOP":
		c.reply(200, "Fine")
	default:
		if !c.in {
			c.reply(530, "Please log in with USER and PASS.")
			return
		}
		c.loggedIn(cmd, arg)
	}
}

func (c *session) login(password string) {
	if r := c.s.fault().RefuseLogin; r != "" {
		fmt.Fprintf(c.conn, "%s\r\n", r) //nolint:errcheck // the next read notices
		return
	}
	if o := c.s.o; o.User != "" && (c.user != o.User || password != o.Password) {
		c.reply(530, "Login incorrect.")
		return
	}
	c.in = true
	c.s.mu.Lock()
	c.s.logins++
	c.s.mu.Unlock()
	c.reply(230, "Logged in")
}

func (c *session) features() {
	o, out := c.s.o, []string{"UTF8"}
	if !o.NoMLSD {
		out = append(out, "MLST type*;size*;modify*;")
	}
	for name, off := range map[string]bool{"EPSV": o.NoEPSV, "SIZE": o.NoSIZE, "MDTM": o.NoMDTM, "REST STREAM": o.NoREST} {
		if !off {
			out = append(out, name)
		}
	}
	if c.s.tls != nil {
		out = append(out, "AUTH TLS", "PBSZ", "PROT")
	}
	c.lines(211, "Features:", out, "End")
}

func (c *session) loggedIn(cmd, arg string) {
	switch cmd {
	case "TYPE", "OPTS", "PBSZ":
		c.reply(200, "OK")
	case "PROT":
		c.protect = strings.EqualFold(arg, "P")
		c.reply(200, "OK")
	case "PWD":
		c.reply(257, `"`+c.dir+`" is the current folder`)
	case "CWD":
		c.changeDir(arg)
	case "EPSV", "PASV":
		c.passive(cmd)
	case "REST":
		n, err := strconv.ParseInt(arg, 10, 64)
		if err != nil || n < 0 || c.s.o.NoREST {
			c.reply(502, "REST is not available")
			return
		}
		c.offset = n
		c.reply(350, "Restarting")
	case "RETR", "STOR", "APPE", "LIST", "NLST", "MLSD":
		c.transfer(cmd, arg)
	default:
		c.fileCommand(cmd, arg)
	}
}

func (c *session) changeDir(arg string) {
	in, err := c.s.fs.Stat(c.abs(arg))
	if err != nil || !in.Dir {
		c.reply(550, "Failed to change directory.")
		return
	}
	c.dir = in.Path
	c.reply(250, "OK")
}

func (c *session) fileCommand(cmd, arg string) {
	p, mdtm := c.abs(arg), time.UTC
	if c.s.o.MDTMZone {
		mdtm = c.s.o.Zone
	}
	in, err := c.s.fs.Stat(p)
	switch {
	case cmd == "SIZE" && !c.s.o.NoSIZE:
		c.answerFile(in, err, strconv.FormatInt(in.Size, 10))
	case cmd == "MDTM" && !c.s.o.NoMDTM:
		c.answerFile(in, err, in.MTime.In(mdtm).Format("20060102150405"))
	case cmd == "MLST" && !c.s.o.NoMLSD:
		if err != nil {
			c.reply(550, "No such file or folder")
			return
		}
		c.lines(250, "Facts", []string{mlsdFacts(in) + " " + p}, "End")
	case cmd == "RNFR":
		if err != nil {
			c.reply(550, "RNFR command failed.")
			return
		}
		c.from = p
		c.reply(350, "Ready for RNTO")
	case cmd == "RNTO":
		err := c.s.fs.Rename(c.from, p)
		c.result(err, 250)
	case cmd == "DELE":
		if err == nil && in.Dir {
			err = fs.ErrInvalid
		}
		if err == nil {
			err = c.s.fs.Remove(p)
		}
		c.result(err, 250)
	case cmd == "RMD":
		c.result(c.s.fs.Remove(p), 250)
	case cmd == "MKD":
		if err := c.s.fs.Mkdir(p); err != nil {
			c.reply(550, "Create directory operation failed.")
			return
		}
		c.reply(257, `"`+p+`" created`)
	default:
		c.reply(502, "Command not implemented")
	}
}

func (c *session) answerFile(in memfs.Info, err error, text string) {
	if err != nil || in.Dir {
		c.reply(550, "Could not get file information.")
		return
	}
	c.reply(213, text)
}

func (c *session) result(err error, ok int) {
	switch {
	case err == nil:
		c.reply(ok, "Done")
	case errors.Is(err, fs.ErrNotExist):
		c.reply(550, "No such file or folder")
	default:
		c.reply(553, "Not done")
	}
}

func mlsdFacts(in memfs.Info) string {
	kind := "file"
	if in.Dir {
		kind = "dir"
	}
	return fmt.Sprintf("type=%s;size=%d;modify=%s;", kind, in.Size, in.MTime.UTC().Format("20060102150405"))
}

// listLine is one line in the style of ls -l, as servers write them: with the
// time of day when recent, with the year otherwise.
func listLine(in memfs.Info, now time.Time, zone *time.Location) string {
	mode, t := "-rw-r--r--", in.MTime.In(zone)
	if in.Dir {
		mode = "drwxr-xr-x"
	}
	when := t.Format("Jan _2  2006")
	if age := now.Sub(in.MTime); age < 180*24*time.Hour && age > -time.Hour {
		when = t.Format("Jan _2 15:04")
	}
	return fmt.Sprintf("%s    1 weir     weir     %8d %s %s", mode, in.Size, when, path.Base(in.Path))
}
