package pipelines_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"weir/engine/plugin"
	"weir/engine/testkit/ftpserver"
	"weir/engine/testkit/sftpserver"
)

// evilNames would lead to another folder, send another command or steer a terminal.
func evilNames() []string {
	return []string{
		"../up.csv", "/etc/passwd.csv", `..\up.csv`, "..", "a/../../up.csv", "nul\x00.csv", "esc\x1b[2J.csv", "tab\t.csv", "del\x7f.csv", "cr\r.csv", "c1\u009b2J.csv",
	}
}

// TestEvilListings has servers that list such names in every form of listing: none
// is asked for, and the files beside them are read.
func TestEvilListings(t *testing.T) {
	content, ids := rows(1, 2)
	for name, o := range map[string]ftpserver.Options{"ftp MLSD": {}, "ftp LIST": {NoMLSD: true}, "ftp NLST only times": {NoMLSD: true, NoMDTM: true, NoSIZE: true}} {
		t.Run(name, func(t *testing.T) {
			p := ftpPlace(t, o)
			var lines []string
			for _, n := range evilNames() {
				lines = append(lines, "type=file;size=3;modify=20240701120000; "+n)
				if o.NoMLSD {
					lines[len(lines)-1] = "-rw-r--r--    1 weir     weir            3 Jul  1 12:00 " + n
				}
			}
			lines = append(lines, "type=file;size=99999999999999999999;modify=1; big.csv", "\xff\xfe\x00")
			p.ftp.SetFaults(ftpserver.Faults{ExtraLines: lines})
			evilListing(t, p, content, ids, p.ftp.Log)
		})
	}
	t.Run("sftp", func(t *testing.T) {
		p := sftpPlace(t)
		p.sftp.SetFaults(sftpserver.Faults{ExtraNames: evilNames()})
		evilListing(t, p, content, ids, p.sftp.Log)
	})
}

func evilListing(t *testing.T, p *place, content string, ids []string, asked func() []string) {
	t.Helper()
	p.fs.Put("/in/good.csv", []byte(content), longAgo())
	b := p.bench(t, `after = "move /done"`)
	b.good()
	b.exactly(ids)
	for _, c := range asked() {
		if strings.Contains(c, "..") || strings.Contains(c, "etc") || strings.ContainsFunc(c, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0x9b }) {
			t.Errorf("the server was asked %q", c)
		}
	}
	says(t, b.log.String(), "a listing were left out")
	if strings.ContainsAny(b.log.String(), "\x1b\x00") {
		t.Errorf("the log has control characters: %q", b.log.String())
	}
	p.heal()
	b.good()
	b.exactly(ids)
}

// TestListingLineTooLong has a listing with a line that is not one.
func TestListingLineTooLong(t *testing.T) {
	content, ids := rows(1, 2)
	p := ftpPlace(t, ftpserver.Options{})
	p.fs.Put("/in/good.csv", []byte(content), longAgo())
	p.ftp.SetFaults(ftpserver.Faults{ExtraLines: []string{strings.Repeat("x", 100_000)}})
	b := p.bench(t, "")
	fails(t, b.run().Err, plugin.Environment, "env.listing_unreadable", "The FTP server "+p.addr+" has a line of more than 64 KiB in its answer while listing /in", "Set mlsd = false")
	p.heal()
	b.good()
	b.exactly(ids)
}

// TestOddFileNames has files whose names are allowed and odd. Each is read once,
// put away, and known again by its name.
func TestOddFileNames(t *testing.T) {
	names := map[string]string{
		"4 KiB":         strings.Repeat("n", 4090) + ".csv",
		"not UTF-8":     "J\xfcrgen.csv",
		"other not UTF": "J\xfdrgen.csv",
		"blanks":        "  a  b .csv", "quotes": `"q'.csv`, "pattern": "[a]*?{b}.csv", "dash": "-rf.csv", "unicode": "żółć\u202e.csv", "dots": "...csv", "percent": "%s%d%2e.csv",
	}
	for _, start := range map[string]func(*testing.T) *place{
		"ftp": func(t *testing.T) *place { return ftpPlace(t, ftpserver.Options{}) }, "sftp": sftpPlace,
	} {
		p := start(t)
		for name, file := range names {
			t.Run(p.kind+" "+name, func(t *testing.T) {
				p := start(t)
				content, ids := rows(1, 3)
				p.fs.Put("/in/"+file, []byte(content), longAgo())
				b := p.bench(t, "after = \"move /done\"\nsame_content = \"skip\"")
				b.good()
				b.exactly(ids)
				if got := p.fs.Files(); !slices.Equal(got, []string{"/done/" + file}) {
					t.Errorf("files: %.300q", got)
				}
				p.fs.Put("/in/"+file, []byte(content), longAgo()) // the same upload once more
				b.good()
				b.exactly(ids)
				p.fs.Put("/in/"+file, []byte("broken"), longAgo().Add(1))
				r := b.run()
				said := fmt.Sprint(r.Err, r.Notices)
				if r.Err == nil || len(said) > 30_000 || strings.ContainsAny(said, "\x1b") || utf8.ValidString(file) && !utf8.ValidString(said) {
					t.Errorf("%d bytes: %.500q", len(said), said)
				}
				b.good()
				b.exactly(ids)
			})
		}
	}
}
