package pipelines_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"weir/engine/testkit/activate"
	"weir/engine/testkit/ftpserver"
)

// TestOddFiles runs files as they really come, and says what a user sees.
func TestOddFiles(t *testing.T) {
	const head, row = "klantnummer;email\r\n", "1;a@example.nl\r\n"
	var bomb bytes.Buffer
	z := zip.NewWriter(&bomb)
	w, err := z.Create("a.csv")
	if err != nil {
		t.Fatal(err)
	}
	for range 64 {
		_, _ = w.Write(make([]byte, 1<<20))
	}
	_ = z.Close()
	for name, tc := range map[string]struct{ content, want, message string }{
		"no bytes":        {"", "0 0 0", ""},
		"only a BOM":      {"\xef\xbb\xbf", "0 0 0", ""},
		"header only":     {head, "0 0 0", ""},
		"no end of line":  {head + "1;a@example.nl", "1 1 0", ""},
		"half a row":      {head + row + "2", "2 1 1", ""},
		"an open quote":   {head + row + "2;\"b@example.nl\r\n", "2 1 1", ""},
		"delimiter":       {"klantnummer,email\r\n1,a@example.nl\r\n", "0 0 0", "set delimiter = \",\""},
		"character set":   {head + "1;J\xfcrgen@example.nl\r\n", "1 0 1", "not text in the declared character set"},
		"UTF-16":          {"\xff\xfek\x00l\x00a\x00n\x00t\x00n\x00u\x00m\x00m\x00e\x00r\x00;\x00e\x00m\x00a\x00i\x00l\x00\r\x00\n\x001\x00;\x00a\x00@\x00b\x00.\x00n\x00l\x00\r\x00\n\x00", "0 0 0", "Set charset = \"auto\""},
		"control bytes":   {head + "1;\x00\x01\x1b[2J\r\n", "1 1 0", ""},
		"a zip, not CSV":  {bomb.String(), "0 0 0", "the header has no end"},
		"an image":        {"\x89PNG\r\n\x1a\n\x00\x00", "0 0 0", "klanten_odd.csv"},
		"an HTML answer":  {"<html><body>Not found</body></html>", "0 0 0", "klanten_odd.csv"},
		"local time gap":  {"klantnummer;email;gewijzigd_op\r\n1;a@example.nl;31-03-2024 02:30:00\r\n", "1 0 1", "does not exist in Europe/Amsterdam"},
		"local time fold": {"klantnummer;email;gewijzigd_op\r\n1;a@example.nl;27-10-2024 02:30:00\r\n", "1 1 0", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, activate.Options{})
			r.vars["reject_limit"] = "100%"
			r.ftp.Put("/srs/klanten_odd.csv", []byte(tc.content), time.Date(2024, 7, 1, 0, 0, 0, 0, time.UTC))
			p := r.try().Pipelines[0]
			if got := fmt.Sprint(p.Ledger.Read, p.Ledger.Delivered, p.Ledger.Rejected); got != tc.want || !p.Ledger.Balanced() {
				t.Errorf("read, delivered, rejected %s, want %s; %v", got, tc.want, p.Err)
			}
			if said := fmt.Sprint(p.Err, p.Notices); !strings.Contains(said, tc.message) {
				t.Errorf("it does not say %q: %s", tc.message, said)
			}
		})
	}
}

// TestOddListings has names that would lead elsewhere or steer a terminal.
func TestOddListings(t *testing.T) {
	r := newRig(t, activate.Options{})
	r.put("klanten", customer("1", "a@example.nl", nil))
	r.ftp.SetFaults(ftpserver.Faults{ExtraLines: []string{
		"type=file;size=3;modify=20240701120000; ../klanten_x.csv", "type=file;size=3;modify=20240701120000; klanten_\x1b[2J.csv",
		"type=file;size=3;modify=20240701120000; /etc/klanten_x.csv", "type=file;size=-3; klanten_y.csv", "garbage",
	}})
	p := r.try().Pipelines[0]
	if p.Err != nil || p.Ledger.Delivered != 1 {
		t.Errorf("delivered %d, %v", p.Ledger.Delivered, p.Err)
	}
	for _, c := range r.ftp.Log() {
		if strings.Contains(c, "..") || strings.Contains(c, "\x1b") || strings.Contains(c, "/etc") {
			t.Errorf("the server was asked %q", c)
		}
	}
}
