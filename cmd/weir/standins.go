package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"weir/engine"
	"weir/engine/testkit/activate"
	"weir/engine/testkit/ftpserver"
	"weir/pipelines"
)

const (
	demoConnector = "srs-activate"
	demoSecret    = "demo"
)

// runDemo runs the connector srs-activate between an FTP server and a stand-in of
// the Activate API, both in this process, and prints what was delivered and the
// ledgers. It leaves nothing behind.
func (a *app) runDemo(ctx context.Context, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "weir-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	ftp, api, err := demoServers(out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ftp.Close(), api.Close()) }()
	if err := unpack(dir); err != nil {
		return err
	}
	e, ds := a.newEngine(zap.NewNop())
	if ds.HasErrors() {
		return ds.Err()
	}
	l, ds := e.Load(ctx, filepath.Join(dir, demoConnector), engine.Inputs{Vars: demoVars(ftp, api)})
	if ds.HasErrors() {
		return ds.Err()
	}
	for _, title := range []string{"First run", "Second run: the same files are still there, and are not read again"} {
		before := len(api.Requests())
		_, _ = fmt.Fprintf(out, "\n== %s\n\n", title)
		rep, err := e.Run(ctx, l, engine.RunOptions{StateDir: filepath.Join(dir, "state")})
		if err != nil {
			return err
		}
		showRequests(out, api, before)
		if err := reportText(out, rep); err != nil {
			return err
		}
		if err := outcome(rep, nil); err != nil {
			return err
		}
	}
	showProfiles(out, api)
	return nil
}

func demoServers(out io.Writer) (*ftpserver.Server, *activate.Server, error) {
	ftp, err := ftpserver.New(ftpserver.Options{User: "srs", Password: demoSecret, TLS: "explicit", RequireTLS: true, RequireReuse: true})
	if err != nil {
		return nil, nil, err
	}
	api, err := activate.New(activate.Options{APIKey: demoSecret, HonourKeys: true, KeepApart: true})
	if err != nil {
		return nil, nil, errors.Join(err, ftp.Close())
	}
	samples := path.Join(demoConnector, "testdata")
	entries, err := fs.ReadDir(pipelines.SRSActivate, samples)
	if err != nil {
		return nil, nil, errors.Join(err, ftp.Close(), api.Close())
	}
	_, _ = fmt.Fprintf(out, "An FTP server (explicit TLS, session reuse required) on %s has:\n", ftp.Addr())
	for _, e := range entries {
		data, err := fs.ReadFile(pipelines.SRSActivate, path.Join(samples, e.Name()))
		if err != nil {
			return nil, nil, errors.Join(err, ftp.Close(), api.Close())
		}
		ftp.Put("/srs/"+e.Name(), data, time.Date(2024, 7, 3, 12, 0, 0, 0, time.UTC))
		_, _ = fmt.Fprintf(out, "  /srs/%s  %d bytes, %d lines\n", e.Name(), len(data), strings.Count(string(data), "\n"))
	}
	_, _ = fmt.Fprintf(out, "A stand-in of the Activate API listens on %s.\n", api.URL())
	return ftp, api, nil
}

func demoVars(ftp *ftpserver.Server, api *activate.Server) []engine.VarFlag {
	return []engine.VarFlag{
		{Name: "ftp_host", Value: "127.0.0.1"}, {Name: "ftp_port", Value: strconv.Itoa(ftp.Port())}, {Name: "ftp_username", Value: "srs"},
		{Name: "ftp_password", Value: demoSecret}, {Name: "ftp_tls", Value: "explicit"}, {Name: "ftp_ca", Value: ftp.CAPEM()}, {Name: "ready", Value: "now"},
		{Name: "activate_url", Value: api.URL()}, {Name: "activate_account", Value: "12345"}, {Name: "activate_api_key", Value: demoSecret},
	}
}

// unpack writes the connector below dir.
func unpack(dir string) error {
	return fs.WalkDir(pipelines.SRSActivate, demoConnector, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return errors.Join(err, os.MkdirAll(filepath.Join(dir, filepath.FromSlash(p)), 0o700))
		}
		data, err := fs.ReadFile(pipelines.SRSActivate, p)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, filepath.FromSlash(p)), data, 0o600)
	})
}

func showRequests(out io.Writer, api *activate.Server, from int) {
	for _, q := range api.Requests()[from:] {
		body, _ := q.Body.(map[string]any)
		events, _ := body["events"].([]any)
		_, _ = fmt.Fprintf(out, "%s %s -> %d, %s, key %s\n", q.Method, q.Path, q.Status, count(int64(len(events)), "event"), q.Header.Get("Idempotency-Key"))
		for _, e := range events {
			m, _ := e.(map[string]any)
			_, _ = fmt.Fprintf(out, "  %s\n", demoEvent(m))
		}
	}
	_, _ = fmt.Fprintln(out)
}

func demoEvent(m map[string]any) string {
	products, _ := m["products"].([]any)
	var s strings.Builder
	fmt.Fprintf(&s, "%-10v", m["event"])
	for _, name := range []string{"orderid", "email", "custom_srs_customer_number", "firstname", "newsletter", "timestamp", "totalvalue"} {
		if v, ok := m[name]; ok {
			fmt.Fprintf(&s, " %s=%v", name, v)
		}
	}
	if len(products) > 0 {
		s.WriteString(", " + count(int64(len(products)), "product"))
	}
	return s.String()
}

func showProfiles(out io.Writer, api *activate.Server) {
	st := api.State()
	_, _ = fmt.Fprintf(out, "\nActivate now has %s and %s.\n", count(int64(len(st.Profiles)), "profile"), count(int64(len(st.Orders)), "order"))
	for _, p := range st.Profiles {
		_, _ = fmt.Fprintf(out, "  profile %v: %v, SRS number %v\n", p.ID, p.Fields["email"], p.Fields["custom_srs_customer_number"])
	}
}
