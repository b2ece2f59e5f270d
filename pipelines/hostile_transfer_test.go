package pipelines_test

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/engine/plugin"
	"weir/engine/testkit/ftpserver"
	"weir/engine/testkit/memfs"
	"weir/engine/testkit/sftpserver"
)

// place is a server with files, of either kind.
type place struct {
	kind   string
	fs     *memfs.FS
	ftp    *ftpserver.Server
	sftp   *sftpserver.Server
	addr   string
	config string // lines of its connection
}

const placePassword = "pl4ce-passw0rd"

func ftpPlace(t *testing.T, o ftpserver.Options) *place {
	t.Helper()
	o.User, o.Password = "weir", placePassword
	s, err := ftpserver.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	tls := o.TLS
	if tls == "" {
		tls = "none"
	}
	config := fmt.Sprintf("host = \"127.0.0.1\"\nport = %d\nuser = \"weir\"\npassword = %q\ntls = %q\ntimeout = \"30s\"\n", s.Port(), placePassword, tls)
	if ca := s.CAPEM(); ca != "" {
		config += fmt.Sprintf("ca = %q\n", ca)
	}
	return &place{kind: "ftp", fs: s.FS(), ftp: s, config: config, addr: s.Addr()}
}

func sftpPlace(t *testing.T) *place {
	t.Helper()
	s, err := sftpserver.New(sftpserver.Options{User: "weir", Password: placePassword})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	host, port, _ := strings.Cut(s.Addr(), ":")
	config := fmt.Sprintf("host = %q\nport = %s\nuser = \"weir\"\npassword = %q\nhost_key = [%q]\ntimeout = \"30s\"\n", host, port, placePassword, s.Fingerprints()[0])
	return &place{kind: "sftp", fs: s.FS(), sftp: s, config: config, addr: s.Addr()}
}

// bench is a bench whose pipeline reads from the place.
func (p *place) bench(t *testing.T, source string) *bench {
	t.Helper()
	return newBench(t, pipelineOf(p.kind, p.config, source))
}

func (p *place) heal() {
	if p.ftp != nil {
		p.ftp.SetFaults(ftpserver.Faults{})
		return
	}
	p.sftp.SetFaults(sftpserver.Faults{})
}

// TestCutAtEveryByte has one file for every offset at which a transfer can break,
// and each breaks there once: all are taken up where they broke, and every row
// arrives exactly once.
func TestCutAtEveryByte(t *testing.T) {
	kinds := map[string]func(t *testing.T, content string) *place{
		"sftp": func(t *testing.T, content string) *place {
			p := sftpPlace(t)
			p.sftp.SetFaults(sftpserver.Faults{Break: func(name string, n int) int64 {
				if n > 0 {
					return -1
				}
				return offsetOf(name)
			}})
			return p
		},
	}
	for name, b := range map[string]ftpserver.Break{
		"ftp, told": {}, "ftp, called complete": {Reply: "226 Transfer complete"},
		"ftp, reset": {Reset: true}, "ftp, control gone too": {Gone: true},
	} {
		for _, tls := range []string{"", "explicit"} {
			kinds[name+" "+tls] = func(t *testing.T, content string) *place {
				p := ftpPlace(t, ftpserver.Options{TLS: tls})
				p.ftp.SetFaults(ftpserver.Faults{Break: func(name string, n int) *ftpserver.Break {
					b := b
					if b.At = offsetOf(name); n > 0 || b.At == int64(len(content)) && b.Reply != "" {
						return nil
					}
					return &b
				}})
				return p
			}
		}
	}
	content, _ := rows(1, 5)
	for name, start := range kinds {
		t.Run(name, func(t *testing.T) {
			p := start(t, content)
			var want []string
			for at := range len(content) + 1 {
				text := strings.ReplaceAll(content, ";a", fmt.Sprintf("-%03d;a", at))
				text = text[:len(content)-1] + text[len(content)-1:]
				for i := range 5 {
					want = append(want, fmt.Sprintf("%02d-%03d", i+1, at))
				}
				p.fs.Put(fmt.Sprintf("/in/f_%03d.csv", at), []byte(text), longAgo())
			}
			b := p.bench(t, `after = "move /done"`)
			b.good()
			b.exactly(want)
			if n := strings.Count(b.log.String(), "a transfer broke off"); n < len(content) {
				t.Errorf("only %d transfers broke off", n)
			}
			b.good()
			b.exactly(want)
		})
	}
}

// offsetOf reads the offset out of a name such as /in/f_012.csv.
func offsetOf(name string) int64 {
	var at int64
	_, _ = fmt.Sscanf(path.Base(name), "f_%d.csv", &at)
	return at
}

