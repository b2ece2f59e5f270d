package scenario

import "testing"

// Time passes only when it is advanced: schedules run by it, and failed runs are tried again.
func TestAdvance(t *testing.T) {
	mustPass(t, servedShop, `
test "schedule" {`+small+`
  advance "nothing is due" {
    by = "9m59s"
    expect {
      runs = "len(runs) == 0"
    }
  }
  advance "an hour" {
    by = "1h"
    file "/in/1.csv" {
      content = "id,amount\n1,10\n"
    }
    expect {
      runs   = "map(runs, .started) == ['2024-07-01T10:10:00Z', '2024-07-01T10:20:00Z', '2024-07-01T10:30:00Z', '2024-07-01T10:40:00Z', '2024-07-01T10:50:00Z', '2024-07-01T11:00:00Z']"
      ledger = { orders = { read = 1, delivered = 1 } }
    }
  }
  reload "another schedule" {
    edit "main.hcl" {
      replace = "every 10m"
      with    = "every 1h"
    }
    expect {
      actions = { orders = "swap" }
    }
  }
  advance "another hour" {
    by = "1h"
    expect {
      runs = "map(runs, .started) == ['2024-07-01T12:00:00Z']"
    }
  }
}
test "a failure is tried again" {
  at = "2024-07-01T10:00:00Z"
  serve "ftp" "shop" {}
  serve "rest" "api" {
    on "POST /base/orders" {}
  }
  start "the server is away" {`+eightRows+`
    fault "ftp" "shop" {
      refuse_login = "530 Login incorrect."
    }
    expect {
      error = "530"
      runs  = "len(runs) == 1 and runs[0].outcome == 'failed'"
    }
  }
  advance "soon" {
    by = "4s"
    expect {
      runs = "len(runs) == 0"
    }
  }
  advance "later" {
    by = "2s"
    expect {
      ledger = { read = 8, delivered = 8 }
    }
  }
}
test "a run that waits moves the time" {
  at = "2024-07-01T10:00:00Z"
  serve "ftp" "shop" {}
  serve "rest" "api" {
    on "POST /base/orders" {
      times  = 1
      status = 503
      headers = { Retry-After = "20" }
    }
    on "POST /base/orders" {}
  }
  start "empty" {}
  run "waits" {
    file "/in/1.csv" {
      content = "id,amount\n1,10\n"
    }
    expect {
      requests = "map(api, .status) == [503, 200]"
      runs     = "runs[0].started == '2024-07-01T10:00:00Z' and runs[0].ended >= '2024-07-01T10:00:20Z' and runs[0].ended < '2024-07-01T10:01:00Z'"
    }
  }
}
`)
}

// A run that does not come to a commit is cancelled when the drain time is over, which
// virtual time comes to: what it did not deliver, the next one does.
func TestDrainTime(t *testing.T) {
	mustPass(t, servedShop, `
test "drain" {
  at    = "2024-07-01T10:00:00Z"
  batch = "1B"
  serve "ftp" "shop" {}
  serve "rest" "api" {
    on "POST /base/orders" {
      status  = "n == 1 ? 503 : 200"
      headers = { Retry-After = "100" }
    }
  }
  start "empty" {}
  reload "while a delivery is tried again" {`+eightRows+otherSink+`
    at = "before_delivery 2"
    expect {
      actions  = { orders = "restart" }
      error    = "context canceled"
      outcome  = "applied"
      runs     = "map(runs, .ended) == ['2024-07-01T10:01:00Z', '2024-07-01T10:01:30Z']"
      requests = "sort(uniq(map(flatten(map(api, .body.orders)), .id))) == ['1', '2', '3', '4', '5', '6', '7', '8']"
    }
  }
}
`)
}

// A source that cannot be opened as it is configured now keeps the old pipeline; it
// is tried again, by itself, a minute later.
func TestReloadThatFails(t *testing.T) {
	mustPass(t, servedShop, `
test "away" {`+small+`
  reload "the server is away" {
    edit "main.hcl" {
      replace = "/in/*.csv"
      with    = "/in/*.txt"
    }
    edit "main.hcl" {
      replace = "\"none\""
      with    = "\"none\"\n  timeout = \"20s\""
    }
    fault "ftp" "shop" {
      refuse_login = "530 Login incorrect."
    }
    expect {
      outcome = "rejected"
      actions = { orders = "restart failed" }
      error   = "cannot be opened"
    }
  }
  run "as it was" {`+eightRows+`
    expect {
      ledger = { read = 8 }
    }
  }
  advance "a minute" {
    by = "1m"
  }
  run "as it is" {
    file "/in/1.txt" {
      content = "id,amount\n1,10\n"
    }
    file "/in/2.csv" {
      content = "id,amount\n1,10\n"
    }
    expect {
      ledger = { orders = { read = 1 } }
      runs   = "runs[0].generation > 1"
    }
  }
}
`)
}

// A run that hangs is left behind after the drain time: the change is done without
// it, and what it does when it goes on counts for nothing.
func TestRunThatHangs(t *testing.T) {
	mustPass(t, servedShop, `
test "a change of something else" {`+small+`
  reload "a pipeline comes" {`+eightRows+`
    at    = "before_delivery 2"
    hangs = true
    write "more.hcl" {
      content = replace(regex("(?s)pipeline .*", file("main.hcl")), "pipeline \"orders\"", "pipeline \"more\"")
    }
    expect {
      actions  = { more = "add" }
      requests = "len(api) >= 4"
    }
  }
}
test "fenced" {`+small+`
  reload "while a delivery hangs" {`+eightRows+otherSink+`
    at    = "before_delivery 2"
    hangs = true
    expect {
      outcome  = "applied"
      actions  = { orders = "restart fenced" }
      ledger   = { orders = { read = 8, delivered = 8 } }
      verdict  = "verdict.seconds == 35 and verdict.actions[0].diagnostics[0].code == 'serve.fenced'"
      requests = "sort(uniq(map(flatten(map(api, .body.orders)), .id))) == ['1', '2', '3', '4', '5', '6', '7', '8']"
      runs     = "map(runs, .generation) == [2]"
    }
  }
  run "nothing is left" {
    expect {
      ledger   = { read = 0 }
      requests = "len(api) == 0"
    }
  }
}
`)
}
