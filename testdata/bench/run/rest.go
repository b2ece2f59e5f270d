package main

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// client is one way to send the rows to the service.
type client struct {
	program
	got received
}

// rest measures job A into a service, in a process of its own, that takes
// everything: weir against a program written by hand for the job, which posts one
// body after the other, and against a loop that only joins lines made beforehand.
func (s *settings) rest() (ok bool, err error) {
	in := filepath.Join(s.work, fmt.Sprintf("customers-%d.csv", s.rows))
	lines := filepath.Join(s.out, "weir-bench-rest.ndjson")
	made := &program{args: []string{filepath.Join(s.work, "bin", "handwritten"), "A", in, lines, "2"}}
	if _, err := made.measure(); err != nil {
		return false, err
	}
	defer os.Remove(lines) //nolint:errcheck // gone already, or not needed
	srv, err := startService()
	if err != nil {
		return false, err
	}
	defer func() { err = cmp.Or(err, srv.close()) }()
	state := filepath.Join(s.work, "state")
	clients := []*client{
		{program: program{name: "hand-written", args: []string{os.Args[0], "-hand", srv.url + "/rows", "-input", in}}},
		{program: program{name: "prepared", args: []string{os.Args[0], "-post", srv.url + "/rows", "-input", lines}}},
		{program: program{name: "weir", before: func() error { return os.RemoveAll(state) }, args: []string{
			s.weir, "run", filepath.Join(s.pipelines, "rest.hcl"), "--var", "input=" + in, "--var", "url=" + srv.url, "--state", state}}},
	}
	for range s.times {
		for _, c := range clients {
			u, err := c.measure()
			if err != nil {
				return false, fmt.Errorf("rest: %s: %w", c.name, err)
			}
			if c.got, err = srv.received(); err != nil {
				return false, err
			}
			c.runs = append(c.runs, u)
		}
	}
	return s.printRest(clients), nil
}

// printRest shows the medians and reports whether every client sent the same rows.
// Ratios are medians of those of each round: what else the machine does slows
// all clients of a round alike.
func (s *settings) printRest(clients []*client) bool {
	own := clients[len(clients)-1]
	fmt.Printf("\njob rest, %d rows in bodies of 100, medians of %d (least..most)\n", s.rows, s.times)
	fmt.Printf("  %-14s %8s %-16s %7s %10s  %s\n", "", "wall s", "", "cpu s", "requests/s", "weir is")
	ok := true
	for _, c := range clients {
		wall := c.median(func(u usage) time.Duration { return u.wall })
		cpu := c.median(func(u usage) time.Duration { return u.cpu })
		least, most := c.runs[0].wall, c.runs[0].wall
		var ratios []float64
		for i, u := range c.runs {
			least, most = min(least, u.wall), max(most, u.wall)
			ratios = append(ratios, u.wall.Seconds()/own.runs[i].wall.Seconds())
		}
		slices.Sort(ratios)
		note := ""
		if c != own {
			note = fmt.Sprintf("%.2f of it", ratios[len(ratios)/2])
		}
		if c.got.Digest != own.got.Digest || c.got.Bytes != own.got.Bytes {
			ok = false
			note += fmt.Sprintf("  OTHER ROWS: %+v, weir sent %+v", c.got, own.got)
		}
		fmt.Printf("  %-14s %8.2f %-16s %7.2f %10.0f  %s\n", c.name, wall.Seconds(),
			fmt.Sprintf("(%.2f..%.2f)", least.Seconds(), most.Seconds()), cpu.Seconds(), float64(c.got.Requests)/wall.Seconds(), note)
	}
	return ok
}

// bareLoop posts the lines of a file in batches of 100, one after the other.
func bareLoop(url, lines string) error {
	f, err := os.Open(lines)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read
	sc := bufio.NewScanner(f)
	var body []byte
	n := 0
	for sc.Scan() {
		if n == 0 {
			body = append(body[:0], `{"events":[`...)
		} else {
			body = append(body, ',')
		}
		body = append(body, sc.Bytes()...)
		if n++; n == 100 {
			if err := post(url, append(body, `]}`...)); err != nil {
				return err
			}
			n = 0
		}
	}
	if n > 0 {
		return cmp.Or(post(url, append(body, `]}`...)), sc.Err())
	}
	return sc.Err()
}

func post(url string, body []byte) error {
	r, err := http.Post(url, "application/json", bytes.NewReader(body)) //nolint:gosec,noctx // a service of this machine
	if err != nil {
		return err
	}
	defer r.Body.Close() //nolint:errcheck // read to its end
	if r.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", url, r.Status)
	}
	_, err = io.Copy(io.Discard, r.Body)
	return err
}
