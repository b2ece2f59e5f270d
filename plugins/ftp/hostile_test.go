package ftp

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"weir/engine/plugin"
	"weir/engine/plugin/plugintest"
)

// hostile are servers that keep a session waiting, each at another place.
var hostile = map[string]struct {
	mode string // "none" when ""
	say  map[string]func(*exchange)
	data func(*exchange, net.Conn)
	good bool // a run does not mind
}{
	"greeting never comes":         {say: map[string]func(*exchange){"": mute}},
	"greeting byte by byte":        {say: map[string]func(*exchange){"": drips("220-welcome\r\n")}},
	"greeting of 120 for ever":     {mode: "explicit", say: map[string]func(*exchange){"": drips("120 soon\r\n")}},
	"AUTH TLS and nothing more":    {mode: "explicit", say: map[string]func(*exchange){"AUTH": func(x *exchange) { x.line("234 go on"); mute(x) }}},
	"TLS byte by byte":             {mode: "explicit", say: map[string]func(*exchange){"AUTH": func(x *exchange) { x.line("234 go on"); drip(x.ctx, x, "\x16\x03\x03\x40\x00") }}},
	"USER byte by byte":            {say: map[string]func(*exchange){"USER": drips("331-x\r\n")}},
	"PASS never answered":          {say: map[string]func(*exchange){"PASS": mute}},
	"FEAT never ends":              {say: map[string]func(*exchange){"FEAT": drips("211-Features\r\n SIZE\r\n")}},
	"PWD byte by byte":             {say: map[string]func(*exchange){"PWD": drips("257-\r\n")}},
	"CWD byte by byte":             {say: map[string]func(*exchange){"CWD": drips("250-x\r\n")}},
	"EPSV and PASV never answered": {say: map[string]func(*exchange){"EPSV": says("502 no"), "PASV": mute}},
	"data connection never taken":  {say: map[string]func(*exchange){"LIST": mute, "RETR": mute}},
	"listing byte by byte": {data: func(x *exchange, c net.Conn) {
		drip(x.ctx, c, "-rw-r--r--    1 weir     weir       100000 Jul  1  2024 a.csv\r\n")
	}},
	"data never comes":             {data: func(x *exchange, _ net.Conn) { mute(x) }},
	"TLS of the data never begins": {mode: "implicit", data: func(x *exchange, _ net.Conn) { mute(x) }},
	"TLS of the data byte by byte": {mode: "implicit", data: func(x *exchange, c net.Conn) { drip(x.ctx, c, "\x16\x03\x03\x40\x00") }},
	"226 never comes":              {say: map[string]func(*exchange){"226": mute}},
	"226 byte by byte":             {say: map[string]func(*exchange){"226": drips("226-x\r\n")}},
	"SIZE byte by byte":            {say: map[string]func(*exchange){"SIZE": drips("213-x\r\n")}},
	"MDTM never answered":          {say: map[string]func(*exchange){"MDTM": mute}},
	"RETR byte by byte":            {say: map[string]func(*exchange){"RETR": func(x *exchange) { x.data = func(x *exchange, c net.Conn) { drip(x.ctx, c, "x") }; x.transfer("RETR") }}},
	"RETR stops in the middle": {say: map[string]func(*exchange){"RETR": func(x *exchange) {
		x.data = func(x *exchange, c net.Conn) { c.Write(make([]byte, fileSize/2)); mute(x) }
		x.transfer("RETR")
	}}}, //nolint:errcheck // the client may leave
	"data connection never closed": {say: map[string]func(*exchange){"RETR": func(x *exchange) {
		x.data = func(x *exchange, c net.Conn) { c.Write(make([]byte, fileSize)); mute(x) }
		x.transfer("RETR")
	}}}, //nolint:errcheck // the client may leave
	"DELE byte by byte":             {say: map[string]func(*exchange){"DELE": drips("250-x\r\n")}},
	"MKD byte by byte":              {say: map[string]func(*exchange){"CWD": func(x *exchange) { said(x, x.arg == "/", "250 ok", "550 none") }, "MKD": drips("257-x\r\n")}},
	"QUIT never answered":           {say: map[string]func(*exchange){"QUIT": mute}, good: true},
	"QUIT byte by byte":             {mode: "implicit", say: map[string]func(*exchange){"QUIT": drips("221-x\r\n")}, good: true},
	"control connection never read": {say: map[string]func(*exchange){"MDTM": func(x *exchange) { x.line("213 20240701120000"); mute(x) }}},
}

