package scenario

import (
	"fmt"
	"strings"
	"testing"
)

// What does not fit together is a problem of the test file, at the place where it is written.
func TestStepsThatDoNotFit(t *testing.T) {
	const head = "test \"a\" {\n"
	for _, tc := range []struct{ name, steps, want string }{
		{"a reload of nothing", "reload \"r\" {}\n", "shop.test.hcl:2:1: Nothing is served here"},
		{"time without a server", "advance \"r\" {\n  by = \"1h\"\n}\n", "shop.test.hcl:2:1: Nothing is served here"},
		{"a stop of nothing", "stop \"r\" {}\n", "shop.test.hcl:2:1: Nothing is served here"},
		{"after a crash", "start \"s\" {\n  crash_at = \"after_fetch\"\n}\nreload \"r\" {}\n", "shop.test.hcl:5:1: Nothing is served here"},
		{"twice", "start \"s\" {}\nstart \"t\" {}\n", "shop.test.hcl:3:1: The folder is served already [test.order] It is since the start block at line 2."},
		{"variables of a run", "start \"s\" {}\nrun \"r\" {\n  vars = {}\n}\n", "shop.test.hcl:4:10: A run of a server does not change variables"},
		{"files of a run", "start \"s\" {}\nrun \"r\" {\n  edit \"main.hcl\" {\n    replace = \"a\"\n    with = \"b\"\n  }\n}\n", "shop.test.hcl:4:3: A run of a server does not change files"},
		{"a point that a run does not have", "run \"r\" {\n  crash_at = \"after_swap\"\n}\n", "shop.test.hcl:3:14: Invalid value for crash_at [config.invalid_value] crash_at must be one of after_fetch,"},
		{"a change at a point of a reload", "start \"s\" {}\nreload \"r\" {\n  at = \"after_swap\"\n}\n", "shop.test.hcl:4:8: Invalid value for at [config.invalid_value] at must be one of after_fetch,"},
		{"pipelines without a run", "start \"s\" {}\nreload \"r\" {\n  pipelines = [\"orders\"]\n}\n", "shop.test.hcl:4:15: pipelines says which run, and nothing runs"},
		{"after_reload of a run", "start \"s\" {}\nreload \"r\" {\n  at = \"after_fetch\"\n  crash_at = \"after_reload\"\n}\n", "shop.test.hcl:5:14: after_reload and at exclude each other"},
		{"a run that hangs nowhere", "start \"s\" {}\nreload \"r\" {\n  hangs = true\n}\n", "shop.test.hcl:4:11: hangs needs at, and excludes crash_at"},
		{"an unknown action", "start \"s\" {}\nreload \"r\" {\n  expect {\n    actions = { orders = \"swop\" }\n  }\n}\n", "shop.test.hcl:5:15: There is no action \"swop\", as expected of orders [config.invalid_value] Did you mean \"swap\"?"},
		{"an action that is no text", "start \"s\" {}\nreload \"r\" {\n  expect {\n    actions = { orders = 1 }\n  }\n}\n", "shop.test.hcl:5:15: Invalid action for orders"},
		{"an unknown outcome", "start \"s\" {}\nreload \"r\" {\n  expect {\n    outcome = \"done\"\n  }\n}\n", "shop.test.hcl:5:15: Invalid value for outcome"},
		{"an outcome of a run", "run \"r\" {\n  expect {\n    outcome = \"applied\"\n  }\n}\n", "shop.test.hcl:4:5: Unsupported argument"},
		{"an absolute file", "start \"s\" {\n  write \"/etc/passwd\" {\n    content = \"\"\n  }\n}\n", "shop.test.hcl:3:3: Invalid file name /etc/passwd"},
		{"a test file", "start \"s\" {\n  delete = [\"x.test.hcl\"]\n}\n", "shop.test.hcl:3:12: x.test.hcl is a test"},
		{"nothing to replace", "start \"s\" {\n  edit \"main.hcl\" {\n    replace = \"\"\n    with = \"b\"\n  }\n}\n", "shop.test.hcl:4:15: Nothing to replace"},
		{"no time", "start \"s\" {}\nadvance \"r\" {}\n", "shop.test.hcl:3:13: Missing required argument"},
		{"an unknown name in verdict", "start \"s\" {}\nreload \"r\" {\n  expect {\n    verdict = \"verdct.outcome == 'applied'\"\n  }\n}\n", "shop.test.hcl:5:16: "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			write(t, servedShop, head+tc.steps+"}\n")
			_, ds := Load([]string{"shop.test.hcl"})
			got := ""
			for _, d := range ds {
				got += fmt.Sprintf("%s:%d:%d: %s [%s] %s\n", d.Subject.Filename, d.Subject.Start.Line, d.Subject.Start.Column, d.Summary, d.Code, d.Detail)
			}
			if len(ds) != 1 || !strings.HasPrefix(got, tc.want) {
				t.Errorf("%s\nwant %s", got, tc.want)
			}
		})
	}
}

