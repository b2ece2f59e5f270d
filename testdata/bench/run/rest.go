package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
)

// service is a server that takes everything at once.
func service() (srv *httptest.Server, requests, size *atomic.Int64) {
	requests, size = new(atomic.Int64), new(atomic.Int64)
	srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		requests.Add(1)
		size.Add(n)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"ok":true}`) // a client that is gone needs no answer
	}))
	return srv, requests, size
}

// rest measures job A into a service against a bare loop of a client that posts
// the same rows as they were written beforehand, in batches of 100.
func (s *settings) rest() error {
	in := filepath.Join(s.work, fmt.Sprintf("customers-%d.csv", s.rows))
	lines := filepath.Join(s.out, "weir-bench-rest.ndjson")
	hand := &program{args: []string{filepath.Join(s.work, "bin", "handwritten"), "A", in, lines, "2"}}
	if _, err := hand.measure(); err != nil {
		return err
	}
	defer os.Remove(lines) //nolint:errcheck // gone already, or not needed
	srv, requests, size := service()
	defer srv.Close()
	state := filepath.Join(s.work, "state")
	weir := &program{before: func() error { return os.RemoveAll(state) }, args: []string{
		s.weir, "run", filepath.Join(s.pipelines, "rest.hcl"), "--var", "input=" + in, "--var", "url=" + srv.URL, "--state", state}}
	bare := &program{args: []string{os.Args[0], "-post", srv.URL + "/rows", "-lines", lines}}
	for range s.times {
		requests.Store(0)
		b, err := bare.measure()
		if err != nil {
			return err
		}
		n := float64(requests.Load())
		requests.Store(0)
		size.Store(0)
		u, err := weir.measure()
		if err != nil {
			return err
		}
		fmt.Printf("rest: bare client %.0f requests/s; weir, mapping included, %.0f requests/s (%d MB), which is %.2f of it\n",
			n/b.wall.Seconds(), float64(requests.Load())/u.wall.Seconds(), size.Load()/1e6, b.wall.Seconds()/u.wall.Seconds())
	}
	return nil
}

// bareLoop posts the lines of a file in batches of 100, one after the other.
func bareLoop(url, lines string) error {
	bodies, err := batches(lines, 100)
	if err != nil {
		return err
	}
	for _, body := range bodies {
		if err := post(url, body); err != nil {
			return err
		}
	}
	return nil
}

func post(url string, body []byte) error {
	r, err := http.Post(url, "application/json", bytes.NewReader(body)) //nolint:gosec,noctx // a server of this process
	if err != nil {
		return err
	}
	defer r.Body.Close() //nolint:errcheck // read to its end
	_, err = io.Copy(io.Discard, r.Body)
	return err
}

// batches returns the lines of a file as bodies of n objects each.
func batches(name string, n int) (out [][]byte, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	sc := bufio.NewScanner(f)
	var b []byte
	k := 0
	for sc.Scan() {
		if k == 0 {
			b = append([]byte(nil), `{"events":[`...)
		} else {
			b = append(b, ',')
		}
		b = append(b, sc.Bytes()...)
		if k++; k == n {
			out, k = append(out, append(b, `]}`...)), 0
		}
	}
	if k > 0 {
		out = append(out, append(b, `]}`...))
	}
	return out, sc.Err()
}
