package scenario

import (
	"fmt"
	"strings"
	"testing"
)

// servedShop is shop with a schedule and without the time of the run in its rows.
var servedShop = strings.NewReplacer(`      at     = "now()"`+"\n", "", `pipeline "orders" {`, "pipeline \"orders\" {\n  schedule = \"every 10m\"").Replace(shop)

// small is the beginning of a test of it whose file is read in batches of a row.
const small = `
  at    = "2024-07-01T10:00:00Z"
  batch = "1B"
  serve "ftp" "shop" {}
  serve "rest" "api" {
    on "POST /base/orders" {}
  }
  start "empty" {}
`

const eightRows = `
    file "/in/1.csv" {
      content = "id,amount\n1,10\n2,20\n3,30\n4,40\n5,50\n6,60\n7,70\n8,80\n"
    }
`

// louder changes the mapping.
const louder = `
    edit "main.hcl" {
      replace = "'small'"
      with    = "'SMALL'"
    }
`

// A mapping that changes in the middle of a file: what was delivered has the old one
// and its generation, the rest the new, and no row is lost or repeated.
func TestReloadInTheMiddleOfAFile(t *testing.T) {
	mustPass(t, servedShop, `
test "swap" {`+small+`
  reload "another word" {`+eightRows+louder+`
    at = "after_delivery"
    expect {
      outcome    = "applied"
      actions    = { orders = "swap" }
      ledger     = { read = 8, delivered = 8 }
      requests   = [
        "map(flatten(map(api, .body.orders)), .id) == ['1', '2', '3', '4', '5', '6', '7', '8']",
        "map(api, .body.orders[0].size) == ['small', 'small', 'SMALL', 'SMALL']",
      ]
      deliveries = "map(deliveries, .generation) == [1, 1, 2, 2] and deliveries[0].pipeline == 'orders' and deliveries[0].sink == 'sink.api'"
      runs       = "len(runs) == 1 and runs[0].generation == 1 and runs[0].outcome == 'succeeded'"
      verdict    = "verdict.generation == 2 and verdict.trigger == 'notify' and verdict.actions[0].kind == 'swap'"
    }
  }
  run "nothing is left" {
    expect {
      ledger = { orders = { read = 0 } }
    }
  }
}
test "restart" {`+small+`
  reload "another sink" {`+eightRows+`
    at = "after_delivery"
    edit "main.hcl" {
      replace = "rows = 2"
      with    = "rows = 1"
    }
    expect {
      actions    = { orders = "restart" }
      ledger     = { read = 8, delivered = 8 }
      requests   = "map(api, len(.body.orders)) == [2, 2, 1, 1, 1, 1]"
      runs       = "map(runs, .outcome) == ['stopped', 'succeeded'] and map(runs, .generation) == [1, 2]"
      deliveries = "map(deliveries, .generation) == [1, 1, 2, 2, 2, 2]"
    }
  }
}
`)
}

// A change of a pipeline with errors is rejected and nothing that runs changes (I8);
// one that is mended is taken. Other pipelines go on.
func TestReloadThatIsRejected(t *testing.T) {
	mustPass(t, servedShop, `
test "a broken file" {`+small+`
  reload "a typing error" {`+eightRows+`
    at = "before_delivery 2"
    edit "main.hcl" {
      replace = "'small'"
      with    = "'smal"
    }
    expect {
      outcome    = "rejected"
      error      = "This string has no end"
      actions    = {}
      ledger     = { read = 8, delivered = 8 }
      requests   = "map(api, .body.orders[0].size) == ['small', 'small', 'small', 'small']"
      deliveries = "all(deliveries, .generation == 1)"
      verdict    = "verdict.generation == 1 and verdict.diagnostics[0].range.file == 'main.hcl' and verdict.diagnostics[0].range.start.line == 38"
    }
  }
  run "the last good plan runs" {
    file "/in/2.csv" {
      content = "id,amount\n9,10\n"
    }
    expect {
      requests = "api[0].body.orders[0].size == 'small'"
    }
  }
  reload "another pipeline comes, the first is still broken" {
    write "more.hcl" {
      content = "pipeline \"more\" {\n source \"ftp\" \"files\" {\n connection = connection.ftp.shop\n path = \"/more/*.csv\"\n }\n decode \"csv\" {\n columns = { id = \"text\" }\n }\n sink \"stdout\" \"out\" {\n }\n}\n"
    }
    expect {
      outcome = "partial"
      actions = { more = "add", orders = "keep" }
    }
  }
  reload "mended" {
    edit "main.hcl" {
      replace = "'smal"
      with    = "'small'"
    }
    expect {
      outcome = "unchanged"
      actions = {}
    }
  }
  run "both run" {
    file "/in/3.csv" {
      content = "id,amount\n9,10\n"
    }
    file "/more/1.csv" {
      content = "id\n7\n"
    }
    expect {
      ledger = { orders = { read = 1 }, more = { read = 1 } }
      output = "output contains '\"id\":\"7\"'"
      runs   = "map(runs, .pipeline) == ['orders', 'more']"
    }
  }
  reload "the other one goes" {
    delete = ["more.hcl"]
    expect {
      actions = { more = "remove" }
    }
  }
}
`)
}

