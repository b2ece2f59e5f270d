package scenario

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/engine/spec"
)

// Every problem of a test file is found at its place, all in one go.
func TestProblemsOfTestFiles(t *testing.T) {
	write(t, shop, `
test "a" {
  at = "yesterday"
  serve "ftp" "shop" {
    file "in/1.csv" { content = "" }
    colour = "red"
  }
  serve "gopher" "x" {}
  serve "rest" "api" {
    on "/orders" { body = "{n: m}" }
  }
  run "one" {
    crash_at = "midnight"
    file "/x" {
      content = csv(";", ["a"], [{ b = "1" }])
    }
    fault "rest" "apy" {}
    expect {
      requests = "len(apo) == 1"
      files    = "len(shop)"
      ledger   = { delivred = 1, "filtered.x" = "two" }
    }
  }
}
test "a" {}
test "b" {}
tset "c" {}
`)
	_, ds := Load([]string{"shop.test.hcl"})
	var got []string
	for _, d := range ds {
		got = append(got, fmt.Sprintf("%d:%d %s: %s", d.Subject.Start.Line, d.Subject.Start.Column, d.Code, d.Summary))
	}
	want := []string{
		`3:8 config.invalid_value: Invalid value for at`,
		`5:5 config.invalid_value: Invalid path`,
		`6:5 config.unknown_attribute: Unsupported argument`,
		`8:3 test.unknown_server: There is no server of type "gopher"`,
		`10:5 config.invalid_value: Invalid request`,
		`10:32 expr.unknown_name: There is no "m" here`,
		`13:16 config.invalid_value: Invalid value for crash_at`,
		`15:33 config.invalid: csv() cannot be evaluated`,
		`17:5 test.unknown_server: The test has no server rest.apy`,
		`19:23 expr.unknown_name: There is no "apo" here`,
		`20:19 expr.type: This must be a condition`,
		`21:18 config.invalid_value: The ledger has no count "delivred"`,
		`21:18 config.invalid_value: Invalid count filtered.x`,
		`25:1 config.duplicate: Duplicate test "a"`,
		`26:1 test.no_runs: The test runs nothing`,
		`27:1 config.unknown_block: Unsupported block type`,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// What is wrong with the configuration under test is a problem of its own, shown once.
func TestProblemsOfTheConfiguration(t *testing.T) {
	for name, tc := range map[string]struct{ config, tests, want string }{
		"no server": {shop, "\n" + `serve "ftp" "shop" {}` + "\n", "main.hcl:18:1: Nothing stands in for connection.rest.api [test.no_server]"},
		"no such connection": {shop, servers + `serve "ftp" "shopp" {}`,
			`There is no connection.ftp.shopp [test.unknown_connection]`},
		"missing variable": {strings.Replace(shop, `path       = "/in/*.csv"`, `path = "/${var.host}/*.csv"`, 1), servers,
			`The test gives no value for variable "host" [config.missing_variable]`},
		"expression": {strings.Replace(shop, `drop = "id == ''"`, `drop = "idd == ''"`, 1), servers, `main.hcl:42:13: There is no column "idd" here`},
		"pipeline":   {shop, servers + "\n#", ``},
	} {
		t.Run(name, func(t *testing.T) {
			write(t, tc.config, `
test "first" {`+tc.tests+`
  run "once" {}
}
test "second" {`+tc.tests+`
  run "once" {}
}
`)
			rs, _ := results(t, Options{})
			got := printed(t, rs)
			if tc.want == "" {
				if !rs[0].Passed() {
					t.Errorf("%s", got)
				}
				return
			}
			if !rs[0].Broken || !rs[1].Broken || !strings.Contains(got, tc.want) {
				t.Errorf("%s is missing in\n%s", tc.want, got)
			}
			if strings.HasPrefix(tc.want, "main.hcl") && strings.Count(got, tc.want) != 1 {
				t.Errorf("shown more than once:\n%s", got)
			}
		})
	}
}

func TestUnknownPipelineIsAProblem(t *testing.T) {
	write(t, shop, `
test "a" {`+servers+`
  run "once" {
    pipelines = ["ordres"]
  }
}
`)
	rs, _ := results(t, Options{})
	if got := printed(t, rs); !strings.Contains(got, "There is no pipeline ordres") || !strings.Contains(got, "Did you mean \"orders\"?") {
		t.Errorf("%s", got)
	}
}

// Every option of every block is documented.
func TestBlocksAreDocumented(t *testing.T) {
	var walk func(at string, options []spec.Option)
	walk = func(at string, options []spec.Option) {
		if len(options) == 0 {
			t.Errorf("%s has no options", at)
		}
		for _, o := range options {
			if o.Doc == "" {
				t.Errorf("%s.%s has no documentation", at, o.Name)
			}
			if o.Block {
				walk(at+"."+o.Name, o.Body)
			}
		}
	}
	for name, options := range Blocks() {
		walk(name, options)
	}
}
