package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"time"

	"github.com/cespare/xxhash/v2"

	"weir/engine/testkit/realserver"
)

// place is a file on one of the real servers, as a client finds it.
type place struct {
	Kind string // "ftp" or "sftp"
	TLS  string // of FTP: "none" or "explicit"
	Addr string
	User string
	CA   string
	Key  string // private key of the user, as text
	Host []string
	Path string
}

// transfer is one kind of download, from one server.
type transfer struct {
	title string
	start func(t *stage) (place, *realserver.Server)
}

func transfers() []transfer {
	ftp := func(title, tls string, start func(t *stage, o realserver.Options) *realserver.Server) transfer {
		return transfer{title, func(t *stage) (place, *realserver.Server) {
			s := start(t, realserver.Options{TLS: tls, Reuse: tls != "none"})
			return place{Kind: "ftp", TLS: tls, Addr: s.Addr, User: s.User, CA: s.CA, Path: path.Join(s.Root, "customers.csv")}, s
		}}
	}
	vsftpd := func(t *stage, o realserver.Options) *realserver.Server { return realserver.VSFTPD(t, o) }
	proftpd := func(t *stage, o realserver.Options) *realserver.Server { return realserver.ProFTPD(t, o) }
	return []transfer{
		ftp("FTP from vsftpd", "none", vsftpd),
		ftp("FTP from proftpd", "none", proftpd),
		ftp("FTPS (explicit) from vsftpd", "explicit", vsftpd),
		ftp("FTPS (explicit) from proftpd", "explicit", proftpd),
		{"SFTP from OpenSSH", func(t *stage) (place, *realserver.Server) {
			s := realserver.SSHD(t)
			return place{Kind: "sftp", Addr: s.Addr, User: s.User, Key: s.PrivateKey, Host: s.Fingerprints, Path: path.Join(s.Root, "customers.csv")}, &s.Server
		}},
	}
}

// downloads measures downloads of one big file by weir's own plugins, into the
// spool folder as a run does it, and by the clients people use.
func (s *settings) downloads() error {
	in := filepath.Join(s.work, fmt.Sprintf("customers-%d.csv", s.download))
	for _, tr := range transfers() {
		err := onStage(func(t *stage) error { return s.transfer(t, tr, in) })
		if skip := (unavailable{}); errors.As(err, &skip) {
			fmt.Printf("\nLEFT OUT: %s: %v\n", tr.title, err)
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", tr.title, err)
		}
	}
	return nil
}

func (s *settings) transfer(t *stage, tr transfer, in string) error {
	data, err := os.ReadFile(in)
	if err != nil {
		return err
	}
	want := fingerprint{int64(len(data)), xxhash.Sum64(data)}
	at, server := tr.start(t)
	server.Put(t, at.Path, data, time.Now().Add(-time.Hour))
	data = nil //nolint:ineffassign,wastedassign // half a gigabyte that is not needed any more
	ps, err := s.clients(t, at)
	if err != nil {
		return err
	}
	for round := range s.times {
		for _, p := range ps {
			u, err := p.measure()
			if err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			p.runs = append(p.runs, u)
			if round == 0 {
				if err := want.check(p.out); err != nil {
					return fmt.Errorf("%s: %w", p.name, err)
				}
			}
			if err := os.RemoveAll(p.out); err != nil {
				return err
			}
		}
	}
	s.printRates(tr.title, ps, float64(want.size)/1e6)
	return nil
}

// fingerprint tells whether a file arrived whole.
type fingerprint struct {
	size int64
	hash uint64
}

// check compares the file at name, or the only file below it, with f.
func (f fingerprint) check(name string) error {
	var found []fingerprint
	err := filepath.WalkDir(name, func(p string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		in, err := os.Open(p)
		if err != nil {
			return err
		}
		h := xxhash.New()
		n, err := io.Copy(h, in)
		found = append(found, fingerprint{n, h.Sum64()})
		return errors.Join(err, in.Close())
	})
	if err == nil && (len(found) != 1 || found[0] != f) {
		err = fmt.Errorf("got %v, want one file of %v", found, f)
	}
	return err
}

// clients returns weir and whatever of lftp, curl and sftp is there.
func (s *settings) clients(t *stage, at place) ([]*program, error) {
	text, err := json.Marshal(at)
	if err != nil {
		return nil, err
	}
	spool := filepath.Join(s.out, "weir-bench-spool")
	ps := []*program{{name: "weir", out: spool, args: []string{os.Args[0], "-fetch", string(text), "-out", spool},
		before: func() error { return os.RemoveAll(spool) }}}
	key := filepath.Join(t.dir(), "key")
	if err := os.WriteFile(key, []byte(at.Key), 0o600); err != nil {
		return nil, err
	}
	out := filepath.Join(s.out, "weir-bench-download")
	for _, c := range []struct {
		name string
		args func(at place, key, out string) []string
	}{{"lftp", lftp}, {"curl", curl}, {"sftp", sftp}} {
		args := c.args(at, key, out)
		if args == nil {
			continue
		}
		if _, err := exec.LookPath(c.name); err != nil {
			fmt.Printf("LEFT OUT: %s is not on this machine\n", c.name)
			continue
		}
		ps = append(ps, &program{name: c.name, out: out, args: args})
	}
	return ps, nil
}

func (s *settings) printRates(title string, ps []*program, mb float64) {
	fmt.Printf("\n%s, %.0f MB, medians of %d (least..most)\n", title, mb, s.times)
	fmt.Printf("  %-8s %8s %-16s %7s %8s %9s  %s\n", "", "wall s", "", "cpu s", "MB/s", "MB/cpu s", "weir's rate, and per cpu s")
	of := func(p *program) (wall, cpu time.Duration) {
		return p.median(func(u usage) time.Duration { return u.wall }), p.median(func(u usage) time.Duration { return u.cpu })
	}
	ownWall, ownCPU := of(ps[0])
	for _, p := range ps {
		wall, cpu := of(p)
		least, most := p.runs[0].wall, p.runs[0].wall
		for _, u := range p.runs {
			least, most = min(least, u.wall), max(most, u.wall)
		}
		ratio := ""
		if p != ps[0] {
			ratio = fmt.Sprintf("%.2f, %.2f of it", wall.Seconds()/ownWall.Seconds(), cpu.Seconds()/ownCPU.Seconds())
		}
		fmt.Printf("  %-8s %8.2f %-16s %7.2f %8.0f %9.0f  %s\n", p.name, wall.Seconds(),
			fmt.Sprintf("(%.2f..%.2f)", least.Seconds(), most.Seconds()), cpu.Seconds(), mb/wall.Seconds(), mb/cpu.Seconds(), ratio)
	}
}
