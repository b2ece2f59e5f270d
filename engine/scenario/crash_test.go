package scenario

import (
	"fmt"
	"strings"
	"testing"
)

// I7: wherever a run crashes, the next one delivers what is missing, what it
// repeats has its key, and the counts of both make up the whole.
func TestCrashAtEveryPoint(t *testing.T) {
	var tests strings.Builder
	for _, tc := range []struct {
		at                 string
		sent, counted      int // rows sent and committed before the crash
		repeated, readNext int
	}{
		{"after_fetch", 0, 0, 0, 3},
		{"before_delivery", 0, 0, 0, 3},
		{"after_delivery", 2, 0, 2, 3},
		{"before_delivery 2", 2, 0, 2, 3},
		{"after_delivery 2", 3, 0, 3, 3},
		{"before_commit", 3, 0, 3, 3},
		{"after_commit", 3, 3, 0, 0},
		{"after_archive", 3, 3, 0, 0},
	} {
		fmt.Fprintf(&tests, `
test %[1]q {
  serve "ftp" "shop" {
    file "/in/1.csv" {
      content = "id,amount\n1,10\n2,20\n3,30\n"
    }
  }
  serve "rest" "api" {
    on "POST /base/orders" {}
  }
  run "crashes" {
    crash_at = %[1]q
    expect {
      requests = "sum(api, len(.body.orders)) == %[2]d"
      ledger   = { read = %[3]d, delivered = %[3]d }
    }
  }
  run "goes on" {
    expect {
      requests = [
        "sum(history.api, len(.body.orders)) == 3 + %[4]d",
        "len(uniq(map(history.api, .headers['Idempotency-Key']))) == 2",
        "len(uniq(map(history.api, .text))) == 2",
      ]
      ledger = { read = %[5]d, delivered = %[5]d }
    }
  }
  run "has nothing left" {
    expect {
      ledger = { read = 0 }
    }
  }
}
`, tc.at, tc.sent, tc.counted, tc.repeated, tc.readNext)
	}
	mustPass(t, shop, tests.String()) // with now() among the fields: it is the same when rows are sent again
}

func TestCrashThatDoesNotHappen(t *testing.T) {
	write(t, shop, `
test "nothing to deliver" {
  serve "ftp" "shop" {}
  serve "rest" "api" {}
  run "once" {
    crash_at = "after_delivery"
  }
}
`)
	rs, _ := results(t, Options{})
	if got := printed(t, rs); !strings.Contains(got, `shop.test.hcl:6:16: Run "once" did not come to after_delivery [test.no_crash]`) {
		t.Errorf("%s", got)
	}
}