func said(x *exchange, yes bool, a, b string) {
	if !yes {
		a = b
	}
	x.line("%s", a)
}

// TestHostileServers: whatever a server does, a run ends with the timeout, and gives its session back.
func TestHostileServers(t *testing.T) {
	for name, tc := range hostile {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &scripted{say: tc.say, data: tc.data}
			c := s.connect(t, mode(tc.mode), 200*time.Millisecond)
			h := plugintest.NewHost(t, nil) // nothing is shared in the end: the session was given back
			err := plugintest.Ends(t, func() error { return visit(t.Context(), c, h) })
			if tc.good {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantFailure(t, err, plugin.Transient, "env.timeout")
		})
	}
}

// TestHostileServersAreLeft: and with the run's context, however long the timeout is.
func TestHostileServersAreLeft(t *testing.T) {
	for name, tc := range hostile {
		if tc.good {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &scripted{say: tc.say, data: tc.data}
			c := s.connect(t, mode(tc.mode), time.Hour)
			h := plugintest.NewHost(t, nil)
			ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
			defer cancel()
			if err := plugintest.Ends(t, func() error { return visit(ctx, c, h) }); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("it ended with %v", err)
			}
		})
	}
}

func mode(m string) string {
	if m == "" {
		return "none"
	}
	return m
}

// TestKeepaliveHoldsNobody: while an idle session is asked for a sign of life that does
// not come, an operation and the end of the run do not wait for it.
func TestKeepaliveHoldsNobody(t *testing.T) {
	asked := make(chan struct{}, 10)
	s := &scripted{say: map[string]func(*exchange){"NOOP": func(x *exchange) { asked <- struct{}{}; mute(x) }}}
	c := s.connect(t, "none", time.Hour)
	c.Keepalive = 10 * time.Millisecond
	f, err := Open(t.Context(), c, plugintest.NewHost(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	<-asked
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if err := plugintest.Ends(t, func() error { _, err := f.List(ctx, "/"); return err }); !errors.Is(err, context.Canceled) {
		t.Errorf("List = %v", err)
	}
	if err := plugintest.Ends(t, f.Close); err != nil {
		t.Error(err)
	}
}

// TestSlowTransferIsNoStall: a transfer that moves takes the time it takes.
func TestSlowTransferIsNoStall(t *testing.T) {
	s := &scripted{}
	s.say = map[string]func(*exchange){"RETR": func(x *exchange) {
		x.data = func(x *exchange, c net.Conn) {
			for range 10 {
				c.Write(make([]byte, fileSize/10)) //nolint:errcheck // the client may leave
				time.Sleep(60 * time.Millisecond)
			}
			c.Close() //nolint:errcheck // before the reply
			x.line("226 complete")
		}
		x.transfer("RETR")
	}}
	c := s.connect(t, "none", 300*time.Millisecond)
	f := openFS(t, c)
	defer f.Close() //nolint:errcheck // tested elsewhere
	r, err := f.Open(t.Context(), "/a.csv", 0)
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, r)
	if cerr := r.Close(); n != fileSize || err != nil || cerr != nil {
		t.Errorf("%d bytes, %v, %v", n, err, cerr)
	}
}

// deafAt is a machine from which connections to addresses but one are never accepted.
type deafAt struct {
	plugin.SystemMachine
	but string
}

// Dial implements plugin.Machine.
func (d deafAt) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if addr == d.but {
		return d.SystemMachine.Dial(ctx, network, addr)
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

type hostAt struct {
	*plugintest.Host
	machine plugin.Machine
}

// Machine implements plugin.Host.
func (h hostAt) Machine() plugin.Machine { return h.machine }

// TestNobodyAccepts: an address that does not answer, for the session or for data, is a
// timeout, which the end of the run is not.
func TestNobodyAccepts(t *testing.T) {
	s := &scripted{}
	c := s.connect(t, "none", 100*time.Millisecond)
	for word, but := range map[string]string{"did not accept a connection within 100ms": "", "did not answer for 100ms while listing /": c.Addr()} {
		h := hostAt{plugintest.NewHost(t, nil), deafAt{but: but}}
		wantFailure(t, plugintest.Ends(t, func() error { return visit(t.Context(), c, h) }), plugin.Transient, "env.timeout", word)
		slow := *c
		slow.Timeout = time.Hour
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		if err := plugintest.Ends(t, func() error { return visit(ctx, &slow, h) }); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("it ended with %v", err)
		}
		cancel()
	}
}