// TestCutAgainAndAgain never lets more than one byte through at a time, and then
// none at all: the run ends with what to do, and the next goes on from there.
func TestCutAgainAndAgain(t *testing.T) {
	content, ids := rows(1, 5)
	p := ftpPlace(t, ftpserver.Options{})
	p.fs.Put("/in/a.csv", []byte(content), longAgo())
	b := p.bench(t, "")
	p.ftp.SetFaults(ftpserver.Faults{Break: func(_ string, n int) *ftpserver.Break {
		if n < 12 {
			return &ftpserver.Break{At: 1}
		}
		return &ftpserver.Break{}
	}})
	r := b.run()
	fails(t, r.Err, plugin.Transient, "", fmt.Sprintf("the transfer of /in/a.csv broke off at byte 12 of %d, 5 times in a row", len(content)), "The next run goes on from there")
	b.exactly(nil)
	p.heal()
	b.good()
	b.exactly(ids)
	if !slices.Contains(p.ftp.Log(), "REST 11") { // a byte is compared
		t.Errorf("it does not go on from byte 11: %q", p.ftp.Log())
	}
}

// TestReplyNeverEnds has a server that begins to answer and never ends.
func TestReplyNeverEnds(t *testing.T) {
	content, ids := rows(1, 5)
	stall := func(_ string, n int) *ftpserver.Break {
		if n == 0 {
			return &ftpserver.Break{At: 7, Stall: true}
		}
		return &ftpserver.Break{Stall: true}
	}
	ftps := map[string]struct {
		faults ftpserver.Faults
		words  []string
	}{
		"greeting":                {ftpserver.Faults{Silent: true}, []string{"did not answer for 1s while waiting for its greeting"}},
		"PASS unanswered":         {ftpserver.Faults{Mute: []string{"PASS"}}, []string{"did not answer for 1s while logging in"}},
		"PASS begun":              {ftpserver.Faults{Begin: []string{"PASS"}}, []string{"did not answer for 1s while logging in"}},
		"PASS endless":            {ftpserver.Faults{Endless: []string{"PASS"}}, []string{"the server's reply does not end", "logging in"}},
		"FEAT endless":            {ftpserver.Faults{Endless: []string{"FEAT"}}, []string{"FTP server"}},
		"listing begun":           {ftpserver.Faults{Begin: []string{"MLSD"}}, []string{"did not answer for 1s while listing /in"}},
		"listing endless reply":   {ftpserver.Faults{Endless: []string{"MLSD"}}, []string{"the server's reply does not end", "listing /in"}},
		"MLST endless":            {ftpserver.Faults{Endless: []string{"MLST"}}, []string{"the server's reply does not end", "looking at /in/a.csv"}},
		"listing without end":     {ftpserver.Faults{EndlessList: true}, []string{"listing /in", "does not end", "MiB"}},
		"SIZE begun":              {ftpserver.Faults{Begin: []string{"SIZE"}}, []string{"did not answer for 1s while opening /in/a.csv"}},
		"data connection stalled": {ftpserver.Faults{Break: stall}, []string{"broke off at byte 7 of 30", "did not answer for 1s while reading /in/a.csv"}},
	}
	for name, tc := range ftps {
		t.Run("ftp "+name, func(t *testing.T) {
			p := ftpPlace(t, ftpserver.Options{})
			p.hasty(t, tc.words)
			neverEnds(t, p, content, ids, func() { p.ftp.SetFaults(tc.faults) }, tc.words)
		})
	}
	for name, tc := range map[string]struct {
		faults sftpserver.Faults
		words  []string
	}{
		"greeting":            {sftpserver.Faults{Silent: true}, []string{"did not answer for 1s while logging in"}},
		"listing unanswered":  {sftpserver.Faults{Mute: []string{"List"}}, []string{"did not answer for 1s while listing /in"}},
		"stat unanswered":     {sftpserver.Faults{Mute: []string{"Stat"}}, []string{"did not answer for 1s while"}},
		"read unanswered":     {sftpserver.Faults{Mute: []string{"Get"}}, []string{"broke off at byte 0", "did not answer for 1s"}},
		"listing without end": {sftpserver.Faults{EndlessList: true}, []string{"listing /in", "does not end", "MiB"}},
	} {
		t.Run("sftp "+name, func(t *testing.T) {
			p := sftpPlace(t)
			p.hasty(t, tc.words)
			neverEnds(t, p, content, ids, func() { p.sftp.SetFaults(tc.faults) }, tc.words)
		})
	}
}

// hasty gives the connection the shortest timeout, for tests that wait for it.
// They wait together, after those that keep the machine busy.
func (p *place) hasty(t *testing.T, words []string) {
	if strings.Contains(strings.Join(words, " "), " for 1s") {
		p.config = strings.Replace(p.config, `"30s"`, `"1s"`, 1)
		t.Parallel()
	}
}

func neverEnds(t *testing.T, p *place, content string, ids []string, spoil func(), words []string) {
	p.fs.Put("/in/a.csv", []byte(content), longAgo())
	b := p.bench(t, "")
	spoil()
	r := b.run()
	if r.Err == nil || plugin.ClassOf(r.Err) == plugin.Data {
		t.Errorf("class %d: %v", plugin.ClassOf(r.Err), r.Err)
	} else {
		says(t, r.Err.Error(), append(words, p.addr)...)
	}
	b.exactly(nil)
	p.heal()
	b.good()
	b.exactly(ids)
}

