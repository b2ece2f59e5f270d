package rest

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/testkit/testca"
)

// wire serves each connection with serve, and ends them all with the test.
func wire(t *testing.T, cfg *tls.Config, serve func(ctx context.Context, c net.Conn)) string {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() }) //nolint:errcheck // the test is over
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			if cfg != nil {
				c = tls.Server(c, cfg)
			}
			ctx := t.Context()
			go func() {
				defer c.Close() //nolint:errcheck // the test is over
				serve(ctx, c)
			}()
		}
	}()
	return ln.Addr().String()
}

// readHead reads the head of a request.
func readHead(c net.Conn) bool {
	r, err := http.ReadRequest(bufio.NewReader(c))
	return err == nil && r != nil
}

// drip sends text again and again, a little at a time, until the other side has gone.
func drip(c net.Conn, text string, n int) {
	for i := 0; ; i = (i + n) % len(text) {
		if _, err := io.WriteString(c, text[i:min(i+n, len(text))]); err != nil {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func silence(ctx context.Context, c net.Conn) {
	go io.Copy(io.Discard, c) //nolint:errcheck // whatever comes is of no use
	<-ctx.Done()
}

// deaf takes nothing and says nothing.
func deaf(ctx context.Context, _ net.Conn) { <-ctx.Done() }

func says(text string) func(context.Context, net.Conn) {
	return func(ctx context.Context, c net.Conn) {
		if readHead(c) {
			io.WriteString(c, text) //nolint:errcheck // the client may leave
			silence(ctx, c)
		}
	}
}

func drips(head, text string) func(context.Context, net.Conn) {
	return func(_ context.Context, c net.Conn) {
		if readHead(c) {
			io.WriteString(c, head) //nolint:errcheck // the client may leave
			drip(c, text, 1)
		}
	}
}

// framed speaks HTTP/2 as far as its frames; answer is called for every request.
func framed(answer func(fr *http2.Framer, stream uint32), settings ...http2.Setting) func(context.Context, net.Conn) {
	return func(_ context.Context, c net.Conn) {
		preface := make([]byte, len(http2.ClientPreface))
		if _, err := io.ReadFull(c, preface); err != nil {
			return
		}
		fr := http2.NewFramer(c, c)
		if fr.WriteSettings(settings...) != nil {
			return
		}
		for {
			f, err := fr.ReadFrame()
			if err != nil {
				return
			}
			if h, ok := f.(*http2.HeadersFrame); ok {
				answer(fr, h.StreamID)
			}
		}
	}
}

func h2head(fr *http2.Framer, stream uint32, end bool) {
	var sb strings.Builder
	enc := hpack.NewEncoder(&sb)
	enc.WriteField(hpack.HeaderField{Name: ":status", Value: "200"})                                                                 //nolint:errcheck // to memory
	fr.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: []byte(sb.String()), EndHeaders: true, EndStream: end}) //nolint:errcheck // the client may leave
}

// hostile are receivers that keep a request waiting, or try to.
type hostile struct {
	name   string
	tls    bool
	protos []string
	serve  func(context.Context, net.Conn)
	large  bool   // the request is bigger than what the system takes for a connection
	code   string // of the failure
	proxy  bool   // it is met as a proxy
	quick  bool   // it fails by itself, and not by the end of the context
}

func hostiles() []hostile {
	const ok = "HTTP/1.1 200 OK\r\n"
	return []hostile{
		{name: "another protocol", serve: says("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"), code: "env.not_http", quick: true},
		{name: "another protocol, unnamed", serve: says("HTTP/1.1 101 Switching Protocols\r\n\r\n"), code: "env.not_http", quick: true},
		{name: "flood of 1xx", serve: drips("", "HTTP/1.1 103 Early Hints\r\n\r\n"), code: "env.timeout"},
		{name: "100-continue for ever", serve: drips("", "HTTP/1.1 100 Continue\r\n\r\n"), code: "env.timeout"},
		{name: "headers byte by byte", serve: drips(ok, "X-A: b\r\n"), code: "env.timeout"},
		{name: "body byte by byte", serve: drips(ok+"Content-Length: 100000\r\n\r\n", "x"), code: "env.timeout"},
		{name: "chunks without end", serve: drips(ok+"Transfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"), code: "env.timeout"},
		{name: "body that the end of the connection ends", serve: says(ok + "\r\nnothing more"), code: "env.timeout"},
		{name: "trailers without end", serve: drips(ok+"Transfer-Encoding: chunked\r\nTrailer: X-A\r\n\r\n0\r\n", "X-A: b\r\n"), code: "env.timeout"},
		{name: "no reply", serve: silence, code: "env.timeout"},
		{name: "request never read", serve: deaf, large: true, code: "env.timeout"},
		{name: "reply before the request is sent", large: true, serve: func(ctx context.Context, c net.Conn) {
			if readHead(c) {
				io.WriteString(c, ok+"Content-Length: 2\r\n\r\n{}") //nolint:errcheck // the client may leave
				deaf(ctx, c)
			}
		}, code: "env.early_reply", quick: true},
		{name: "TLS never begins", tls: true, protos: []string{"raw"}, serve: silence, code: "env.timeout"},
		{name: "TLS never closes", tls: true, serve: says(ok + "Connection: close\r\n\r\n"), code: "env.timeout"},
		{name: "proxy never answers CONNECT", tls: true, proxy: true, serve: silence, code: "env.timeout"},
		{name: "proxy answers CONNECT byte by byte", tls: true, proxy: true, serve: drips(ok, "X-A: b\r\n"), code: "env.timeout"},
		{name: "HTTP/2 never answers", tls: true, protos: []string{"h2"}, serve: framed(func(*http2.Framer, uint32) {}), code: "env.timeout"},
		{name: "HTTP/2 says no settings", tls: true, protos: []string{"h2"}, serve: silence, code: "env.timeout"},
		{name: "HTTP/2 window stays closed", tls: true, protos: []string{"h2"}, large: true, code: "env.timeout",
			serve: framed(func(*http2.Framer, uint32) {}, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})},
		{name: "HTTP/2 body never ends", tls: true, protos: []string{"h2"}, code: "env.timeout", serve: framed(func(fr *http2.Framer, id uint32) {
			h2head(fr, id, false)
			for fr.WriteData(id, false, []byte("x")) == nil {
				time.Sleep(5 * time.Millisecond)
			}
		})},
		{name: "HTTP/2 goes away and stays", tls: true, protos: []string{"h2"}, code: "env.timeout", serve: framed(func(fr *http2.Framer, id uint32) {
			fr.WriteGoAway(id, http2.ErrCodeNo, nil) //nolint:errcheck // the client may leave
		})},
		{name: "HTTP/2 pings without end", tls: true, protos: []string{"h2"}, code: "env.timeout", serve: framed(func(fr *http2.Framer, _ uint32) {
			for fr.WritePing(false, [8]byte{}) == nil {
				time.Sleep(time.Millisecond)
			}
		})},
		{name: "HTTP/2 replies early", tls: true, protos: []string{"h2"}, large: true, quick: true, code: "env.early_reply",
			serve: framed(func(fr *http2.Framer, id uint32) { h2head(fr, id, true) }, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 100})},
	}
}

