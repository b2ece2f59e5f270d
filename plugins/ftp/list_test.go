package ftp

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/engine/plugin/remote"
)

func TestParseMLSD(t *testing.T) {
	at := time.Date(2024, 7, 1, 12, 0, 0, 0, time.UTC)
	for line, want := range map[string]entry{
		"type=file;size=3;modify=20240701120000; a.csv":             {name: "a.csv", size: 3, time: at},
		"Type=FILE;Size=3;Modify=20240701120000.250;Perm=adfr; a b": {name: "a b", size: 3, time: at.Add(250 * time.Millisecond)},
		"type=file;size=3;  leading space":                          {name: " leading space", size: 3},
		"type=dir;modify=20240701120000; sub":                       {name: "sub", time: at, dir: true},
		"type=OS.unix=slink:/x;size=1; link":                        {name: "link", size: 1, link: true},
		"type=OS.unix=symlink;size=1; link":                         {name: "link", size: 1, link: true},
	} {
		var odd remote.Odd
		got := parseMLSD(line+"\r\n", &odd)
		if d := cmp.Diff([]entry{want}, got, cmp.AllowUnexported(entry{})); d != "" || odd.Count != 0 {
			t.Errorf("%s: %s %+v", line, d, odd)
		}
	}
	for _, line := range []string{"type=cdir;modify=20240701120000; srs", "type=pdir; ..", "type=OS.unix=chr-13/29; null", ""} {
		var odd remote.Odd
		if got := parseMLSD(line, &odd); len(got) != 0 || odd.Count != 0 {
			t.Errorf("%q: %v, %+v", line, got, odd)
		}
	}
	for _, line := range []string{"a.csv", "total 3", "type=file;size=-1; a", "type=file;size=x; a", "type=file;modify=yesterday; a"} {
		var odd remote.Odd
		if got := parseMLSD(line, &odd); len(got) != 0 || odd.Count != 1 || odd.First != line {
			t.Errorf("%q: %v, %+v", line, got, odd)
		}
	}
}

func TestInZone(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Amsterdam")
	if err != nil {
		t.Fatal(err)
	}
	for clock, want := range map[string]string{"2024-07-01T12:00:00Z": "2024-07-01T10:00:00Z", "2024-01-01T12:00:00Z": "2024-01-01T11:00:00Z"} {
		at, err := time.Parse(time.RFC3339, clock)
		if err != nil {
			t.Fatal(err)
		}
		if got := inZone(at, zone).Format(time.RFC3339); got != want {
			t.Errorf("%s is %s, want %s", clock, got, want)
		}
	}
}

func TestReplies(t *testing.T) {
	c := &control{}
	for _, part := range []string{"220-Welcome\r\n 221 not the end\r\n22", "0 ready\r", "\n211-Features\r\n 530 x\r\n211 End\r\n"} {
		c.note([]byte(part))
	}
	if c.replies != 2 || c.code != 211 || c.text != "211 End" {
		t.Errorf("%d replies, last %d %q", c.replies, c.code, c.text)
	}
}
