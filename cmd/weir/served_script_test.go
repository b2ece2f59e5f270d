package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/rogpeppe/go-internal/txtar"
)

// scriptPatience is how long a script waits for a server.
const scriptPatience = 30 * time.Second

// scriptServer returns what the server of a state folder says of itself, once it does.
func scriptServer(ts *testscript.TestScript, dir string) serving {
	for deadline := time.Now().Add(scriptPatience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		b, err := os.ReadFile(filepath.Join(ts.MkAbs(dir), servingFile))
		var s serving
		if err == nil && json.Unmarshal(b, &s) == nil {
			return s
		}
	}
	ts.Fatalf("no server came to be in %s", dir)
	return serving{}
}

// cmdReady waits until the server of a state folder is ready: ready STATE.
func cmdReady(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: ready STATE")
	}
	s := scriptServer(ts, args[0])
	for deadline := time.Now().Add(scriptPatience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		resp, err := http.Get(s.URL + "/readyz") //nolint:gosec,noctx // the server of the script
		if err != nil {
			continue
		}
		ts.Check(resp.Body.Close())
		if resp.StatusCode == http.StatusOK {
			return
		}
	}
	ts.Fatalf("%s did not get ready", s.URL)
}

// cmdSignal sends a signal to the server of a state folder: signal HUP|TERM STATE.
func cmdSignal(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: signal HUP|TERM STATE")
	}
	sig := syscall.SIGTERM
	if args[0] == "HUP" {
		sig = syscall.SIGHUP
	}
	ts.Check(syscall.Kill(scriptServer(ts, args[1]).PID, sig))
}

// cmdAppears waits until a file matches a regular expression: appears FILE PATTERN.
func cmdAppears(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: appears FILE PATTERN")
	}
	re, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	var text []byte
	for deadline := time.Now().Add(scriptPatience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		text, err = os.ReadFile(ts.MkAbs(args[0]))
		if err == nil && re.Match(text) {
			return
		}
	}
	ts.Fatalf("%s does not match %s: %v\n%s", args[0], args[1], err, text)
}

// cmdTold runs a command until its output matches: told PATTERN COMMAND...
func cmdTold(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: told PATTERN COMMAND...")
	}
	re, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	for deadline := time.Now().Add(scriptPatience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		_ = ts.Exec(args[1], args[2:]...) // what it printed decides
		if re.MatchString(ts.ReadFile("stdout")) {
			return
		}
	}
	ts.Fatalf("it does not match %s:\n%s%s", args[0], ts.ReadFile("stdout"), ts.ReadFile("stderr"))
}

// masks are what differs from run to run, and what stands for it.
func masks() []struct{ pattern, with string } {
	return []struct{ pattern, with string }{
		{`\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ`, "WHEN"},
		{`http://127\.0\.0\.1:\d+`, "URL"},
		{`pid \d+`, "pid PID"},
		{`(?i)\b(revision) [0-9a-f]{12}`, "$1 REVISION"},
		{`\b\d+ ms`, "TIME"},
		{`(\S) {3,}`, "$1  "}, // columns are as wide as what is in them
		{`\b(\d+m)?\d+m?s\b`, "TIME"},
	}
}

// cmdSame compares the output of the last command as a whole, except for what
// differs from run to run: same stdout|stderr FILE.
func cmdSame(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: same stdout|stderr FILE")
	}
	got := strings.ReplaceAll(ts.ReadFile(args[0]), ts.Getenv("WORK"), "WORK")
	for _, m := range masks() {
		got = regexp.MustCompile(m.pattern).ReplaceAllString(got, m.with)
	}
	if os.Getenv("WEIR_UPDATE") != "" {
		updateScript(ts, args[1], got)
		return
	}
	if d := cmp.Diff(ts.ReadFile(args[1]), got); d != "" {
		ts.Fatalf("%s (-want +got):\n%s\nwhole:\n%s", args[0], d, got)
	}
}

// updateScript rewrites a file of the script.
func updateScript(ts *testscript.TestScript, name, text string) {
	script := filepath.Join(top, "testdata", "script", filepath.Base(ts.Name())+".txtar")
	a, err := txtar.ParseFile(script)
	ts.Check(err)
	for i := range a.Files {
		if a.Files[i].Name == name {
			a.Files[i].Data = []byte(text)
		}
	}
	ts.Check(os.WriteFile(script, txtar.Format(a), 0o644)) //nolint:gosec // a file of the project
}

// cmdExits checks the exit code of a command that ends otherwise than with 0:
// exits CODE weir ARGUMENT... What it printed is there for stdout, stderr and same.
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := "0"
	if ee := (interface{ ExitCode() int })(nil); errors.As(err, &ee) {
		code = string(rune('0' + ee.ExitCode()))
	}
	if code != args[0] {
		ts.Fatalf("%s ended with %s (%v), want %s\n%s%s", strings.Join(args[1:], " "), code, err, args[0], ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}
