package api

import (
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"weir/engine/serve"
)

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestSecrets (I9): a token and a password that are known, and a pipeline that
// fails with them at hand: no answer has either of them.
func TestSecrets(t *testing.T) {
	const token, password = "tok-4f2d9c-visible", "pw-8812ab-visible"
	t.Setenv("API_TOKEN", token)
	t.Setenv("FTP_PASSWORD", password)
	remote := func(path string) string {
		return `
connection "ftp" "shop" {
  host     = "127.0.0.1"
  port     = 1
  tls      = "none"
  user     = "me"
  password = secret("FTP_PASSWORD")
}
pipeline "b" {
  schedule = "every 1h"
  source "ftp" "in" {
    connection = connection.ftp.shop
    path       = "` + path + `"
  }
  decode "csv" {
    columns = { a = "text" }
  }
  sink "file" "out" {
    path   = "DIR/out/b.ndjson"
    format = "ndjson"
  }
}
`
	}
	r := newRig(t, map[string]string{
		"config/a.hcl": pipelineA, "config/b.hcl": remote("/x/*.csv"), "config/engine.hcl": "engine {\n  token = secret(\"API_TOKEN\")\n}\n",
		"in/a.csv": "a,b\nx,1\ny,none\n",
	})
	if r.token != token {
		t.Fatalf("the token is not that of the engine block")
	}
	r.until("the failure of b", func() bool { p, _ := r.server.Pipeline("b"); return p.Failed > 0 })
	r.ran(1)
	all := r.everything()
	r.write("config/b.hcl", strings.ReplaceAll(remote("/y/*.csv"), `secret("FTP_PASSWORD")`, `secret("FTP_PASSWORD_2")`))
	t.Setenv("FTP_PASSWORD_2", password+"2")
	all += r.everything()
	r.write("config/b.hcl", strings.ReplaceAll(remote("/y/*.csv"), "host ", "hots "))
	all += r.everything()
	for _, s := range []string{token, password} {
		if i := strings.Index(all, s); i >= 0 {
			t.Errorf("an answer has a secret: ...%s...", all[max(0, i-200):i])
		}
	}
	if !strings.Contains(all, "127.0.0.1") || len(all) < 10_000 {
		t.Errorf("the answers are not those of a pipeline that fails: %d bytes", len(all))
	}
}

// everything asks every route, well and badly, and returns all that is answered.
func (r *rig) everything() string {
	r.t.Helper()
	c := make(chan serve.Event, 1000)
	defer r.server.Listen(c)()
	var out strings.Builder
	for _, to := range routes() {
		if to.id == "events" {
			continue // what they send comes last
		}
		for _, p := range []string{"a", "b", "c"} {
			for _, body := range []string{"", "{}", `{"path": "*"}`, `{"ids": [1]}`, `{"state": "keep"}`} {
				resp := r.send(to.method, strings.ReplaceAll(to.path, "{p}", p), body, nil)
				b, err := io.ReadAll(resp.Body)
				if err != nil {
					r.t.Fatal(err)
				}
				out.Write(b)
				for name, values := range resp.Header {
					out.WriteString(name + strings.Join(values, ","))
				}
			}
		}
	}
	for wait := true; wait; {
		select {
		case e := <-c:
			out.Write(marshal(r.t, eventOf(&e)))
		case <-time.After(50 * time.Millisecond):
			wait = false
		}
	}
	return out.String()
}
