package scenario

import "strings"

const guide = `Tests stand in files whose name ends in .test.hcl, beside the configuration that they test; weir test runs them.
A test has servers inside the process, which take the place of connections, and steps that are done in the order of the file:

- **run**: the pipelines run once, to the end of what their sources have.
- **start**: weir serve begins. What is due at once runs, by the schedules of the pipelines.
- **reload**: the configuration changes, and the server takes the change or refuses it: between runs, or, with at, in the middle of one.
- **advance**: time passes, and what falls due in it runs: schedules, and what failed and is tried again.
- **stop**: weir serve ends.

State is kept from step to step. crash_at kills the process at a point; a later run or start goes on from what it left.
A step ends when nothing goes on any more and nothing is due; its expect block says what it must have done.

Everything but the servers is the engine as it is. Time is virtual and nobody waits for it: it passes by advance, and
when a run waits for something, such as a file that must be stable. While the folder is served it always passes to the next
moment that somebody waits for, so that drain times, pauses and schedules come in their order; and one run goes on at a time. A change of the
configuration (edit, write, delete, vars) is made in memory, from its step on: no file is written.

'''hcl
test "another word in the middle of a file" {
  at    = "2024-07-01T10:00:00Z"
  batch = "1B" # a small file is read as a big one is: here a row at a time
  serve "ftp" "shop" {}
  serve "rest" "api" {
    on "POST /base/orders" {}
  }

  start "nothing to do" {}

  reload "while the second delivery is under way" {
    file "/in/1.csv" {
      content = csv(",", ["id", "amount"], [for n in range(1, 9) : { id = "${n}", amount = "10" }])
    }
    at = "before_delivery 2"
    edit "main.hcl" {
      replace = "'small'"
      with    = "'little'"
    }
    expect {
      actions    = { orders = "swap" }
      ledger     = { orders = { read = 8, delivered = 8 } }
      requests   = "map(api, .body.orders[0].size) == ['small', 'small', 'little', 'little']"
      deliveries = "map(deliveries, .generation) == [1, 1, 2, 2]"
    }
  }

  reload "a typing error changes nothing" {
    edit "main.hcl" {
      replace = "'little'"
      with    = "litle"
    }
    expect {
      outcome = "rejected"
      error   = "There is no column \"litle\""
    }
  }

  advance "the schedule goes on" {
    by = "1h"
    expect {
      runs = "len(runs) == 6"
    }
  }
}
'''
`

// Guide tells, in Markdown, how tests are written.
func Guide() string { return strings.ReplaceAll(guide, "'''", "```") }
