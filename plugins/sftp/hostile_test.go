package sftp

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"weir/engine/plugin"
	"weir/engine/plugin/plugintest"
)

func answer(kind byte, f func(*request)) map[byte]func(*request) {
	return map[byte]func(*request){kind: f}
}

// hostile are servers that keep a session waiting, each at another place.
var hostile = map[string]struct {
	s    scripted
	code string
}{
	"version byte by byte":     {s: scripted{raw: func(x *exchange) { drip(x.ctx, x, "SSH-2.0-"+strings.Repeat("x", 1000)) }}},
	"lines before the version": {s: scripted{raw: func(x *exchange) { drip(x.ctx, x, "hello\r\n") }}},
	"keys never exchanged":     {s: scripted{raw: func(x *exchange) { io.WriteString(x, "SSH-2.0-x\r\n"); mute(x) }}}, //nolint:errcheck // the client may leave
	"keys exchanged byte by byte": {s: scripted{raw: func(x *exchange) {
		io.WriteString(x, "SSH-2.0-x\r\n") //nolint:errcheck // the client may leave
		drip(x.ctx, x, "\x00\x00\x40\x00\x04\x14"+strings.Repeat("x", 1000))
	}}},
	"password never judged": {s: scripted{login: func(c *ssh.ServerConfig) {
		c.PasswordCallback = func(ssh.ConnMetadata, []byte) (*ssh.Permissions, error) { select {} }
	}}},
	"asks for ever": {code: "env.login_refused", s: scripted{login: func(c *ssh.ServerConfig) {
		c.PasswordCallback = nil
		c.KeyboardInteractiveCallback = func(_ ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
			for {
				if _, err := ask("", "", []string{"Password: "}, []bool{false}); err != nil {
					return nil, err
				}
			}
		}
	}}},
	"channel never opened":       {s: scripted{opens: func(*exchange) bool { return false }}},
	"subsystem never answered":   {s: scripted{starts: func(*exchange) bool { return false }}},
	"version never told":         {s: scripted{answers: answer(fxInit, never)}},
	"REALPATH never answered":    {s: scripted{answers: answer(fxRealpath, never)}},
	"OPENDIR never answered":     {s: scripted{answers: answer(fxOpendir, never)}},
	"READDIR never answered":     {s: scripted{answers: answer(fxReaddir, never)}},
	"listing without entries":    {code: "env.listing_too_long", s: scripted{answers: answer(fxReaddir, func(r *request) { time.Sleep(10 * time.Millisecond); r.reply(fxName, u32(0)) })}},
	"packet byte by byte":        {s: scripted{answers: answer(fxLstat, func(r *request) { r.w.Write(u32(200_000)); drip(r.ctx, r.w, "\x69") })}}, //nolint:errcheck // the client may leave
	"OPEN never answered":        {s: scripted{answers: answer(fxOpen, never)}},
	"READ never answered":        {s: scripted{answers: answer(fxRead, never)}},
	"READ answered byte by byte": {s: scripted{answers: answer(fxRead, func(r *request) { r.w.Write(u32(30_000)); drip(r.ctx, r.w, "\x67") })}}, //nolint:errcheck // the client may leave
	"CLOSE never answered":       {s: scripted{answers: answer(fxClose, never)}},
	"REMOVE never answered":      {s: scripted{answers: answer(fxRemove, never)}},
	"flood of other packets": {s: scripted{answers: answer(fxRead, func(r *request) {
		go func() {
			for r.ctx.Err() == nil {
				if _, _, err := r.ssh.SendRequest("flood@example.com", false, make([]byte, 10_000)); err != nil {
					return
				}
				time.Sleep(time.Millisecond)
			}
		}()
	})}},
}

// TestHostileServers: whatever a server does, a run ends with the timeout, and gives its session back.
func TestHostileServers(t *testing.T) {
	for name, tc := range hostile {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := tc.s
			c := s.connect(t, 300*time.Millisecond)
			h := plugintest.NewHost(t, nil) // nothing is shared in the end: the session was given back
			err := plugintest.Ends(t, func() error { return visit(t.Context(), c, h) })
			if tc.code != "" {
				wantFailure(t, err, plugin.Environment, tc.code)
				return
			}
			wantFailure(t, err, plugin.Transient, "env.timeout")
		})
	}
}

// TestHostileServersAreLeft: and with the run's context, however long the timeout is.
func TestHostileServersAreLeft(t *testing.T) {
	for name, tc := range hostile {
		if tc.code != "" { // it ends by itself
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := tc.s
			c := s.connect(t, time.Hour)
			h := plugintest.NewHost(t, nil)
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			if err := plugintest.Ends(t, func() error { return visit(ctx, c, h) }); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("it ended with %v", err)
			}
		})
	}
}

// FuzzServer answers one kind of packet with anything. A run over that ends, with a
// failure or without, and gives its session back.
func FuzzServer(f *testing.F) {
	kinds := []byte{fxInit, fxOpen, fxClose, fxRead, fxLstat, fxFstat, fxOpendir, fxReaddir, fxRemove, fxRealpath, fxStat}
	for i := range kinds {
		for _, reply := range [][]byte{
			{}, {0}, {fxName, 0, 0, 0}, append([]byte{fxName}, u32(1<<30)...), append(append([]byte{fxName}, u32(1)...), 0xff, 0xff, 0xff, 0xff),
			{fxStatus}, append([]byte{fxStatus}, u32(4)...), {fxHandle}, append([]byte{fxHandle}, u32(1<<31)...), {fxAttrs}, append([]byte{fxAttrs}, u32(-1)...),
			append([]byte{fxAttrs}, append(u32(1<<31), u32(1<<31)...)...), {fxData}, append([]byte{fxData}, u32(1<<20)...), append([]byte{fxData}, append(u32(1<<30), 1)...), {200},
		} {
			f.Add(byte(i), reply, true)
			f.Add(byte(i), reply, false)
		}
	}
	f.Fuzz(func(t *testing.T, which byte, reply []byte, framed bool) {
		s := &scripted{answers: answer(kinds[int(which)%len(kinds)], func(r *request) {
			if framed && len(reply) > 0 {
				r.reply(reply[0], reply[1:])
				return
			}
			r.w.Write(append(u32(len(reply)), reply...)) //nolint:errcheck // the client may leave
		})}
		c := s.connect(t, 100*time.Millisecond)
		h := plugintest.NewHost(t, nil)
		err := plugintest.Ends(t, func() error { return visit(t.Context(), c, h) })
		var failure *plugin.Failure
		if err != nil && !errors.As(err, &failure) {
			t.Errorf("%v", err)
		}
	})
}
