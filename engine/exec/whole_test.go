package exec_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"weir/engine/state"
)

// wholeOrders makes groups of which none goes out without one of its rows.
const wholeOrders = source + `
  filter "seventh" {
    drop = "id % 7 == 3"
  }
  check "small" {
    rule "n" {
      that = "n != 4"
    }
  }
  group "order" {
    by        = ["int(key)"]
    within    = "WITHIN"
    on_reject = "group"
    fields    = { key = "first(rows).key", ids = "map(rows, .id)" }
  }
  sink "probe" "out" {
    rows = 2
  }
  commit {
    rows = COMMIT
  }`

// order is a row of a wholeOrders file and what is to become of it.
type orderRow struct {
	id       int
	key, n   string
	filtered bool
	refused  bool
	unplaced bool // and its key cannot be told
}

func drawOrders(t *rapid.T) (rows []orderRow) {
	n := rapid.IntRange(1, 60).Draw(t, "rows")
	key := 0
	for i := 1; i <= n; i++ {
		if rapid.IntRange(0, 2).Draw(t, "next") == 0 {
			key = rapid.IntRange(0, 5).Draw(t, "key")
		}
		r := orderRow{id: i, key: fmt.Sprint(key), n: "1", filtered: i%7 == 3}
		switch rapid.IntRange(0, 30).Draw(t, "fault") {
		case 0, 1:
			r.n, r.refused = "x", !r.filtered
		case 2, 3:
			r.n, r.refused = "4", !r.filtered
		case 4:
			r.key, r.refused = "K", !r.filtered
			r.unplaced = r.refused
		case 5:
			r.key, r.n = "K", "x"
			r.refused = !r.filtered
			r.unplaced = r.refused
		}
		rows = append(rows, r)
	}
	return rows
}

func orderFile(rows []orderRow) string {
	var sb strings.Builder
	sb.WriteString("id,key,n\n")
	for _, r := range rows {
		fmt.Fprintf(&sb, "%d,%s,%s\n", r.id, r.key, r.n)
	}
	return sb.String()
}

// wholeModel says what wholeOrders delivers of rows, and how many rows it refuses.
func wholeModel(rows []orderRow, within string) (out []string, refused int) {
	type group struct {
		key string
		ids []string
		bad bool
	}
	var groups []*group
	find := func(key string) *group {
		for _, g := range slices.Backward(groups) {
			if g.key == key {
				return g
			}
			if within == "adjacent" {
				break
			}
		}
		g := &group{key: key}
		groups = append(groups, g)
		return g
	}
	lost, spoilt := false, false
	for _, r := range rows {
		switch {
		case r.filtered:
			if r.n == "x" {
				refused++
			}
		case r.unplaced:
			refused++
			lost, spoilt = true, true
			if len(groups) > 0 {
				groups[len(groups)-1].bad = true
			}
		default:
			g := find(r.key)
			g.bad = g.bad || r.refused || lost
			lost = false
			if r.refused {
				refused++
			} else {
				g.ids = append(g.ids, fmt.Sprint(r.id))
			}
		}
	}
	for _, g := range groups {
		switch {
		case g.bad || spoilt && within == "object":
			refused += len(g.ids)
		case len(g.ids) > 0:
			out = append(out, fmt.Sprintf(`{"key":%q,"ids":[%s]}`, g.key, strings.Join(g.ids, ",")))
		}
	}
	return out, refused
}

