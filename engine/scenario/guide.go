package scenario

import "strings"

const guide = `Tests stand in files whose name ends in .test.hcl, beside the configuration that they test; weir test runs them.
A test has stand-ins, which take the place of all that pipelines reach, and steps that are done in the order of the file:

- **run**: the pipelines run once, to the end of what their sources have.
- **start**: weir serve begins. What is due at once runs, by the schedules of the pipelines.
- **reload**: the configuration changes, and the server takes the change or refuses it: between runs, or, with at, in the middle of one.
- **advance**: time passes, and what falls due in it runs: schedules, and what failed and is tried again.
- **stop**: weir serve ends.

State is kept from step to step. crash_at kills the process at a point; a later run or start goes on from what it left.
A step ends when nothing goes on any more and nothing is due; its expect block says what it must have done.

A test touches nothing real. serve "ftp", "sftp" and "rest" are servers inside the process; serve "file" is the disk of the machine, in
memory, for sources and sinks of type file; standard output is what output shows. An edge of a pipeline without a stand-in is an error
that shows the block to write, and whatever a plugin does, it opens no file and connects to no server besides. secret() and env() have no
values, and file() reads only from the folder under test. State is kept in a temporary folder of the test. So

'''hcl
test "the export" {
  serve "file" "disk" {
    folders = ["/data/out"]
    file "/data/in/1.csv" {
      content = csv(";", ["id", "name"], [{ id = "1", name = "Jan" }])
    }
  }
  run "once" {
    expect {
      files = [
        "disk['/data/out/people.csv'].content == \"id,name\\n1,Jan\\n\"",
        "not ('/data/in/1.csv' in disk)", # after = "delete"
      ]
    }
  }
}
'''

tests a pipeline that deletes what it read and writes a file. Paths are as the configuration has them; relative ones stay relative.

Everything but the stand-ins is the engine as it is. Time is virtual and nobody waits for it: it passes by advance, and
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
