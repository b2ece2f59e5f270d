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

// TestCutAnywhere cuts the data connection of a small file after each of its
// bytes, with a truthful server and one that lies. Nothing of it is lost, and
// nothing is delivered twice, once the server behaves.
func TestCutAnywhere(t *testing.T) {
	const header = "klantnummer;email\r\n"
	body := header + "1;a@example.nl\r\n2;b@example.nl\r\n"
	for _, reply := range []string{"", "226 Transfer complete."} {
		r := newRig(t, activate.Options{})
		for cut := 1; cut < len(body); cut++ {
			name := fmt.Sprintf("/srs/klanten_%03d%d.csv", cut, len(reply))
			text := strings.NewReplacer("1;a@", fmt.Sprintf("%da;%da@", cut, cut), "2;b@", fmt.Sprintf("%db;%db@", cut, cut)).Replace(body)
			r.ftp.Put(name, []byte(text), time.Date(2024, 7, 1, 0, 0, cut, 0, time.UTC))
			r.ftp.SetFaults(ftpserver.Faults{CutAfter: int64(cut), CutReply: reply})
			first := r.try().Pipelines[0]
			r.ftp.SetFaults(ftpserver.Faults{})
			second := r.try().Pipelines[0]
			if second.Err != nil || !first.Ledger.Balanced() || !second.Ledger.Balanced() {
				t.Fatalf("cut after %d, reply %q: %v, then %v", cut, reply, first.Err, second.Err)
			}
			if n := first.Ledger.Delivered + second.Ledger.Delivered; n != 2 {
				t.Fatalf("cut after %d, reply %q: %d rows delivered of 2; %v", cut, reply, n, first.Err)
			}
		}
	}
}

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
		"delimiter":       {"klantnummer,email\r\n1,a@example.nl\r\n", "0 0 0", "klantnummer"},
		"character set":   {head + "1;J\xfcrgen@example.nl\r\n", "1 0 1", ""},
		"UTF-16":          {"\xff\xfek\x00l\x00a\x00n\x00t\x00n\x00u\x00m\x00m\x00e\x00r\x00;\x00e\x00m\x00a\x00i\x00l\x00\r\x00\n\x001\x00;\x00a\x00@\x00b\x00.\x00n\x00l\x00\r\x00\n\x00", "1 1 0", ""},
		"control bytes":   {head + "1;\x00\x01\x1b[2J\r\n", "1 1 0", ""},
		"a zip, not CSV":  {bomb.String(), "0 0 0", "klanten_odd.csv"},
		"an image":        {"\x89PNG\r\n\x1a\n\x00\x00", "0 0 0", "klanten_odd.csv"},
		"an HTML answer":  {"<html><body>Not found</body></html>", "0 0 0", "klanten_odd.csv"},
		"local time gap":  {"klantnummer;email;gewijzigd_op\r\n1;a@example.nl;31-03-2024 02:30:00\r\n", "1 0 1", ""},
		"local time fold": {"klantnummer;email;gewijzigd_op\r\n1;a@example.nl;27-10-2024 02:30:00\r\n", "1 1 0", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, activate.Options{})
			r.ftp.Put("/srs/klanten_odd.csv", []byte(tc.content), time.Date(2024, 7, 1, 0, 0, 0, 0, time.UTC))
			p := r.try().Pipelines[0]
			if got := fmt.Sprint(p.Ledger.Read, p.Ledger.Delivered, p.Ledger.Rejected); got != tc.want || !p.Ledger.Balanced() {
				t.Errorf("read, delivered, rejected %s, want %s; %v", got, tc.want, p.Err)
			}
			switch {
			case tc.message == "" && p.Err != nil:
				t.Errorf("error %v", p.Err)
			case tc.message != "" && (p.Err == nil || !strings.Contains(p.Err.Error(), tc.message)):
				t.Errorf("error %v, want %s", p.Err, tc.message)
			}
			t.Logf("%v %v", p.Err, p.Notices)
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
