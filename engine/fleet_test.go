package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"weir/engine"
	"weir/engine/plan"
	"weir/plugins/all"
)

// fleetPipeline is one pipeline of a connector, about as large as real ones are.
const fleetPipeline = `pipeline "p%[1]d" {
  schedule = "every ${var.minutes + %[1]d}m"
  source "ftp" "files" {
    connection = connection.ftp.erp
    path       = "${var.folder}/orders%[1]d_*.csv"
    after      = "move ${var.folder}/done"
  }
  decode "csv" {
    delimiter = ";"
    columns = merge({
      number   = "text"
      branch   = "text"
      at       = "datetime '%%d-%%m-%%Y %%H:%%M:%%S' Europe/Amsterdam required"
      customer = "text optional"
      email    = "text optional"
      line     = "text optional"
      sku      = "text"
      name     = "text optional"
      quantity = "int required"
      price    = "decimal comma required"
      amount   = "decimal comma required"
      currency = "text optional"
    }, var.columns)
  }
  map "line" {
    extends = mapping.lines
    fields  = var.fields
  }
  group "order" {
    by = ["order"]
    fields = {
      event    = "all(rows, .amount <= 0) and any(rows, .amount < 0) ? 'Return' : 'Purchase'"
      order    = "first(rows).order"
      customer = "first(rows).customer"
      email    = "first(rows).email"
      at       = "first(rows).at"
      total    = "sum(rows, .amount)"
      products = "map(rows, .product)"
    }
  }
  filter "no_customer" {
    drop = "customer == '' and email == nil"
  }
  dedupe "order" {
    keys = { order = "order" }
  }
  dedupe "customer" {
    entity   = entity.profile
    keys     = { number = "customer", email = "email" }
    conflict = "keep"
    keep     = "all"
  }
  map "event" {
    keep   = "*"
    drop   = ["customer"]
    fields = { email = "dedupe.keys.email" }
  }
  sink "rest" "api" {
    connection = connection.rest.api
    path       = "/v1/track"
    body       = "{events: rows}"
    batch {
      rows = var.batch_rows
    }
    reply {
      ok     = "status in [200, 201]"
      reject = "status == 400 ? body.errors : []"
    }
  }
}
`

const fleetModule = `variable "host" {}
variable "password" {
  sensitive = true
}
variable "minutes" {
  default = 10
}
variable "folder" {
  default = "/in"
}
variable "country" {
  default = "NL"
}
variable "batch_rows" {
  default = 100
}
variable "columns" {
  default = {}
}
variable "fields" {
  default = {}
}
connection "ftp" "erp" {
  host     = var.host
  user     = "weir"
  password = var.password
}
connection "rest" "api" {
  url     = "https://${var.host}"
  headers = { X-API-KEY = var.password }
}
entity "profile" {
  keys = {
    number = "trim(value)"
    email  = "email(value)"
  }
}
mapping "lines" {
  fields = {
    order    = "number != '' ? number : branch + '-' + strftime(at, '%Y%m%d%H%M%S')"
    customer = "trim(customer ?? '')"
    email    = "email(email ?? '')"
    at       = "at"
    currency = "coalesce(nullif(trim(currency ?? ''), ''), var.country == 'NL' ? 'EUR' : 'PLN')"
    amount   = "amount"
    product  = "{id: sku, name: nullif(name ?? '', ''), quantity: quantity, price: price}"
  }
}
`

// fleet makes a folder with a connector of the given number of pipelines and as
// many instances of it.
func fleet(tb testing.TB, modules, pipelines int) string {
	tb.Helper()
	dir := tb.TempDir()
	write := func(name string, b []byte) {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(p, b, 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	write("connector/module.hcl", []byte(fleetModule))
	for i := range pipelines {
		write(fmt.Sprintf("connector/p%d.hcl", i), fmt.Appendf(nil, fleetPipeline, i))
	}
	var b bytes.Buffer
	for i := range modules {
		fmt.Fprintf(&b, "module \"m%d\" {\n  source = \"../connector\"\n  host = \"m%d.example.com\"\n  password = secret(\"P\")\n  fields = { channel = \"'m%d'\" }\n}\n", i, i, i)
	}
	write("shops/weir.hcl", b.Bytes())
	return filepath.Join(dir, "shops")
}

func loadFleet(tb testing.TB, dir string) *engine.Loaded {
	tb.Helper()
	e, ds := engine.New(engine.Options{Plugins: all.Plugins(io.Discard)})
	if ds.HasErrors() {
		tb.Fatal(ds.Err())
	}
	l, ds := e.Load(context.Background(), dir, engine.Inputs{Env: func(string) (string, bool) { return "pw", true }})
	if ds.HasErrors() {
		tb.Fatal(ds.Err())
	}
	return l
}

// heap returns the bytes in use after a collection.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestFleet checks that what is kept of many pipelines stays small.
func TestFleet(t *testing.T) {
	modules := 500
	if testing.Short() {
		modules = 20
	}
	dir := fleet(t, modules, 10)
	before := heap()
	l := loadFleet(t, dir)
	planned := heap()
	d := plan.Describe(l.Plan, []byte("key"))
	described := heap()
	n := int64(len(l.Plan.Pipelines))
	if n != int64(modules)*10 || len(d.Pipelines) != int(n) {
		t.Fatalf("%d pipelines, %d described", n, len(d.Pipelines))
	}
	t.Logf("a pipeline: %d bytes planned, %d described", (planned-before)/n, (described-planned)/n)
	if per := (described - planned) / n; per > 10<<10 {
		t.Errorf("the description of a pipeline takes %d bytes", per)
	}
	b, err := json.Marshal(d)
	if err != nil || int64(len(b))/n > 32<<10 {
		t.Errorf("%d bytes of JSON a pipeline, %v", int64(len(b))/n, err)
	}
	for _, a := range plan.Difference(d, d) {
		if a.Kind != plan.Keep {
			t.Fatalf("%+v", a)
		}
	}
	runtime.KeepAlive(l)
}

func BenchmarkFleetLoad(b *testing.B) {
	dir := fleet(b, 500, 10)
	b.ReportAllocs()
	for b.Loop() {
		loadFleet(b, dir)
	}
}

func BenchmarkFleetDescribe(b *testing.B) {
	p := loadFleet(b, fleet(b, 500, 10)).Plan
	b.ReportAllocs()
	for b.Loop() {
		d := plan.Describe(p, []byte("key"))
		plan.Difference(d, d)
	}
}
