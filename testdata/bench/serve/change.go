package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// change measures the time from the write of a file to the first row under the new
// mapping, in a folder of ten pipelines, one of which reads a large file into a
// service without a pause: the new mapping is awaited in the rows that the service
// gets, which nobody sees sooner. The time of quiet is part of it.
func (s *settings) change(ctx context.Context, dir string) (table, error) {
	t := table{title: "ten pipelines, the mapping of one changed while it runs"}
	got := &arrivals{}
	service := httptest.NewServer(got)
	defer service.Close()
	folder := filepath.Join(dir, "folder")
	if err := s.tenPipelines(folder, filepath.Join(dir, "data"), service.URL); err != nil {
		return t, err
	}
	v, err := s.startServer(ctx, folder, filepath.Join(dir, "state"))
	if err != nil {
		return t, err
	}
	defer v.stop() //nolint:errcheck // the error that is reported came first
	if err := got.await(ctx, "v0"); err != nil {
		return t, err
	}
	var all, applied []time.Duration
	for i := 1; i <= s.times; i++ {
		if err := sleep(ctx, 500*time.Millisecond); err != nil {
			return t, err
		}
		v.forget()
		began := time.Now()
		if err := replace(filepath.Join(folder, "p0.hcl"), streamed(filepath.Join(dir, "data"), i)); err != nil {
			return t, err
		}
		if err := got.await(ctx, version(i)); err != nil {
			return t, err
		}
		all = append(all, time.Since(began))
		l, err := v.reloaded(ctx)
		if err != nil {
			return t, err
		}
		applied = append(applied, l.at.Sub(began))
	}
	t.add("file written, until the first row, with quiet", "300ms", "%s", spread(all))
	t.add("  until the reload is over", "", "%s", spread(applied))
	got.mu.Lock()
	t.add("  deliveries of 100 rows meanwhile", "", "%d", got.n)
	got.mu.Unlock()
	now, peak := v.memory()
	t.add("memory, and the peak", "", "%d MiB, %d MiB", now, peak)
	return t, nil
}

func version(i int) string { return fmt.Sprintf("v%d", i) }

// arrivals is a service that takes everything at once and knows the newest version in it.
type arrivals struct {
	mu     sync.Mutex
	n      int
	newest string
	signal chan struct{} // closed when newest changes
}

// ServeHTTP implements http.Handler.
func (a *arrivals) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	_, last, _ := bytes.Cut(body[bytes.LastIndexByte(body, '{'):], []byte(`"version":"`)) // of its last row
	name, _, _ := bytes.Cut(last, []byte(`"`))
	a.mu.Lock()
	a.n++
	if a.newest != string(name) {
		a.newest = string(name)
		if a.signal != nil {
			close(a.signal)
			a.signal = nil
		}
	}
	a.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"ok":true}`) // a client that is gone needs no answer
}

// await returns when a row of this version has come.
func (a *arrivals) await(ctx context.Context, name string) error {
	over := time.After(20 * time.Second)
	for {
		a.mu.Lock()
		if a.newest == name {
			a.mu.Unlock()
			return nil
		}
		if a.signal == nil {
			a.signal = make(chan struct{})
		}
		c := a.signal
		a.mu.Unlock()
		select {
		case <-c:
		case <-over:
			return fmt.Errorf("no row of %s came; was the file over? more rows: -wide", name)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// tenPipelines writes one pipeline that always has rows and nine that poll.
func (s *settings) tenPipelines(folder, data, url string) error {
	for _, d := range []string{folder, data} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	texts := map[string][]byte{"p0.hcl": streamed(data, 0), "service.hcl": fmt.Appendf(nil, "connection \"rest\" \"service\" {\n  url = %q\n}\n", url)}
	for i := 1; i < 10; i++ {
		in := filepath.Join(data, "in", fmt.Sprint(i))
		if err := os.MkdirAll(in, 0o755); err != nil {
			return err
		}
		text := bytes.ReplaceAll(fmt.Appendf(nil, pipelineText, kinds()[i], i), []byte("${var.data}"), []byte(data))
		texts[fmt.Sprintf("p%d.hcl", i)] = text
	}
	for name, text := range texts {
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o644); err != nil {
			return err
		}
	}
	return writeFile(filepath.Join(data, "large.csv"), func(w *bufio.Writer) {
		w.WriteString("number;email;country;amount;day;count\n")
		for i := range s.wide {
			fmt.Fprintf(w, "%07d;somebody@example.com;SE;%d,10;11-11-2024;3\n", i, i%1000)
		}
	})
}

// streamed is the pipeline that always has rows, in its i-th version.
func streamed(data string, i int) []byte {
	return fmt.Appendf(nil, `pipeline "stream" {
  schedule = "every 1m"

  source "file" "files" {
    path  = "%s/large.csv"
    ready = "now"
  }

  decode "csv" {
    delimiter = ";"
    columns = {
      number  = "text required"
      email   = "text optional"
      country = "text"
      amount  = "decimal comma"
      day     = "date '%%d-%%m-%%Y' optional"
      count   = "int optional"
    }
  }

  map "line" {
    fields = {
      id      = "trim(number)"
      email   = "lower(trim(email ?? ''))"
      amount  = "amount"
      day     = "day"
      version = "'%s'"
    }
  }

  filter "nobody" {
    drop = "id == '' and email == ''"
  }

  sink "rest" "out" {
    connection = connection.rest.service
    method     = "POST"
    path       = "/rows"
    body       = "{events: rows}"
    batch {
      rows = 100
    }
  }
}
`, data, version(i))
}

// writeFile writes a file with what fill writes.
func writeFile(name string, fill func(w *bufio.Writer)) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	fill(w) // an error stays with w until Flush
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}
