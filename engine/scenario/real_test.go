package scenario

import (
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// export is a pipeline that reads, deletes and overwrites files of the machine.
const export = `
pipeline "export" {
  source "file" "in" {
    path  = "in/*.csv"
    ready = "now"
    after = "delete"
  }
  decode "csv" {
    delimiter = ";"
    columns = {
      id   = "text"
      name = "text"
    }
  }
  sink "file" "people" {
    path   = "out/people.csv"
    format = "csv"
    exists = "replace"
  }
}
`

// realFiles makes files where the pipelines of these tests would read and write, and
// returns what is there.
func realFiles(t *testing.T) (tree func() string) {
	t.Helper()
	for name, text := range map[string]string{"in/1.csv": "id;name\n1;real\n", "out/people.csv": "yesterday\n", "key": "hunter2hunter2\n"} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return func() string {
		var sb strings.Builder
		err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			fmt.Fprintln(&sb, p, info.Mode(), info.ModTime().UnixNano())
			if d.Type().IsRegular() {
				f, err := os.Open(p)
				if err != nil {
					return err
				}
				defer f.Close()
				h := sha256.New()
				if _, err := io.Copy(h, f); err != nil {
					return err
				}
				fmt.Fprintf(&sb, "%x\n", h.Sum(nil))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return sb.String()
	}
}

// TestNothingRealIsTouched: with a stand-in for the disk, files of the machine are
// neither read, nor moved, nor written, and the test sees what would have been.
func TestNothingRealIsTouched(t *testing.T) {
	write(t, export, `
test "export" {
  serve "file" "disk" {
    folders = ["out"]
    file "in/1.csv" {
      content = "id;name\n1;Jan\n2;Eva\n"
    }
    file "/elsewhere/x" {
      content = "x"
    }
  }
  run "first" {
    expect {
      ledger = { read = 2, delivered = 2 }
      files  = [
        "disk['out/people.csv'].content == \"id,name\\n1,Jan\\n2,Eva\\n\"",
        "not ('in/1.csv' in disk)",
        "sort(keys(disk)) == ['/elsewhere/x', 'out/people.csv']",
        "folders.disk == ['/elsewhere', 'in', 'out']",
      ]
    }
  }
  run "another file replaces what was written" {
    file "in/2.csv" {
      content = "id;name\n3;Ida\n"
    }
    remove "/elsewhere/x" {}
    expect {
      files = "len(disk) == 1 and disk['out/people.csv'].content contains 'Ida'"
    }
  }
}
`)
	tree := realFiles(t)
	before := tree()
	rs, _ := results(t, Options{})
	if out := printed(t, rs); !rs[0].Passed() {
		t.Error(out)
	}
	if after := tree(); after != before {
		t.Errorf("the test touched real files:\n%s\nwere:\n%s", after, before)
	}
}

// TestCrashOnDisk: what a process that was killed left on the disk is what the next
// one finds there, and the dead one writes no more.
func TestCrashOnDisk(t *testing.T) {
	write(t, export, `
test "crash" {
  batch = "1B"
  serve "file" "disk" {
    folders = ["out"]
    file "in/1.csv" {
      content = "id;name\n1;Jan\n2;Eva\n"
    }
  }
  run "killed before the file is shown" {
    crash_at = "after_commit"
    expect {
      files = "not ('out/people.csv' in disk) and 'in/1.csv' in disk"
    }
  }
  run "goes on" {
    expect {
      files = "disk['out/people.csv'].content == \"id,name\\n1,Jan\\n2,Eva\\n\" and len(disk) == 1"
    }
  }
}
`)
	rs, _ := results(t, Options{})
	if out := printed(t, rs); !rs[0].Passed() {
		t.Error(out)
	}
}

// TestEdgeWithoutStandIn: what has no stand-in is an error that shows what to write,
// for every kind of edge, and nothing is reached before it.
func TestEdgeWithoutStandIn(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	var met atomic.Int32
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			met.Add(1)
			c.Close()
		}
	}()
	host, port, _ := net.SplitHostPort(ln.Addr().String())
	tail := `
  decode "csv" {
    delimiter = ";"
    columns = {
      id   = "text"
      name = "text"
    }
  }
  sink "stdout" "out" {}
}
`
	for name, c := range map[string]struct{ config, want string }{
		"file": {export, `source.in of pipeline export reads in/*.csv and sink.people of pipeline export writes out/people.csv. Add a block to the test, or to the defaults of the file:

  serve "file" "disk" {
    folders = ["out"]
    file "in/1.csv" {
      content = "id;name\n"
    }
  }`},
		"ftp": {fmt.Sprintf(`
connection "ftp" "erp" {
  host     = %q
  port     = %s
  user     = "u"
  password = secret("file:key")
  tls      = "none"
}
pipeline "p" {
  source "ftp" "in" {
    connection = connection.ftp.erp
    path       = "/srs/{a,b}_*.csv"
    after      = "delete"
  }
`, host, port) + tail, `source.in of pipeline p reads /srs/{a,b}_*.csv. Add a block to the test, or to the defaults of the file:

  serve "ftp" "erp" {
    file "/srs/a_1.csv" {
      content = "id;name\n"
    }
  }`},
		"sftp": {fmt.Sprintf(`
connection "sftp" "erp" {
  host     = %q
  port     = %s
  user     = "u"
  password = secret("X")
  host_key = ["SHA256:uNiVztksCsDhcc0u9e8BrlEp0ZBfjZjyU6Cm7WBhQ2M"]
}
pipeline "p" {
  source "sftp" "in" {
    connection = connection.sftp.erp
    path       = "/in/*.csv"
  }
`, host, port) + tail, `serve "sftp" "erp" {
    file "/in/1.csv" {`},
		"rest": {fmt.Sprintf(`
connection "rest" "api" {
  url = "http://%s:%s/base"
}
pipeline "p" {
  source "file" "in" {
    path = "in/*.csv"
  }
  decode "csv" {
    columns = {
      id = "text"
    }
  }
  sink "rest" "api" {
    connection = connection.rest.api
    path       = "/orders?x=1"
    method     = "PUT"
  }
}
`, host, port), `sink.api of pipeline p sends to /orders?x=1. Add a block to the test, or to the defaults of the file:

  serve "rest" "api" {
    on "PUT /base/orders" {
      status = 200
    }
  }`},
	} {
		t.Run(name, func(t *testing.T) {
			write(t, c.config, "test \"nothing stands in\" {\n  run \"it\" {}\n}\n")
			tree := realFiles(t)
			before := tree()
			rs, _ := results(t, Options{})
			out := printed(t, rs)
			if rs[0].Passed() || !rs[0].Broken || !strings.Contains(words(out), words(c.want)) {
				t.Errorf("printed\n%s\nwant in it\n%s", out, c.want)
			}
			if after := tree(); after != before || met.Load() > 0 {
				t.Errorf("%d connections; files\n%s\nwere\n%s", met.Load(), after, before)
			}
		})
	}
}

