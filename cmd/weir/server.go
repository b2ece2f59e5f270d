package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"weir/engine/api"
	"weir/engine/config"
	"weir/engine/diag"
	"weir/engine/plugin"
	"weir/engine/spec"
	"weir/engine/state"
)

// tokenVariable holds what is shown to a server that asks for a token.
const tokenVariable = "WEIR_TOKEN"

// serverFlags are those of verbs that ask a server.
type serverFlags struct {
	storeFlags
	url string
}

func (a *app) serverFlags(c *cobra.Command, f *serverFlags) {
	a.storeFlags(c, &f.storeFlags)
	c.Flags().StringVar(&f.url, "server", "", "address of the server's API, such as http://127.0.0.1:7433 (default: that of the server that has the state folder open)")
}

// tokenFlag adds the flag that names the file of a token. The token itself is never
// the value of a flag, where every process of the machine could read it (I9).
func (a *app) tokenFlag(c *cobra.Command) {
	c.Flags().StringVar(&a.tokenFile, "token-file", "", "file that holds the token of the server's API (default: "+tokenVariable+" in the environment)")
}

// token returns what is shown to a server; it may be unset.
func (a *app) token() (spec.Secret, error) {
	if a.tokenFile == "" {
		if t := strings.TrimSpace(a.getenv(tokenVariable)); t != "" {
			return spec.NewSecret(t), nil
		}
		return spec.Secret{}, nil
	}
	b, err := os.ReadFile(a.tokenFile)
	if err != nil {
		return spec.Secret{}, withCode(exitConfig, fmt.Errorf("the token cannot be read: %w", err))
	}
	t := strings.TrimSpace(string(b))
	if t == "" {
		return spec.Secret{}, withCode(exitConfig, fmt.Errorf("the token file %s is empty", a.tokenFile))
	}
	return spec.NewSecret(t), nil
}

// noServerError tells that no server has the state folder open.
type noServerError struct{ dir string }

// Error implements error.
func (e *noServerError) Error() string {
	return fmt.Sprintf("no server is found by the state folder %s: start weir serve, or say where it is with --server URL, or which folder it has with --state DIR", e.dir)
}

// proofTime is how long a server may take to prove that it has a folder.
const proofTime = 5 * time.Second

// findServing returns the server that has the state folder open, and a noServerError when
// there is none. What a file in the folder says is not enough: a copy of a folder has it too,
// and after a crash something else may listen at the address. So the file must stand in the
// folder that it was written for, and the server must prove that it wrote it, before anything
// else is sent there.
func findServing(ctx context.Context, dir string) (*serving, error) {
	none := &noServerError{dir}
	b, err := os.ReadFile(filepath.Join(dir, servingFile))
	if err != nil {
		return nil, none
	}
	var s serving
	if err := json.Unmarshal(b, &s); err != nil || s.URL == "" || s.Shared == "" {
		return nil, none
	}
	if id, err := folderID(dir); err != nil || id != s.Folder {
		return nil, none
	}
	c, err := clientAt(s.URL, spec.Secret{})
	if err != nil {
		return nil, none
	}
	ctx, cancel := context.WithTimeout(ctx, proofTime)
	defer cancel()
	if err := c.Challenge(ctx, s.Shared, s.Folder); err != nil {
		return nil, none // what is left of a process that is gone
	}
	return &s, nil
}

// client returns a client of the server that the flags name, or of the one that has
// the state folder open; a *noServerError, which exits with the code of the
// environment, when there is none.
func (a *app) client(ctx context.Context, f *serverFlags) (*api.Client, error) {
	t, err := a.token()
	if err != nil {
		return nil, err
	}
	if f.url != "" {
		return clientAt(f.url, t)
	}
	dir, err := a.stateDir(ctx, &f.storeFlags)
	if err != nil {
		return nil, err
	}
	s, err := findServing(ctx, dir)
	if err != nil {
		return nil, withCode(exitEnvironment, err)
	}
	return clientAt(s.URL, t)
}