// What comes up while a test runs is said at the line that expected something else.
func TestWhatDiffers(t *testing.T) {
	for _, tc := range []struct {
		name, steps string
		want        []string
	}{
		{"the outcome", `reload "r" {` + louder + `expect {
      outcome = "rejected"
    }
  }`, []string{`Reload "r": the outcome differs [test.verdict]`, "expected rejected", "got      applied",
			"the verdict: applied, generation 2, 0 kept", "orders: swap (map.order: fields.size changed"}},
		{"the outcome by default", `reload "r" {
    edit "main.hcl" {
      replace = "'small'"
      with    = "nothing"
    }
  }`, []string{`:9:1: Reload "r": the outcome differs`, "expected applied", "got      rejected", `main.hcl:38:`, "nothing"}},
		{"the actions", `reload "r" {` + louder + `expect {
      actions = { orders = "restart", customers = "swap" }
    }
  }`, []string{`Reload "r": the actions differ [test.verdict]`, "customers: expected swap, got no such pipeline", "orders: expected restart, got swap (map.order: fields.size changed"}},
		{"an action that is not named", `reload "r" {` + louder + `expect {
      actions = {}
    }
  }`, []string{"orders: expected keep, got swap"}},
		{"an error that does not come", `reload "r" {` + louder + `expect {
      error = "refused"
    }
  }`, []string{"expected anything but applied and unchanged", "got      applied"}},
		{"a point", `reload "r" {` + louder + `at = "after_delivery 2"
  }`, []string{`Reload "r" did not come to after_delivery 2 [test.no_point]`}},
		{"a crash", `reload "r" {` + louder + `crash_at = "after_swap"
  }`, []string{`Reload "r" did not come to after_swap [test.no_crash]`}},
		{"a verdict before which it crashed", `reload "r" {` + eightRows + louder + `at = "before_delivery 2"
    crash_at = "before_swap"
    expect {
      outcome = "applied"
    }
  }`, []string{`Reload "r": there is no verdict [test.verdict]`}},
		{"text that is not there", `reload "r" {
    edit "main.hcl" {
      replace = "'tiny'"
      with    = "''"
    }
  }`, []string{`:11:17: The text is not in main.hcl once [test.edit]`, "It is not in it"}},
		{"text that is there twice", `reload "r" {
    edit "main.hcl" {
      replace = "orders"
      with    = "lines"
    }
  }`, []string{`The text is not in main.hcl once [test.edit]`, "It is in it 3 times"}},
		{"a file that is not there", `reload "r" {
    edit "mian.hcl" {
      replace = "orders"
      with    = "lines"
    }
  }`, []string{`:10:5: There is no file mian.hcl [test.edit]`}},
		{"a pipeline", `run "r" {
    pipelines = ["ordres"]
  }`, []string{`:10:17: There is no pipeline ordres`, `Did you mean "orders"?`}},
		{"a pipeline of a reload", `reload "r" {
    at        = "after_fetch"
    pipelines = ["ordres"]
  }`, []string{`:11:17: There is no pipeline ordres`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			write(t, servedShop, "test \"a\" {"+small+tc.steps+"\n}\n")
			rs, _ := results(t, Options{})
			got := printed(t, rs)
			for _, want := range tc.want {
				if !strings.Contains(got, want) {
					t.Errorf("%s\nis not in\n%s", want, got)
				}
			}
		})
	}
}