// Of rows refused anywhere before a group, in lanes and between them, before commits
// and after a crash, none leaves half a group to be delivered (I3, I7).
func TestGroupsAreWholeOrNotAtAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "whole") //nolint:usetesting // a folder for each draw
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		within := rapid.SampledFrom([]string{"adjacent", "object"}).Draw(t, "within")
		commit := rapid.SampledFrom([]string{"1", "5", "1000"}).Draw(t, "commit")
		r := newRig(t, dir, strings.NewReplacer("WITHIN", within, "COMMIT", commit).Replace(wholeOrders))
		r.chunk = rapid.SampledFrom([]int{10, 40, 4000}).Draw(t, "chunk")
		rows := drawOrders(t)
		r.put("a.csv", orderFile(rows))
		if n := rapid.IntRange(0, 6).Draw(t, "killed at"); n > 0 {
			at := rapid.SampledFrom([]string{"committed", "delivered", "committing"}).Draw(t, "point")
			r.point = func(p string) {
				if p == at {
					if n--; n == 0 {
						panic(crash{p})
					}
				}
			}
			_, _ = r.run(t.Context())
			r.point = func(string) {}
		}
		r.done()
		want, refused := wholeModel(rows, within)
		got := r.probe.effects(t, "out")
		equal(t, "delivered", got, strings.Join(append(want, ""), "\n"))
		tot := r.totals()
		equal(t, "rejected", tot.Rejected, refused)
		equal(t, "held", tot.Held, 0)
		equal(t, "read", tot.Read, len(rows))
	})
}

// A row that is refused with its group says because of which row, and why that one was.
func TestGroupRefusalNamesTheRow(t *testing.T) {
	r := newRig(t, t.TempDir(), strings.NewReplacer("WITHIN", "object", "COMMIT", "1000").Replace(wholeOrders))
	r.put("a.csv", "id,key,n\n1,5,1\n2,6,1\n4,5,x\n5,5,2\n")
	equal(t, "counts", r.done().Counts, "read 4, delivered 1, rejected 3")
	equal(t, "delivered", r.probe.effects(t, "out"), `{"key":"6","ids":[2]}`+"\n")
	list := r.rejects()
	equal(t, "steps", steps(list), "row 3 decode.csv, row 1 group.order, row 4 group.order")
	for _, x := range list {
		if len(x.Groups) != 1 || x.Groups[0] != list[0].Groups[0] || x.Groups[0].Any() {
			t.Errorf("row %d is refused with %v, row 3 with %v", x.Row, x.Groups, list[0].Groups)
		}
	}
	equal(t, "reason", list[1].Reason, "row 3 of the same group by int(key) was refused ("+"decode.csv, n: "+list[0].Reason+"), and the group is taken whole or not at all")
	equal(t, "code", list[1].Code, "row.group_refused")
	equal(t, "text", string(list[1].Raw), "1,5,1")
}

func steps(list []state.Reject) string {
	var out []string
	for _, x := range list {
		out = append(out, fmt.Sprintf("row %d %s", x.Row, x.Step))
	}
	return strings.Join(out, ", ")
}

// A row that was taken for a repeat is judged again when the row that it repeats is
// refused with its group: it stays with that group, and does not become one of its own.
func TestRepeatsOfARefusedGroup(t *testing.T) {
	for _, within := range []string{"object", "adjacent"} {
		body := strings.Replace(strings.NewReplacer("WITHIN", within, "COMMIT", "1000").Replace(wholeOrders), "  group \"order\"", `  dedupe "same" {
    keys = { key = "key + '/' + string(n)" }
  }
  group "order"`, 1)
		r := newRig(t, t.TempDir(), body)
		r.put("a.csv", "id,key,n\n1,5,1\n2,5,1\n4,5,x\n5,5,2\n6,6,1\n7,7,1\n8,7,1\n9,5,3\n")
		tot := r.done().Counts
		want := `{"key":"6","ids":[6]}` + "\n" + `{"key":"7","ids":[7]}` + "\n"
		if within == "adjacent" { // another order, for all that is known
			want += `{"key":"5","ids":[9]}` + "\n"
		}
		equal(t, within+": delivered", r.probe.effects(t, "out"), want)
		for _, x := range r.rejects() {
			if x.Row == 2 && x.Code != "row.group_refused" || len(x.Groups) != 1 {
				t.Errorf("%s: row %d is refused as %s: %s", within, x.Row, x.Code, x.Reason)
			}
		}
		equal(t, within+": deduplicated", tot.Deduplicated, 1)
		equal(t, within+": read", tot.Read, 8)
	}
}
