package scenario

import (
	"strings"
	"testing"
)

// served is shop with a schedule and without the time of the run in its rows.
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
