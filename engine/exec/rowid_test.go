package exec_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
)

// rowIDs gives each row an id.
const rowIDs = source + `
  map "m" {
    fields = {
      id   = "id"
      row  = "uuid()"
      more = "uuid('more')"
    }
  }
  sink "probe" "out" {
    rows = 3
  }
  commit {
    rows = 5
  }`

// sentIDs returns the ids of the rows that a sink was given, by the id of the row.
func sentIDs(t *testing.T, r *rig, sink string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for line := range strings.Lines(r.probe.effects(t, sink)) {
		var row struct {
			ID        json.Number
			Row, More string
		}
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatal(err)
		}
		if row.Row == row.More {
			t.Errorf("a label makes no other id: %s", line)
		}
		out[row.ID.String()] = row.Row
	}
	return out
}

// I7: every row of every object has an id of its own, in whatever batch or run it is
// delivered, and whenever the process is killed.
func TestRowIDsAreTheSameAgain(t *testing.T) {
	dir, first := t.TempDir(), map[string]string{}
	for kill := range 12 {
		r := newRig(t, dir, rowIDs)
		if kill == 0 {
			r.put("a.csv", csvRows(0, 20))
			r.put("b.csv", csvRows(20, 40))
		}
		n := kill
		r.point = func(p string) {
			if p == "delivered" {
				if n--; n == 0 {
					panic(crash{p})
				}
			}
		}
		_, _ = r.run(t.Context())
		r.clock.now = r.clock.now.Add(time.Hour)
		for id, row := range sentIDs(t, r, "out") {
			if before, ok := first[id]; ok && before != row {
				t.Errorf("row %s had %s and has %s", id, before, row)
			}
			first[id] = row
		}
	}
	var all []string
	for _, row := range first {
		all = append(all, row)
	}
	slices.Sort(all)
	if n := len(slices.Compact(all)); n != 40 || len(first) != 40 {
		t.Errorf("%d rows have %d ids", len(first), n)
	}
}

// A row that is refused with its group is told by its key, which may be made of now() and
// uuid(): both are what they were for the rows of its object that were taken.
func TestKeysOfTheMomentAreFollowed(t *testing.T) {
	r := newRig(t, t.TempDir(), source+`
  map "m" {
    fields = {
      id  = "id"
      key = "string(now()) + (id < 4 ? uuid('a')[0:0] : uuid())"
    }
  }
  check "small" {
    rule "n" {
      that = "id != 2"
    }
  }
  group "order" {
    by        = ["key"]
    within    = "object"
    on_reject = "group"
    fields    = { ids = "map(rows, .id)" }
  }
  sink "probe" "out" {
    rows = 2
  }`)
	r.clock.step = time.Second // now() would be another time if it were asked again
	r.put("a.csv", "id,key,n\n1,x,1\n2,x,1\n3,x,1\n4,x,1\n5,x,1\n")
	equal(t, "counts", r.done().Counts, "read 5, delivered 2, rejected 3")
	equal(t, "delivered", r.probe.effects(t, "out"), `{"ids":[4]}`+"\n"+`{"ids":[5]}`+"\n")
	equal(t, "steps", steps(r.rejects()), "row 2 check.small, row 1 group.order, row 3 group.order")
}
