package scenario

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFailuresSayWhy(t *testing.T) {
	write(t, shop, `
test "passes" {`+servers+`
  run "once" {
    expect {
      requests = "len(api) == 1 and api[0].status == 200 and api[0].body.orders[0].at == '2024-07-01T10:00:30Z'"
      ledger   = { read = 3, delivered = 2, "filtered.no_id" = 1 }
      files    = "shop['/in/1.csv'].size == 27 and folders.shop == ['/in']"
    }
  }
}

test "requests" {`+servers+`
  run "once" {
    expect {
      requests = "api[0].method == 'POST' and api[0].body.orders[1].size == 'medium'"
    }
  }
}

test "ledger" {`+servers+`
  run "once" {
    expect {
      ledger = { read = 3, delivered = 3, filtered = 0 }
    }
  }
}

test "deep" {`+servers+`
  run "once" {
    expect {
      requests = "api[0].body == {orders: [{id: '1', amount: 10, size: 'small', at: '2024-07-01T10:00:30Z'}, {id: '2', amount: 250, size: 'large', at: '2024-07-01T10:00:30Z'}]}"
    }
  }
}

test "no error" {`+servers+`
  run "once" {
    expect {
      error = "login"
    }
  }
  run "not reached" {}
}
`)
	rs, _ := results(t, Options{})
	want := strings.TrimPrefix(`
--- PASS: passes (TIME)
--- FAIL: requests (TIME)
    shop.test.hcl:39:47: Run "once": requests does not hold [test.expectation]
       39 |       requests = "api[0].method == 'POST' and api[0].body.orders[1].size == 'medium'"
          |                                               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        got      "large"
        expected "medium"
        api got 1 request:
          0. POST /base/orders -> 200
             {
               "orders": [
                 {
                   "amount": 10,
                   "at": "2024-07-01T10:00:30Z",
                   "id": "1",
                   "size": "small"
                 },
                 {
                   "amount": 250.5,
                   "at": "2024-07-01T10:00:30Z",
                   "id": "2",
                   "size": "large"
                 }
               ]
             }
--- FAIL: ledger (TIME)
    shop.test.hcl:59:16: Run "once": the ledger differs [test.ledger]
       59 |       ledger = { read = 3, delivered = 3, filtered = 0 }
          |                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        delivered: expected 3, got 2
        filtered: expected 0, got 1
        the whole ledger: read 3, delivered 2, filtered 1, filtered.no_id 1
--- FAIL: deep (TIME)
`, "\n")
	got := printed(t, rs)
	if !strings.HasPrefix(got, want) {
		t.Errorf("%s", cmp.Diff(want, got))
	}
	for _, part := range []string{
		"        difference (- expected, + got):\n", "\n          -       \"amount\": 250,\n          +       \"amount\": 250.5,\n",
		"--- FAIL: no error (TIME)\n    shop.test.hcl:99:15: Run \"once\" succeeded [test.error]\n",
		"FAIL\tshop.test.hcl\t5 tests, 4 failed\tTIME\nFAIL\n",
	} {
		if !strings.Contains(got, part) {
			t.Errorf("%q is missing in\n%s", part, got)
		}
	}
	if strings.Contains(got, "not reached") {
		t.Errorf("a run after one that failed was started:\n%s", got)
	}
}

// The answers of a server depend on the request and on what it answered before;
// times out of the reach of the test pass in virtual time.
func TestRoutesAndFaults(t *testing.T) {
	mustPass(t, shop, `
test "retries" {
  serve "ftp" "shop" {
    file "/in/1.csv" {
      content = "id,amount\n1,10\n2,20\n3,30\n"
    }
  }
  serve "rest" "api" {
    on "POST /base/orders" {
      status  = 503
      headers = { "Retry-After" = "60" }
      times   = 1
    }
    on "POST /base/orders" {
      status = "n == 1 ? 201 : 200"
      body   = "{seen: n, first: request.body.orders[0].id, key: request.headers['Idempotency-Key']}"
      delay  = "1m"
    }
  }
  run "first" {
    expect {
      requests = [
        "map(api, .status) == [503, 200, 201]",
        "api[0].headers['Idempotency-Key'] == api[1].headers['Idempotency-Key']",
      ]
      ledger = { delivered = 3 }
    }
  }
  run "a lost answer" {
    advance = "1d"
    file "/in/2.csv" {
      content = "id,amount\n4,40\n"
    }
    fault "rest" "api" {
      lose = true
    }
    expect {
      requests = "len(api) == 2 and len(history.api) == 5 and api[0].body == api[1].body"
      ledger   = { delivered = 1 }
    }
  }
  run "a file cut short" {
    file "/in/3.csv" {
      content = join("", concat(["id,amount\n"], [for i in range(100) : "${i},1\n"]))
    }
    fault "ftp" "shop" {
      refuse_login = "530 Not today."
    }
    expect {
      error    = "Not today"
      requests = "len(api) == 0"
    }
  }
  run "the fault is over" {
    remove "/in/1.csv" {}
    expect {
      ledger = { orders = { read = 100, delivered = 100 } }
      files  = "keys(shop) | sort() == ['/in/2.csv', '/in/3.csv']"
    }
  }
}
`)
}

func TestSFTPAndTLS(t *testing.T) {
	config := strings.ReplaceAll(strings.Replace(shop, "  tls      = \"none\"\n", "", 1), "ftp", "sftp")
	tests := strings.ReplaceAll(servers, `"ftp"`, `"sftp"`)
	mustPass(t, config, `
test "sftp and https" {`+strings.Replace(tests, `serve "rest" "api" {`, `serve "rest" "api" {
    tls = true`, 1)+`
  run "once" {
    expect {
      ledger   = { read = 3, delivered = 2 }
      requests = "api[0].path == '/base/orders'"
    }
  }
}
`)
}

func TestRejectsAndNotices(t *testing.T) {
	mustPass(t, shop, `
test "bad rows" {`+servers+`
  run "once" {
    file "/in/1.csv" {
      content = "id,amount,extra\n1,10,x\n2,many,y\n"
    }
    expect {
      ledger  = { read = 2, delivered = 1, rejected = 1 }
      rejects = "len(rejects) == 1 and rejects[0].row == 2 and rejects[0].raw contains 'many' and rejects[0].pipeline == 'orders'"
      notices = "len(notices) == 2 and notices[0].summary contains 'extra' and notices[1].code == 'row.bad_value'"
    }
  }
  run "only its own rejects" {
    file "/in/2.csv" {
      content = "id,amount\n3,few\n"
    }
    expect {
      rejects = "map(rejects, .raw) == ['3,few']"
    }
  }
}
`)
}

// A secret that turns up is found although no expectation asks for it (I9).
func TestSecretIsFound(t *testing.T) {
	write(t, shop, `
test "a server that says the password" {`+servers+`
  run "once" {
    fault "ftp" "shop" {
      refuse_login = "530 I will not take hunter2hunter2."
    }
    expect {
      error = "will not take"
    }
  }
}
`)
	rs, _ := results(t, Options{})
	got := printed(t, rs)
	if !strings.Contains(got, "[test.secret]") || strings.Contains(got, "I will not take hunter2") {
		t.Errorf("%s", got)
	}
}
