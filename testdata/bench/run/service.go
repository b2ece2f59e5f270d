package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// received is what the service got since the last look. Bytes and Digest are of
// the rows in order, without what bodies put around them, so that they tell whether
// two clients sent the same rows, however they cut them.
type received struct {
	Requests int64
	Bytes    int64
	Digest   uint32
}

func (r *received) take(body []byte) error {
	rows, ok := bytes.CutPrefix(body, []byte(`{"events":[`))
	rows, end := bytes.CutSuffix(rows, []byte(`]}`))
	if !ok || !end {
		return errors.New("not a list of events")
	}
	table := crc32.MakeTable(crc32.Castagnoli)
	r.Requests, r.Bytes = r.Requests+1, r.Bytes+int64(len(rows))+1
	r.Digest = crc32.Update(crc32.Update(r.Digest, table, rows), table, []byte{','})
	return nil
}

// serve runs a service that takes everything at once and prints its address. It
// ends with its standard input: with whoever started it.
func serve() error {
	var mu sync.Mutex
	var got received
	mux := http.NewServeMux()
	mux.HandleFunc("POST /rows", func(w http.ResponseWriter, r *http.Request) {
		body := make([]byte, max(r.ContentLength, 0))
		_, err := io.ReadFull(r.Body, body)
		mu.Lock()
		err = cmp.Or(err, got.take(body))
		mu.Unlock()
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"ok":true}`) // a client that is gone needs no answer
	})
	mux.HandleFunc("GET /received", func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		_ = json.NewEncoder(w).Encode(got) // likewise
		got = received{}
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = srv.Close() // it ends either way
	}()
	fmt.Println("http://" + l.Addr().String())
	if err := srv.Serve(l); err != http.ErrServerClosed {
		return err
	}
	return nil
}

// service is a running service in a process of its own.
type service struct {
	url   string
	cmd   *exec.Cmd
	stdin io.Closer
}

func startService() (*service, error) {
	c := exec.Command(os.Args[0], "-serve") //nolint:gosec // this program
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, err
	}
	s := &service{cmd: c, stdin: in}
	if s.url, err = bufio.NewReader(out).ReadString('\n'); err != nil {
		return nil, fmt.Errorf("the service did not start: %w", err)
	}
	s.url = strings.TrimSpace(s.url)
	return s, nil
}

// received returns what came since the last call.
func (s *service) received() (r received, err error) {
	res, err := http.Get(s.url + "/received") //nolint:noctx // a service of this machine
	if err != nil {
		return r, err
	}
	defer res.Body.Close() //nolint:errcheck // read to its end
	return r, json.NewDecoder(res.Body).Decode(&r)
}

func (s *service) close() error {
	_ = s.stdin.Close() // asks it to end
	return s.cmd.Wait()
}