// open makes a sink for a hostile receiver, and what to deliver to it.
func (x *hostile) open(t *testing.T, timeout string) (plugin.Writer, *record.Batch) {
	t.Helper()
	var cfg *tls.Config
	extra, scheme := "", "http"
	if x.tls {
		scheme = "https"
	}
	if x.tls && !x.proxy && len(x.protos) < 1 || len(x.protos) == 1 && x.protos[0] == "h2" {
		ca, err := testca.New()
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := ca.Issue(testca.Leaf{})
		if err != nil {
			t.Fatal(err)
		}
		cfg = &tls.Config{Certificates: []tls.Certificate{leaf.TLS}, NextProtos: x.protos, MinVersion: tls.VersionTLS12}
		extra = fmt.Sprintf("\ntls {\n ca = %q\n}", ca.PEM())
	}
	addr := wire(t, cfg, x.serve)
	url := scheme + "://" + addr
	if x.proxy {
		url, extra = "https://example.com", fmt.Sprintf("\nproxy = %q", "http://"+addr)
	}
	conn, ds := connection(t, fmt.Sprintf("url = %q\ntimeout = %q%s", url, timeout, extra))
	if ds.HasErrors() {
		t.Fatal(ds.Err())
	}
	b := people(1)
	if x.large {
		b.Cols[0].SetString(0, []byte(strings.Repeat("x", 16<<20)))
	}
	s, ds := sink(t, "reply {\n ok = \"body != nil\"\n}\nretry {\n attempts = 1\n}", conn, b.Schema)
	if ds.HasErrors() {
		t.Fatal(ds.Err())
	}
	w, err := s.Open(t.Context(), newHost(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return w, b
}

// meet delivers rows, and fails when that does not end.
func meet(ctx context.Context, t *testing.T, w plugin.Writer, b *record.Batch) error {
	t.Helper()
	ended := make(chan error, 1)
	go func() {
		_, err := w.Deliver(ctx, &plugin.Delivery{Key: "k", Rows: b})
		ended <- errors.Join(err, w.Close(context.WithoutCancel(ctx)))
	}()
	select {
	case err := <-ended:
		return err
	case <-time.After(20 * time.Second):
		t.Fatal("it hangs")
		return nil
	}
}

// TestHostileReceivers: whatever a receiver does, a request ends with the connection's timeout.
func TestHostileReceivers(t *testing.T) {
	for _, x := range hostiles() {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			w, b := x.open(t, "400ms")
			if f := failure(t, meet(t.Context(), t, w, b)); string(f.Code) != x.code {
				t.Errorf("code %s, want %s: %v", f.Code, x.code, f)
			}
		})
	}
}