// words is a text without its line breaks.
func words(s string) string { return strings.Join(strings.Fields(s), " ") }

// TestMachineRefuses: whatever a plugin does, it reaches stand-ins and nothing else.
func TestMachineRefuses(t *testing.T) {
	t.Chdir(t.TempDir())
	tree := realFiles(t)
	before := tree()
	r := &runner{clock: &clock{}}
	m := r.machine()
	d := m.Disk()
	for name, do := range map[string]func() error{
		"open":   func() error { _, err := d.Open("key"); return err },
		"create": func() error { _, err := d.OpenFile("new", os.O_CREATE|os.O_WRONLY, 0o600); return err },
		"temp":   func() error { _, err := d.CreateTemp("", "x*"); return err },
		"remove": func() error { return d.Remove("key") },
		"rename": func() error { return d.Rename("key", "new") },
		"link":   func() error { return d.Link("key", "new") },
		"mkdir":  func() error { return d.MkdirAll("new", 0o755) },
		"stat":   func() error { _, err := d.Stat("key"); return err },
		"list":   func() error { _, err := d.ReadDir("."); return err },
		"dial":   func() error { _, err := m.Dial(t.Context(), "tcp", "127.0.0.1:1"); return err },
		"socket": func() error { _, err := m.Dial(t.Context(), "unix", "key"); return err },
	} {
		if err := do(); err == nil || !strings.Contains(err.Error(), "a test reaches nothing real") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if after := tree(); after != before {
		t.Errorf("files\n%s\nwere\n%s", after, before)
	}
}

// TestSealed: a test reads no file from elsewhere. That it reads no secret is tested
// with config.Inputs.
func TestSealed(t *testing.T) {
	for name, c := range map[string]struct{ config, test, want string }{
		"file() of the configuration": {strings.Replace(export, `pipeline "export" {`, "locals {\n  x = file(\"../other.txt\")\n}\npipeline \"export\" {\n  description = local.x\n", 1), `run "it" {}`, "A test reads only files of the folder that it tests"},
		"an absolute file()":          {strings.Replace(export, `pipeline "export" {`, "locals {\n  x = file(\"/etc/hostname\")\n}\npipeline \"export\" {\n  description = local.x\n", 1), `run "it" {}`, "A test reads only files of the folder that it tests"},
	} {
		t.Run(name, func(t *testing.T) {
			write(t, c.config, "test \"sealed\" {\n  serve \"file\" \"disk\" {\n    folders = [\"out\"]\n    file \"in/1.csv\" {\n      content = \"id;name\\n1;Jan\\n\"\n    }\n  }\n  "+c.test+"\n}\n")
			realFiles(t)
			rs, _ := results(t, Options{})
			out := printed(t, rs)
			if !strings.Contains(words(out), c.want) {
				t.Errorf("printed\n%s\nwant %q", out, c.want)
			}
		})
	}
}
