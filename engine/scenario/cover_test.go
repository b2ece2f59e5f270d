package scenario

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func coverage(t *testing.T, c *Cover) string {
	t.Helper()
	var sb strings.Builder
	if err := c.Text(&sb); err != nil {
		t.Fatal(err)
	}
	return sb.String()
}

const coverConfig = `
connection "ftp" "shop" {
  host = "ftp.example.com"
}
connection "rest" "api" {
  url = "https://api.example.com"
}
pipeline "orders" {
  source "ftp" "files" {
    connection = connection.ftp.shop
    path       = "/in/*.csv"
  }
  decode "csv" {
    columns = { id = "text", amount = "int required", country = "text" }
  }
  map "line" {
    fields = {
      id     = "id"
      amount = "amount"
      size   = "amount > 100 ? 'large' : amount > 10 ? 'medium' : 'small'"
      tags   = "map([1, 2], # > 1 ? 'a' : 'b')"
      unused = "upper(country)"
    }
  }
  filter "small" {
    drop = "size == 'small'"
  }
  map "abroad" {
    when   = "len(id) > 3"
    fields = {
      id = "'x' + id"
    }
  }
  map "home" {
    from      = filter.small
    otherwise = true
    fields = {
      id = "id"
    }
  }
  group "all" {
    from   = map.home
    by     = ["id"]
    fields = {
      id = "len(rows) > 1 ? 'many' : 'one'"
    }
  }
  sink "rest" "home" {
    connection = connection.rest.api
    path       = "/home"
    body       = "rows"
  }
  sink "rest" "abroad" {
    from       = map.abroad
    connection = connection.rest.api
    path       = "/abroad"
    body       = "rows"
  }
}
`

func TestCover(t *testing.T) {
	write(t, coverConfig, `
test "one" {
  serve "ftp" "shop" {
    file "/in/1.csv" {
      content = "id,amount,country\n1,50,nl\n2,200,nl\n"
    }
  }
  serve "rest" "api" {
    on "* /*" {}
  }
  run "once" {}
}
test "two" {
  serve "ftp" "shop" {
    file "/in/1.csv" {
      content = "id,amount,country\n1,5,nl\nabcd,60,nl\n"
    }
  }
  serve "rest" "api" {
    on "* /*" {}
  }
  run "once" {}
}
`)
	rs, c := results(t, Options{Cover: true, Match: regexp.MustCompile("one")})
	for _, r := range rs {
		if !r.Passed() {
			t.Fatalf("%s", printed(t, rs))
		}
	}
	want := `coverage: 5 of 9 mapping lines, 0 of 1 filters, 4 of 7 branches
  main.hcl:19: map.line: the line is never evaluated: amount
  main.hcl:20: map.line: the branch is never taken: 'small'
  main.hcl:21: map.line: the line is never evaluated: map([1, 2], # > 1 ? 'a' : 'b')
  main.hcl:22: map.line: the line is never evaluated: upper(country)
  main.hcl:26: filter.small: the condition is never true: size == 'small'
  main.hcl:29: map.abroad: the condition is never true: len(id) > 3
  main.hcl:31: map.abroad: the line is never evaluated: 'x' + id
  main.hcl:45: group.all: the branch is never taken: 'many'
`
	if d := cmp.Diff(want, coverage(t, c)); d != "" {
		t.Error(d)
	}
	_, c = results(t, Options{Cover: true})
	want = `coverage: 6 of 9 mapping lines, 1 of 1 filters, 6 of 7 branches
  main.hcl:19: map.line: the line is never evaluated: amount
  main.hcl:21: map.line: the line is never evaluated: map([1, 2], # > 1 ? 'a' : 'b')
  main.hcl:22: map.line: the line is never evaluated: upper(country)
  main.hcl:45: group.all: the branch is never taken: 'many'
`
	if d := cmp.Diff(want, coverage(t, c)); d != "" {
		t.Error(d)
	}
}