// keyedShop is servedShop with state by key.
var keyedShop = strings.Replace(servedShop, `  sink "rest" "api" {`, `  dedupe "once" {
    keys = { id = "id" }
  }
  sink "rest" "api" {`, 1)

// A change that would re-key what is stored is refused with the number of keys, and
// done once somebody says what is to become of them.
func TestReloadThatBreaksState(t *testing.T) {
	mustPass(t, keyedShop, `
test "another key" {`+small+`
  run "three keys" {
    file "/in/1.csv" {
      content = "id,amount\n1,10\n2,20\n2,20\n3,30\n"
    }
    expect {
      ledger = { read = 4, delivered = 3, deduplicated = 1 }
    }
  }
  reload "by id and size" {
    edit "main.hcl" {
      replace = "{ id = \"id\" }"
      with    = "{ id = \"id + size\" }"
    }
    expect {
      outcome = "rejected"
      actions = { orders = "restart refused" }
      error   = "3 keys"
      verdict = "any(verdict.actions[0].effects, .kind == 'keys_rekeyed')"
    }
  }
  run "known by its id" {
    file "/in/2.csv" {
      content = "id,amount\n3,300\n"
    }
    expect {
      ledger = { read = 1, deduplicated = 1 }
    }
  }
  reload "the keys are made anew" {
    state = "rebuild"
    expect {
      actions = { orders = "restart" }
    }
  }
  run "everything is read again" {
    expect {
      ledger   = { read = 5, delivered = 4, deduplicated = 1 }
      requests = "any(flatten(map(api, .body.orders)), .id == '3' and .size == 'large')"
    }
  }
}
`)
}

// Wherever the process dies in a reload, the next one goes on with the new
// configuration, and nothing is lost (I7).
func TestCrashWhileReloading(t *testing.T) {
	var tests strings.Builder
	for i, tc := range []struct{ at, crash, change string }{
		{"before_delivery 2", "before_swap", louder}, {"before_delivery 2", "after_swap", louder},
		{"before_delivery 2", "after_delivery", louder}, {"before_delivery 2", "before_delivery 2", louder},
		{"before_delivery 2", "before_commit", louder}, {"before_delivery 2", "after_commit", louder},
		{"after_fetch", "before_swap", louder},
		{"before_delivery 2", "before_stop", otherSink}, {"before_delivery 2", "after_commit 2", otherSink},
		{"before_delivery 2", "before_delivery", otherSink}, {"", "after_reload", louder}, {"", "after_reload", otherSink},
	} {
		at := ""
		if tc.at != "" {
			at = "at = \"" + tc.at + "\""
		}
		tests.WriteString(`
test "` + fmt.Sprint(i, " ", tc.at, ", ", tc.crash) + `" {` + small + `
  reload "crashes" {` + eightRows + tc.change + at + `
    crash_at = "` + tc.crash + `"
  }
  start "again" {}
  advance "goes on" {
    by = "10m"
    expect {
      requests = [
        "sort(uniq(map(flatten(map(history.api, .body.orders)), .id))) == ['1', '2', '3', '4', '5', '6', '7', '8']",
        "len(uniq(map(history.api, .headers['Idempotency-Key']))) == len(uniq(map(history.api, .text)))", // what a change makes other is another request
      ]
      deliveries = "all(deliveries, .generation > 1)"
    }
  }
  run "has nothing left" {
    expect {
      ledger = { orders = { read = 0 } }
    }
  }
}
`)
	}
	mustPass(t, servedShop, tests.String())
}

// otherSink changes how rows are delivered.
const otherSink = `
    edit "main.hcl" {
      replace = "rows = 2"
      with    = "rows = 1"
    }
`