func clientAt(url string, t spec.Secret) (*api.Client, error) {
	if !strings.Contains(url, "://") {
		url = "http://" + url
	}
	req, err := http.NewRequest(http.MethodGet, url, nil) //nolint:noctx // it is not sent
	switch {
	case err != nil:
		return nil, withCode(exitConfig, errors.New("the address of the server cannot be read; write it such as http://127.0.0.1:7433"))
	case req.URL.User != nil:
		return nil, withCode(exitConfig, errors.New("the address of the server holds a credential; put the token into "+tokenVariable+" or a file named with --token-file"))
	case req.URL.Scheme != "http" && req.URL.Scheme != "https", req.URL.Host == "":
		return nil, withCode(exitConfig, fmt.Errorf("the address of the server must be such as http://127.0.0.1:7433, not %q", url))
	}
	return &api.Client{URL: url, Token: t}, nil
}

// servedBy returns a client of the server that has the state folder of f open, nil when none has.
func (a *app) servedBy(ctx context.Context, f *storeFlags) (*api.Client, error) {
	c, err := a.client(ctx, &serverFlags{storeFlags: *f})
	var none *noServerError
	if errors.As(err, &none) {
		return nil, nil //nolint:nilnil // no server is an answer
	}
	return c, err
}

// refusal gives an error of the API the exit code that verbs without a server have for it.
func refusal(err error) error {
	var e *api.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return withCode(exitEnvironment, fmt.Errorf("%w. The token of the server is read from %s, or from the file that --token-file names", err, tokenVariable))
	case http.StatusNotFound, http.StatusBadRequest:
		return withCode(exitConfig, err)
	}
	return withCode(exitFailed, err)
}

// askCheckpoint is a checkpointer that asks the server which left its address in the folder.
func (a *app) askCheckpoint(ctx context.Context, stateDir string, locked *state.Locked) (string, func(), error) {
	s, err := findServing(ctx, stateDir)
	if err != nil {
		return "", nil, locked
	}
	t, err := a.token()
	if err != nil {
		return "", nil, err
	}
	c, err := clientAt(s.URL, t)
	if err != nil {
		return "", nil, err
	}
	dir, err := c.Checkpoint(ctx)
	if err != nil {
		return "", nil, refusal(err)
	}
	return dir, func() {
		_ = c.RemoveCheckpoint(context.WithoutCancel(ctx), dir) // what stays is removed by the server later
	}, nil
}

// heldBy says what to do instead when err is that another process has the state
// folder open, and returns other errors as they are. instead is a sentence.
func heldBy(ctx context.Context, err error, instead string) error {
	var l *state.Locked
	if !errors.As(err, &l) {
		return err
	}
	s, ferr := findServing(ctx, l.Dir)
	if ferr != nil {
		return err
	}
	return plugin.Fail(plugin.Environment, "state.locked", fmt.Errorf("weir serve (pid %d, %s) has the state folder %s open", s.PID, s.URL, l.Dir), instead)
}

// maxSource bounds a file that is read for printing a line of it, in bytes.
const maxSource = 16 << 20

// sourcesOf reads the configuration files that diagnostics point into, as far as
// they are here: what a server on another machine reports is printed without lines.
func sourcesOf(ds diag.List) map[string][]byte {
	out := map[string][]byte{}
	for _, d := range ds {
		if d.Subject == nil || out[d.Subject.Filename] != nil || !strings.HasSuffix(d.Subject.Filename, ".hcl") {
			continue
		}
		if b := readSome(d.Subject.Filename, maxSource); b != nil {
			out[d.Subject.Filename] = config.Printable(d.Subject.Filename, b)
		}
	}
	return out
}

func readSome(name string, most int64) []byte {
	f, err := os.Open(name)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }() // only read
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() || st.Size() > most {
		return nil
	}
	b, err := io.ReadAll(io.LimitReader(f, most))
	if err != nil {
		return nil
	}
	return b
}

// printFound prints diagnostics of a server as validate prints those it finds.
func (a *app) printFound(w io.Writer, found []diag.JSONDiagnostic) error {
	ds := diag.FromJSON(found)
	return a.printDiagnostics(w, ds, sourcesOf(ds))
}
