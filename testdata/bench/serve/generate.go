package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
)

func module(i int) string { return fmt.Sprintf("shop%03d", i) }

// generate writes a folder of modules, and the files that some pipelines read. Each
// module is a folder of its own, as of one customer, and so is where it reads.
func (s *settings) generate(folder, data string) error {
	for i := range s.modules {
		name := module(i)
		dir := filepath.Join(folder, "modules", name)
		in := filepath.Join(data, name)
		for _, d := range []string{dir, filepath.Join(in, "out")} {
			if err := os.MkdirAll(d, 0o755); err != nil {
				return err
			}
		}
		call := fmt.Sprintf("module %q {\n  source = \"./modules/%s\"\n  data   = %q\n}\n", name, name, in)
		var own bytes.Buffer
		own.WriteString("variable \"data\" {\n  type        = string\n  description = \"Folder of in and out\"\n}\n")
		for k := range s.each {
			fmt.Fprintf(&own, pipelineText, kinds()[k%len(kinds())], k)
			if err := os.MkdirAll(filepath.Join(in, "in", fmt.Sprint(k)), 0o755); err != nil {
				return err
			}
			if i%max(1, s.fed) == 0 {
				if err := os.WriteFile(filepath.Join(in, "in", fmt.Sprint(k), "first.csv"), fewRows(20), 0o644); err != nil {
					return err
				}
			}
		}
		if err := os.WriteFile(filepath.Join(dir, "pipelines.hcl"), own.Bytes(), 0o644); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, name+".hcl"), []byte(call), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// kinds are what the pipelines of a module are about.
func kinds() []string {
	return []string{"customers", "orders", "returns", "vouchers", "visits", "stock", "prices", "loyalty", "reviews", "carts"}
}

// pipelineText is a pipeline, with its name and a number that is its folder.
const pipelineText = `
pipeline "%[1]s" {
  description = "%[1]s of one shop"
  schedule    = "every 1m"

  source "file" "files" {
    path  = "${var.data}/in/%[2]d/*.csv"
    ready = "now"
    after = "keep"
  }

  decode "csv" {
    delimiter = ";"
    columns = {
      number  = "text required"
      email   = "text optional"
      country = "text"
      amount  = "decimal comma"
      day     = "date '%%d-%%m-%%Y' optional"
      count   = "int optional"
    }
  }

  map "line" {
    fields = {
      id      = "'%[1]s-' + trim(number)"
      email   = "lower(trim(email ?? ''))"
      country = "country != '' ? country : 'NL'"
      amount  = "amount"
      day     = "day"
    }
  }

  filter "nobody" {
    drop = "id == '%[1]s-' and email == ''"
  }

  sink "file" "out" {
    path   = "${var.data}/out/%[1]s_%%Y%%m%%d%%H%%M%%S.ndjson"
    exists = "replace"
  }
}
`

// fewRows is a file that such a pipeline reads.
func fewRows(n int) []byte {
	var b bytes.Buffer
	b.WriteString("number;email;country;amount;day;count\n")
	for i := range n {
		fmt.Fprintf(&b, "%05d;Somebody.%d@example.com;%s;%d,%02d;%02d-11-2024;%d\n", i, i, []string{"", "SE", "PL"}[i%3], i*7, i%100, 1+i%28, i)
	}
	return b.Bytes()
}