// change is a file with the content it has at first, and what replaces it.
type change struct {
	name          string
	before, after string
	old, new      []string // ids
	time          time.Time
}

// changesOf are files that change in every way.
func changesOf() map[string]*change {
	out := map[string]*change{}
	for name, v := range map[string]struct {
		from, to int
		later    time.Duration
	}{
		"grows": {1, 9, time.Second}, "shrinks": {1, 3, time.Second}, "same_size_later": {11, 16, time.Second},
		"same_size_long_later": {11, 16, time.Hour}, "same_size_and_time": {11, 16, 0}, "other_and_longer": {11, 19, time.Minute},
	} {
		c := &change{name: name, time: longAgo().Add(v.later)}
		of := func(from, to int) (string, []string) {
			content, ids := rows(from, to)
			for i := range ids {
				ids[i] = name + "-" + ids[i]
			}
			content = strings.ReplaceAll(content, "\n", "\n"+name+"-")
			return strings.TrimSuffix(content, name+"-"), ids
		}
		c.before, c.old = of(1, 6)
		c.after, c.new = of(v.from, v.to)
		out["/in/"+name+".csv"] = c
	}
	return out
}

// TestFileChanges changes files at every step of reading them. Whatever comes of
// it, rows of two contents are never mixed, and the last content arrives once.
func TestFileChanges(t *testing.T) {
	for _, at := range []string{"before MLST", "before SIZE", "before RETR", "after RETR"} {
		t.Run("ftp "+at, func(t *testing.T) {
			p := ftpPlace(t, ftpserver.Options{})
			changed := p.changeOnce()
			when, cmd, _ := strings.Cut(at, " ")
			hook := func(got, name string) {
				if got == cmd {
					changed(name)
				}
			}
			f := ftpserver.Faults{Before: hook}
			if when == "after" {
				f = ftpserver.Faults{After: hook}
			}
			p.ftp.SetFaults(f)
			fileChanges(t, p)
		})
	}
	for _, at := range []string{"before Stat", "before Get", "after Get"} {
		t.Run("sftp "+at, func(t *testing.T) {
			p := sftpPlace(t)
			changed := p.changeOnce()
			when, method, _ := strings.Cut(at, " ")
			hook := func(got, name string) {
				if got == method {
					changed(name)
				}
			}
			f := sftpserver.Faults{Before: hook}
			if when == "after" {
				f = sftpserver.Faults{After: hook}
			}
			p.sftp.SetFaults(f)
			fileChanges(t, p)
		})
	}
}

// changeOnce puts the files and returns a function that, the first time for each
// of them, replaces it.
func (p *place) changeOnce() func(name string) {
	todo := changesOf()
	for name, c := range todo {
		p.fs.Put(name, []byte(c.before), longAgo())
	}
	var mu sync.Mutex
	return func(name string) {
		mu.Lock()
		defer mu.Unlock()
		if c := todo[name]; c != nil {
			delete(todo, name)
			p.fs.Put(name, []byte(c.after), c.time)
		}
	}
}

func fileChanges(t *testing.T, p *place) {
	t.Helper()
	b := p.bench(t, "")
	r := b.run()
	if plugin.ClassOf(r.Err) == plugin.Data {
		t.Errorf("a file was refused: %v", r.Err)
	}
	p.heal()
	b.good()
	b.good()
	for _, c := range changesOf() {
		var got []string
		for _, id := range b.ids() {
			if strings.HasPrefix(id, c.name+"-") {
				got = append(got, id)
			}
		}
		switch {
		case slices.Equal(got, c.new), slices.Equal(got, append(slices.Clone(c.old), c.new...)):
		case c.time.Equal(longAgo()) && len(c.after) == len(c.before) && slices.Equal(got, c.old):
			// Nothing that a server tells shows this change once the file was read.
		default:
			t.Errorf("%s: delivered %q; first %q, then %q; %v", c.name, got, c.old, c.new, r.Err)
		}
	}
}

// TestManyFiles reads a folder of 10,000 files: each arrives, and the folder is
// not listed again for each of them.
func TestManyFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("10,000 transfers")
	}
	const files = 10_000
	p := ftpPlace(t, ftpserver.Options{})
	var want []string
	for i := range files {
		id := fmt.Sprintf("%05d", i)
		want = append(want, id)
		p.fs.Put("/in/f_"+id+".csv", []byte("id;v\n"+id+";a\n"), longAgo())
	}
	b := p.bench(t, "")
	before := heap()
	r := b.good()
	if grown := int64(heap()) - int64(before); grown > 128<<20 {
		t.Errorf("the memory grew by %d MiB", grown>>20)
	}
	b.exactly(want)
	if r.Objects != files || len(r.Notices) > 20 {
		t.Errorf("%d objects, %d notices", r.Objects, len(r.Notices))
	}
	counts := map[string]int{}
	for _, c := range p.ftp.Log() {
		cmd, _, _ := strings.Cut(c, " ")
		counts[cmd]++
	}
	if counts["MLSD"]+counts["LIST"] > 3 || counts["PASS"] > 3 {
		t.Errorf("commands: %v", counts)
	}
	b.good()
	b.exactly(want)
}
