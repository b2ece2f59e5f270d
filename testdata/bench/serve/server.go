package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// server is weir serve under way.
type server struct {
	cmd   *exec.Cmd
	began time.Time
	url   string
	lines chan line    // those of wanted messages
	count atomic.Int64 // of all lines
	ended chan error
}

// line is a line of the log, with the time at which it was read.
type line struct {
	at time.Time

	Msg      string `json:"msg"`
	URL      string `json:"url"`
	Outcome  string `json:"outcome"`
	Pipeline string `json:"pipeline"`
	Trigger  string `json:"trigger"`
	Took     string `json:"took"`
	Read     int64  `json:"read"`
}

// wanted are the messages that are passed on.
func wanted(m string) bool { return m == "the API listens" || m == "reload" || m == "run ended" }

// startServer starts weir serve and waits until its API listens.
func (s *settings) startServer(ctx context.Context, folder, state string, args ...string) (*server, error) {
	all := append([]string{"serve", folder, "--state", state, "--listen", "127.0.0.1:0", "--log-format", "json"}, args...)
	v := &server{cmd: exec.CommandContext(ctx, s.weir, all...), lines: make(chan line, 1<<16), ended: make(chan error, 1)}
	v.cmd.Dir = folder
	log, err := v.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	v.began = time.Now()
	if err := v.cmd.Start(); err != nil {
		return nil, err
	}
	tail := make(chan string, 1)
	go v.read(log, tail)
	go func() {
		t := <-tail // the pipe must be read to its end before Wait
		if err := v.cmd.Wait(); err != nil {
			v.ended <- fmt.Errorf("weir serve: %w\n%s", err, t)
			return
		}
		v.ended <- nil
	}()
	l, err := v.await(ctx, 5*time.Minute, func(l line) bool { return l.URL != "" })
	v.url = l.URL
	return v, err
}

// read passes on wanted lines until the log ends, and then its last lines.
func (v *server) read(log io.Reader, tail chan<- string) {
	var last []string
	sc := bufio.NewScanner(log)
	sc.Buffer(nil, 16<<20)
	for sc.Scan() {
		v.count.Add(1)
		l := line{at: time.Now()}
		if json.Unmarshal(sc.Bytes(), &l) == nil && wanted(l.Msg) {
			select {
			case v.lines <- l:
			default: // nobody waits for it
			}
		}
		if last = append(last, sc.Text()); len(last) > 20 {
			last = last[1:]
		}
	}
	tail <- strings.Join(last, "\n")
}

// await returns the next line that is.
func (v *server) await(ctx context.Context, d time.Duration, is func(line) bool) (line, error) {
	over := time.After(d)
	for {
		select {
		case l := <-v.lines:
			if is(l) {
				return l, nil
			}
		case err := <-v.ended:
			v.ended <- err
			return line{}, errors.Join(errors.New("the server ended"), err)
		case <-over:
			return line{}, fmt.Errorf("nothing came within %s", d)
		case <-ctx.Done():
			return line{}, ctx.Err()
		}
	}
}

// reloaded returns the next verdict of a reload that something changed led to.
func (v *server) reloaded(ctx context.Context) (line, error) {
	return v.await(ctx, time.Minute, func(l line) bool { return l.Msg == "reload" && l.Outcome != "unchanged" })
}

// forget drops the lines that nobody waited for.
func (v *server) forget() {
	for {
		select {
		case <-v.lines:
		default:
			return
		}
	}
}

// ready waits until the server says that it is.
func (v *server) ready(ctx context.Context) (time.Duration, error) {
	for {
		if b, code, err := v.get(ctx, "/readyz"); err == nil && code == http.StatusOK {
			return time.Since(v.began), nil
		} else if time.Since(v.began) > 5*time.Minute {
			return 0, fmt.Errorf("it is not ready: %s %w", b, err)
		}
		if err := sleep(ctx, 5*time.Millisecond); err != nil {
			return 0, err
		}
	}
}

func (v *server) get(ctx context.Context, path string) ([]byte, int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, v.url+path, nil)
	if err != nil {
		return nil, 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, 0, err
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	b, err := io.ReadAll(resp.Body)
	return b, resp.StatusCode, err
}

// stop asks the server to end, and returns how long that took.
func (v *server) stop() (time.Duration, error) {
	began := time.Now()
	_ = v.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	err := <-v.ended
	v.ended <- err
	return time.Since(began), err
}

// cpu returns the processor time that the server has taken.
func (v *server) cpu() time.Duration {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(v.cmd.Process.Pid), "stat"))
	if err != nil {
		return 0
	}
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(f[11]) // the system writes numbers
	system, _ := strconv.Atoi(f[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// memory returns the resident memory of the server and its greatest, in MiB.
func (v *server) memory() (now, peak int) {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(v.cmd.Process.Pid), "status"))
	if err != nil {
		return 0, 0
	}
	for l := range strings.Lines(string(b)) {
		var to *int
		switch {
		case strings.HasPrefix(l, "VmRSS:"):
			to = &now
		case strings.HasPrefix(l, "VmHWM:"):
			to = &peak
		default:
			continue
		}
		kb, _ := strconv.Atoi(strings.Fields(l)[1]) // the system writes numbers
		*to = kb >> 10
	}
	return now, peak
}

// histogram reads a histogram without labels from the metrics, and gauges besides.
type histogram struct {
	bounds []float64
	counts []float64 // cumulative
	n, sum float64
}

func (v *server) metrics(ctx context.Context, name string) (histogram, map[string]float64, error) {
	b, _, err := v.get(ctx, "/metrics")
	h, gauges := histogram{}, map[string]float64{}
	for l := range strings.Lines(string(b)) {
		key, value, ok := strings.Cut(strings.TrimSpace(l), " ")
		x, perr := strconv.ParseFloat(value, 64)
		if !ok || perr != nil || strings.HasPrefix(l, "#") {
			continue
		}
		le, bucket := strings.CutPrefix(key, name+`_bucket{le="`)
		switch {
		case bucket && !strings.HasPrefix(le, "+Inf"):
			bound, _ := strconv.ParseFloat(strings.TrimSuffix(le, `"}`), 64) // what metrics are written with
			h.bounds, h.counts = append(h.bounds, bound), append(h.counts, x)
		case key == name+"_count":
			h.n = x
		case key == name+"_sum":
			h.sum = x
		case !strings.Contains(key, "{"):
			gauges[key] = x
		}
	}
	return h, gauges, err
}

// within returns the bound that the share of all stays under.
func (h histogram) within(share float64) string {
	for i, c := range h.counts {
		if c >= share*h.n {
			return "under " + time.Duration(h.bounds[i]*float64(time.Second)).String()
		}
	}
	return "above all bounds"
}