// A stop is the end of weir serve: runs, changes and another start may follow, and state is kept.
func TestStopAndStart(t *testing.T) {
	mustPass(t, servedShop, `
test "a" {`+small+`
  run "served" {`+eightRows+`
    expect {
      ledger = { read = 8 }
    }
  }
  stop "for an hour" {
    expect {
      requests = "len(api) == 0"
    }
  }
  run "once" {
    advance = "1h"
    vars    = { url = "https://api.example.com/base" }
    edit "main.hcl" {
      replace = "'small'"
      with    = "'SMALL'"
    }
    file "/in/2.csv" {
      content = "id,amount\n9,90\n"
    }
    expect {
      ledger   = { read = 1 }
      requests = "api[0].body.orders[0].size == 'SMALL'"
    }
  }
  start "again" {
    edit "main.hcl" {
      replace = "'SMALL'"
      with    = "'little'"
    }
  }
  run "crashes" {
    crash_at = "after_delivery"
    file "/in/3.csv" {
      content = "id,amount\n9,90\n"
    }
  }
  start "after the crash" {}
  run "goes on" {
    expect {
      ledger   = { read = 1 }
      requests = "api[0].body.orders[0].size == 'little'"
    }
  }
}
`)
}

// Variables change as other parts of the configuration do; what is sensitive stays
// out of everything that people see (I9).
func TestReloadOfVariables(t *testing.T) {
	config := strings.Replace(servedShop, "'small'", "'${var.country}'", 1)
	mustPass(t, config, `
test "a" {`+small+`
  reload "another country" {`+eightRows+`
    at   = "before_delivery 2"
    vars = { country = "se" }
    expect {
      actions  = { orders = "swap" }
      requests = "map(api, .body.orders[0].size) == ['nl', 'nl', 'se', 'se']"
    }
  }
}
`)
	config = strings.Replace(servedShop, "'small'", "'small ${var.password}'", 1)
	write(t, config, `
test "a" {`+small+`
  reload "another password" {`+eightRows+`
    vars = { password = "open sesame 123" }
    expect {
      actions = {}
    }
  }
}
`)
	rs, _ := results(t, Options{})
	if got := printed(t, rs); strings.Contains(got, "sesame") || rs[0].Passed() {
		t.Errorf("%s", got)
	}
}

// Coverage is of the files as they are: what a test changes in them counts neither
// as reached nor as missed.
func TestCoverageOfWhatIsEdited(t *testing.T) {
	tests := `
test "a" {` + small + `
  run "before" {
    file "/in/1.csv" {
      content = "id,amount\n1,10\n2,\n"
    }
  }
  reload "after" {` + eightRows + `
    at = "before_delivery 2"
    edit "main.hcl" {
      replace = "id     = \"id\""
      with    = "id     = \"id != 'x' ? id + '' : nil\""
    }
  }
}
`
	write(t, servedShop, tests)
	rs, c := results(t, Options{Cover: true})
	if !rs[0].Passed() {
		t.Fatal(printed(t, rs))
	}
	var sb strings.Builder
	if err := c.Text(&sb); err != nil {
		t.Fatal(err)
	}
	want := `coverage: 3 of 3 mapping lines, 0 of 1 filters, 1 of 2 branches
  main.hcl:38: map.order: the branch is never taken: 'large'
  main.hcl:42: filter.no_id: the condition is never true: id == ''
`
	if got := sb.String(); got != want {
		t.Errorf("%s", got)
	}
}

// The examples of the guide run.
func TestGuide(t *testing.T) {
	parts := strings.Split(Guide(), "```")
	if len(parts) != 5 {
		t.Fatalf("the guide has %d parts", len(parts))
	}
	disk := strings.NewReplacer("in/*.csv", "/data/in/*.csv", "out/people.csv", "/data/out/people.csv").Replace(export)
	mustPass(t, disk, strings.TrimPrefix(parts[1], "hcl\n"))
	mustPass(t, servedShop, strings.TrimPrefix(parts[3], "hcl\n"))
}
