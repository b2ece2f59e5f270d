package scenario

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"weir/engine/diag"
	"weir/plugins/all"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shop is a configuration under test: lines of a file become requests.
const shop = `
variable "host" { type = string }
variable "password" {
  type      = string
  sensitive = true
  default   = "hunter2hunter2"
}
variable "url" { default = "https://api.example.com/base" }
variable "country" { default = "nl" }

connection "ftp" "shop" {
  host     = var.host
  user     = "shop"
  password = var.password
  tls      = "none"
}

connection "rest" "api" {
  url = var.url
}

pipeline "orders" {
  source "ftp" "files" {
    connection = connection.ftp.shop
    path       = "/in/*.csv"
  }
  decode "csv" {
    columns = {
      id     = "text"
      amount = "decimal required"
    }
  }
  map "order" {
    fields = {
      id     = "id"
      amount = "amount"
      size   = "amount > 100 ? 'large' : 'small'"
      at     = "now()"
    }
  }
  filter "no_id" {
    drop = "id == ''"
  }
  sink "rest" "api" {
    connection = connection.rest.api
    path       = "/orders"
    body       = "{orders: rows}"
    batch {
      rows = 2
    }
  }
}
`

// servers is the beginning of a test of shop.
const servers = `
  at = "2024-07-01T10:00:00Z"
  serve "ftp" "shop" {
    file "/in/1.csv" {
      content = "id,amount\n1,10\n2,250.50\n,3\n"
    }
  }
  serve "rest" "api" {
    on "POST /base/orders" {
      body = "{accepted: len(request.body.orders)}"
    }
  }
`

// write makes a folder with the configuration and a file of tests, and goes there.
func write(t *testing.T, config, tests string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{"main.hcl": config, "shop.test.hcl": tests} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// results runs the tests of shop.test.hcl, which must be well-formed.
func results(t *testing.T, o Options) ([]*Result, *Cover) {
	t.Helper()
	s, ds := Load([]string{"shop.test.hcl"})
	if ds.HasErrors() {
		t.Fatal(ds.Err())
	}
	o.Plugins = all.Plugins
	var out []*Result
	c := Run(t.Context(), s, o, func(r *Result) { out = append(out, r) })
	return out, c
}

// printed is what people see of the results, without times.
func printed(t *testing.T, rs []*Result) string {
	t.Helper()
	var sb strings.Builder
	var report Report
	for _, r := range rs {
		report.Add(r)
		if err := report.Text(&sb, r, true, diag.TextOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := report.Summary(&sb); err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`\d+\.\d\ds`).ReplaceAllString(sb.String(), "TIME")
}

// mustPass runs tests of which each must pass.
func mustPass(t *testing.T, config, tests string) {
	t.Helper()
	write(t, config, tests)
	rs, _ := results(t, Options{})
	if len(rs) == 0 {
		t.Fatal("no test ran")
	}
	for _, r := range rs {
		if !r.Passed() {
			t.Errorf("%s", printed(t, rs))
			return
		}
	}
}

func TestFind(t *testing.T) {
	write(t, shop, "")
	for _, dir := range []string{"a/b", "a/testdata", ".hidden"} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "x.test.hcl"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	names, ds := Find(".")
	if got := strings.Join(names, " "); got != "a/b/x.test.hcl shop.test.hcl" || ds != nil {
		t.Errorf("found %s, %v", got, ds)
	}
	for _, path := range []string{"main.hcl", "nowhere"} {
		if names, ds := Find(path); names != nil || !ds.HasErrors() {
			t.Errorf("%s: %v, %v", path, names, ds)
		}
	}
}
