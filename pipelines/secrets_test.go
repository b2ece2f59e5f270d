package pipelines_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"weir/engine"
	"weir/engine/diag"
	"weir/engine/testkit/activate"
	"weir/engine/testkit/ftpserver"
	"weir/plugins/all"
)

// Secrets with characters that change when they are encoded.
const (
	hiddenPassword = "p w/ä+hidden&1"
	hiddenKey      = "key+/hidden=2?"
)

// forms are the ways in which a secret may come back.
func forms(s string) []string {
	return []string{s, base64.StdEncoding.EncodeToString([]byte(s)), base64.RawURLEncoding.EncodeToString([]byte(s)),
		base64.StdEncoding.EncodeToString([]byte("12345:" + s)), url.QueryEscape(s), url.PathEscape(s)}
}

// shown runs the connector with everything switched on that tells of it, and
// returns all of it.
func (r *rig) shown() string {
	r.t.Helper()
	var out bytes.Buffer
	log := zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(&out), zap.DebugLevel))
	e, ds := engine.New(engine.Options{Plugins: all.Plugins(&out), Log: log})
	if ds != nil {
		r.t.Fatal(ds.Err())
	}
	in := engine.Inputs{Env: func(string) (string, bool) { return "", false }}
	for n, v := range r.vars {
		in.Vars = append(in.Vars, engine.VarFlag{Name: n, Value: v})
	}
	show := func(ds diag.List, sources map[string][]byte) {
		_ = diag.Text(&out, ds, sources, diag.TextOptions{})
		_ = diag.JSON(&out, ds)
		fmt.Fprintf(&out, "%+v %#v", ds, ds)
	}
	l, ds := e.Load(context.Background(), "srs-activate", in)
	show(ds, l.Sources)
	fmt.Fprintf(&out, "%+v", l.Plan)
	if ds.HasErrors() {
		return out.String()
	}
	rep, err := e.Run(context.Background(), l, engine.RunOptions{StateDir: r.state})
	fmt.Fprintf(&out, "%+v %v", rep, err)
	for _, p := range rep.Pipelines {
		fmt.Fprintf(&out, "%+v %#v", p.Err, p.Err)
		show(diag.FromError("run.failed", p.Err), l.Sources)
		show(p.Notices, l.Sources)
	}
	_ = filepath.WalkDir(r.state, func(p string, d fs.DirEntry, _ error) error {
		if b, err := os.ReadFile(p); err == nil {
			fmt.Fprintf(&out, "%s: %s\n", p, b)
		}
		return nil
	})
	return out.String()
}

// echo answers with all that it was sent, in several encodings.
func echo(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		key := q.Header.Get("X-AUTH-APIKEY")
		w.Header().Set("X-Echo", key)
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"errors":[%q],"headers":%q,"body":%q}`, strings.Join(forms(key), " | "), fmt.Sprint(q.Header), body)
	}
}

// TestSecretsStayHidden (I9) fails in every way that can be had, with credentials
// that are known, and looks for them in all that is shown and kept.
func TestSecretsStayHidden(t *testing.T) {
	elsewhere := 0
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		elsewhere++
		w.WriteHeader(http.StatusOK)
	}))
	defer other.Close()
	api := func(h http.HandlerFunc) func(*rig) {
		return func(r *rig) {
			s := httptest.NewServer(h)
			r.t.Cleanup(s.Close)
			r.vars["activate_url"] = s.URL
		}
	}
	ftp := func(f ftpserver.Faults) func(*rig) { return func(r *rig) { r.ftp.SetFaults(f) } }
	set := func(kv ...string) func(*rig) {
		return func(r *rig) {
			for i := 0; i < len(kv); i += 2 {
				r.vars[kv[i]] = kv[i+1]
			}
		}
	}
	for name, prepare := range map[string]func(*rig){
		"wrong password":        set("ftp_password", hiddenPassword+"x"),
		"login echoes it":       ftp(ftpserver.Faults{RefuseLogin: "530 no " + strings.Join(forms(hiddenPassword), " ")}),
		"closed at login":       ftp(ftpserver.Faults{DropOn: []string{"PASS"}}),
		"odd listing":           ftp(ftpserver.Faults{ExtraLines: []string{"type=file;size=1; ../" + hiddenPassword, "\x1b[2J"}}),
		"no TLS at the server":  set("ftp_tls", "explicit"),
		"implicit TLS to plain": set("ftp_tls", "implicit"),
		"secret is no CA":       set("ftp_tls", "explicit", "ftp_ca", hiddenPassword),
		"nobody there":          set("ftp_port", "1"),
		"secret as port":        set("ftp_port", hiddenPassword),
		"secret in a path":      set("ftp_path", "/"+"no/such"),
		"400 echoes":            api(echo(400)),
		"401 echoes":            api(echo(401)),
		"422 echoes":            api(echo(422)),
		"redirect": api(func(w http.ResponseWriter, q *http.Request) {
			http.Redirect(w, q, other.URL+"/?k="+url.QueryEscape(q.Header.Get("X-AUTH-APIKEY")), http.StatusTemporaryRedirect)
		}),
		"redirect, method kept": api(func(w http.ResponseWriter, q *http.Request) {
			http.Redirect(w, q, other.URL, http.StatusPermanentRedirect)
		}),
		"rejects echo": api(func(w http.ResponseWriter, q *http.Request) {
			w.WriteHeader(400)
			fmt.Fprintf(w, `{"errors":[{"index":0,"message":%q}]}`, q.Header.Get("X-AUTH-APIKEY"))
		}),
		"an expression is wrong": set("customer_fields", `{ a = "nosuch" }`),
		"TLS to plain HTTP":      func(r *rig) { r.vars["activate_url"] = strings.Replace(r.vars["activate_url"], "http:", "https:", 1) },
	} {
		t.Run(name, func(t *testing.T) {
			f, err := ftpserver.New(ftpserver.Options{User: "srs", Password: hiddenPassword})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = f.Close() })
			r := newRig(t, activate.Options{})
			r.ftp = f
			if err := f.FS().Mkdir("/srs"); err != nil {
				t.Fatal(err)
			}
			set("ftp_port", fmt.Sprint(f.Port()), "ftp_password", hiddenPassword, "activate_api_key", hiddenKey)(r)
			r.put("klanten", customer("1", "a@example.nl", nil))
			prepare(r)
			out := r.shown()
			if len(out) < 500 {
				t.Fatalf("little is shown: %s", out)
			}
			for _, secret := range []string{hiddenPassword, hiddenKey} {
				for _, s := range forms(secret) {
					if i := strings.Index(out, s); i >= 0 && !(name == "secret as port" || name == "secret is no CA" || name == "odd listing") {
						t.Errorf("%q is shown: %q", s, out[max(0, i-200):min(len(out), i+100)])
					}
				}
			}
		})
	}
	if elsewhere > 0 {
		t.Errorf("a redirect led %d requests to another host", elsewhere)
	}
}