// TestHostileReceiversAreLeft: and with the run's context, however long the timeout is.
func TestHostileReceiversAreLeft(t *testing.T) {
	for _, x := range hostiles() {
		if x.quick {
			continue
		}
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			w, b := x.open(t, "1h")
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			if err := meet(ctx, t, w, b); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("it ended with %v", err)
			}
		})
	}
}

// TestRedirectsEnd: a receiver cannot keep a request going round.
func TestRedirectsEnd(t *testing.T) {
	x := hostile{serve: func(_ context.Context, c net.Conn) {
		if readHead(c) {
			io.WriteString(c, "HTTP/1.1 307 Temporary Redirect\r\nLocation: /again\r\nConnection: close\r\nContent-Length: 0\r\n\r\n") //nolint:errcheck // the client may leave
		}
	}}
	w, b := x.open(t, "5s")
	if f := failure(t, meet(t.Context(), t, w, b)); f.Code != "env.redirected" {
		t.Errorf("%s: %v", f.Code, f)
	}
}

// TestBodiesAreTakenBack: once a request is over, nothing reads the memory of its body.
func TestBodiesAreTakenBack(t *testing.T) {
	o := &outgoing{data: []byte("abcdef")}
	r, err := o.open()
	if err != nil {
		t.Fatal(err)
	}
	if n, err := r.Read(make([]byte, 4)); n != 4 || err != nil {
		t.Fatal(n, err)
	}
	if o.takeBack() {
		t.Error("two bytes were not read")
	}
	if n, err := r.Read(make([]byte, 4)); n != 0 || !errors.Is(err, errTakenBack) {
		t.Errorf("%d bytes, %v", n, err)
	}
	o = &outgoing{data: []byte("abc")}
	for range 2 { // a redirect sends it again
		if r, err = o.open(); err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(r); string(b) != "abc" || err != nil {
			t.Errorf("%q, %v", b, err)
		}
	}
	if !o.takeBack() {
		t.Error("all of it was read")
	}
}
