package exec_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"weir/engine/state"
)

// refusing are pipelines in which rows are refused behind a dedupe step: those whose
// number is 10 or 20, wherever that is told.
var refusing = map[string]string{
	"check": `
  check "c" {
    rule "r" {
      that    = "id != 10 and id != 20"
      message = "not {id}"
    }
  }
  sink "probe" "out" {
    rows = 3
  }`,
	"map": `
  map "m" {
    fields = {
      id  = "id == 10 or id == 20 ? int(key) : id"
      key = "key"
      n   = "n"
    }
  }
  sink "probe" "out" {
    rows = 3
  }`,
	"sink": `
  sink "probe" "out" {
    rows = 3
  }`,
	"whole batches": `
  sink "probe" "out" {
  }`,
	"parallel": `
  sink "probe" "out" {
    rows     = 1
    parallel = 3
    order    = "key"
  }`,
	"another dedupe": `
  dedupe "e" {
    keys = {
      id = "id == 10 or id == 20 ? '' : string(id)"
    }
  }
  sink "probe" "out" {
    rows = 3
  }`,
	"a piece": `
  expand "x" {
    rows   = "1..2"
    fields = {
      id   = "id"
      key  = "key"
      n    = "n"
      part = "item"
    }
  }
  check "c" {
    rule "r" {
      that    = "part == 1 or id != 10 and id != 20"
      message = "not {id}"
    }
  }
  filter "f" {
    keep = "part == 2"
  }
  sink "probe" "out" {
    rows = 3
  }`,
	"one of two ways": `
  filter "l" {
    from = dedupe.d
    drop = "true"
  }
  check "r" {
    from = dedupe.d
    rule "r" {
      that    = "id != 10 and id != 20"
      message = "not {id}"
    }
  }
  sink "probe" "out" {
    from = [filter.l, check.r]
    rows = 3
  }`,
}

// remembering are dedupe steps, by keep, in front of those.
var remembering = map[string]string{
	"first":            "keys = { key = \"key\" }",
	"first, told":      "keys = { key = \"key\" }\n trace = true",
	"changed":          "keys = { key = \"key\" }\n keep = \"changed\"\n fields = [\"n\"]",
	"first, two keys":  "keys = {\n key = \"key\"\n n = \"key + '-' + string(n)\"\n }",
	"changed, two":     "keys = {\n key = \"key\"\n n = \"key + '-' + string(n)\"\n }\n keep = \"changed\"\n fields = [\"n\"]",
	"first, an entity": "entity = entity.e\n keys = { key = \"key\" }",
	"changed, entity":  "entity = entity.e\n keys = { key = \"key\" }\n keep = \"changed\"\n fields = [\"n\"]",
}

func refuses(row string) bool {
	return strings.Contains(row, `"id":10,`) || strings.Contains(row, `"id":20,`)
}

// TestRefusedLeavesNoTrace: a row that was refused, whoever refused it, is no reason to drop
// the next row of its entity: in the same batch, in a later one, behind a commit, in a later
// file. What was delivered is.
func TestRefusedLeavesNoTrace(t *testing.T) {
	for who, tail := range refusing {
		for kept, dedupe := range remembering {
			for chunk := range map[int]bool{8: true, 4000: true} {
				for _, commit := range []int{1, 1000} {
					t.Run(fmt.Sprintf("%s/%s/%d/%d", who, kept, chunk, commit), func(t *testing.T) {
						r := newRig(t, t.TempDir(), fmt.Sprintf("%s dedupe \"d\" {\n %s\n}\n%s\n commit {\n rows = %d\n }", source, dedupe, tail, commit))
						r.chunk = chunk
						r.probe.refuse = refuses
						r.put("a.csv", "id,key,n\n10,a,1\n20,b,1\n11,a,1\n12,a,1\n1,c,1\n")
						rep := r.done()
						got := ids(r.probe.effects(t, "out"))
						slices.Sort(got)
						equal(t, "rows of the first file", got, "[1 11]")
						equal(t, "rejected", rep.Counts.Rejected, 2)
						r.put("b.csv", "id,key,n\n21,b,1\n2,c,1\n13,a,1\n22,b,1\n")
						r.done()
						got = ids(r.probe.effects(t, "out"))
						slices.Sort(got)
						equal(t, "rows of both", got, "[1 11 21]")
						r.totals()
					})
				}
			}
		}
	}
}

// TestRefusedGroup: rows of a group that was refused are no reason to drop later ones.
func TestRefusedGroup(t *testing.T) {
	for _, within := range []string{"object", "adjacent"} {
		for _, commit := range []int{1, 1000} {
			t.Run(fmt.Sprint(within, commit), func(t *testing.T) {
				r := newRig(t, t.TempDir(), fmt.Sprintf(`%s
  dedupe "d" {
    keys = {
      key = "key"
    }
  }
  group "g" {
    by     = ["n"]
    within = %q
    fields = {
      id   = "any(rows, .id == 10) ? int(first(rows).key) : first(rows).id"
      keys = "join(map(rows, .key), '')"
    }
  }
  sink "probe" "out" {
    rows = 3
  }
  commit {
    rows = %d
  }`, source, within, commit))
				r.chunk = 8
				r.put("a.csv", "id,key,n\n1,a,1\n2,b,1\n3,c,2\n10,d,2\n4,e,2\n5,f,3\n")
				r.done()
				equal(t, "first", r.probe.effects(t, "out"), "{\"id\":1,\"keys\":\"ab\"}\n{\"id\":5,\"keys\":\"f\"}\n")
				r.put("b.csv", "id,key,n\n13,c,2\n14,d,2\n15,e,2\n16,f,2\n17,a,2\n")
				r.done()
				equal(t, "then", r.probe.effects(t, "out"), "{\"id\":1,\"keys\":\"ab\"}\n{\"id\":5,\"keys\":\"f\"}\n{\"id\":13,\"keys\":\"cde\"}\n")
				r.totals()
			})
		}
	}
}

// TestRefusedGroupAfterCrash: what rows of an unfinished group did is taken back also by a run
// after the one that read them.
func TestRefusedGroupAfterCrash(t *testing.T) {
	for kill := 1; kill <= 6; kill++ {
		t.Run(fmt.Sprint(kill), func(t *testing.T) {
			r := newRig(t, t.TempDir(), source+`
  dedupe "d" {
    keys = {
      key = "key"
    }
  }
  group "g" {
    by     = ["n"]
    within = "adjacent"
    fields = {
      id   = "any(rows, .id == 10) ? int(first(rows).key) : first(rows).id"
      keys = "join(map(rows, .key), '')"
    }
  }
  sink "probe" "out" {
    rows = 3
  }
  commit {
    rows = 1
  }`)
			r.chunk = 8
			r.put("a.csv", "id,key,n\n1,a,1\n2,b,1\n3,c,2\n9,c,2\n4,e,2\n10,d,2\n5,f,3\n")
			left := kill
			r.point = func(p string) {
				if p != "committed" {
					return
				}
				if left--; left == 0 {
					panic(crash{p})
				}
			}
			r.fails("killed at committed")
			r.point = func(string) {}
			r.done()
			// The second row of c was dropped because of the first, which was refused with its group.
			equal(t, "first", r.probe.effects(t, "out"), "{\"id\":1,\"keys\":\"ab\"}\n{\"id\":5,\"keys\":\"f\"}\n{\"id\":9,\"keys\":\"c\"}\n")
			r.put("b.csv", "id,key,n\n13,c,2\n14,d,2\n15,e,2\n16,f,2\n17,a,2\n")
			r.done()
			got := r.probe.effects(t, "out")
			equal(t, "then", got[strings.LastIndex(strings.TrimSuffix(got, "\n"), "\n")+1:], "{\"id\":14,\"keys\":\"de\"}\n")
			r.totals()
		})
	}
}

// TestRefusedLast: with keep = "last" a refused row is not what is known of its entity.
func TestRefusedLast(t *testing.T) {
	r := newRig(t, t.TempDir(), source+`
  dedupe "d" {
    keys = {
      key = "key"
    }
    keep = "last"
  }
  map "m" {
    fields = {
      id    = "id"
      known = "dedupe.known"
    }
  }
  sink "probe" "out" {
    rows = 3
  }`)
	r.probe.refuse = refuses
	r.put("a.csv", "id,key,n\n9,a,1\n10,a,1\n1,b,1\n")
	r.done()
	r.put("b.csv", "id,key,n\n11,a,1\n2,b,1\n")
	r.done()
	equal(t, "rows", r.probe.effects(t, "out"), "{\"id\":1,\"known\":false}\n{\"id\":11,\"known\":false}\n{\"id\":2,\"known\":true}\n")
}

// TestPropertyRefused: of each entity exactly those rows are delivered that would be if no
// refused row had ever been there. With keep = "changed" a row that is the same as one that
// was refused may be overtaken by one that is newer; what the receiver has of the entity in the
// end is right all the same.
func TestPropertyRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kept := rapid.SampledFrom([]string{"first", "changed", "first, two keys", "changed, two", "first, an entity", "changed, entity"}).Draw(t, "dedupe")
		who := rapid.SampledFrom([]string{"check", "map", "sink", "whole batches", "another dedupe", "parallel"}).Draw(t, "who")
		refused := map[int]bool{}
		var list []string
		for _, i := range rapid.SliceOfN(rapid.IntRange(0, 59), 0, 25).Draw(t, "refused") {
			refused[i] = true
			list = append(list, fmt.Sprint("id == ", i))
		}
		tail := refusing[who]
		if len(list) == 0 {
			list = []string{"false"}
		}
		cond := "(" + strings.Join(list, " or ") + ")"
		tail = strings.ReplaceAll(tail, "id != 10 and id != 20", "not "+cond)
		tail = strings.ReplaceAll(tail, "id == 10 or id == 20", cond)
		r := newRig(t, tempDir(t), fmt.Sprintf("%s dedupe \"d\" {\n %s\n}\n%s\n commit {\n rows = %d\n }", source, remembering[kept], tail, rapid.IntRange(1, 30).Draw(t, "commit")))
		if tail == refusing[who] && who != "another dedupe" {
			r.probe.refuse = func(row string) bool {
				_, id, _ := strings.Cut(row, `"id":`)
				id, _, _ = strings.Cut(id, ",")
				n, err := strconv.Atoi(id)
				return err == nil && refused[n]
			}
		}
		r.chunk = rapid.IntRange(8, 200).Draw(t, "chunk")
		changed := strings.HasPrefix(kept, "changed")
		want, last := map[string][]int{}, map[string]int{}
		id := 0
		for f := range rapid.IntRange(1, 3).Draw(t, "files") {
			text := "id,key,n\n"
			for range rapid.IntRange(0, 20).Draw(t, "rows") {
				key, n := fmt.Sprint("k", rapid.IntRange(0, 3).Draw(t, "key")), rapid.IntRange(0, 1).Draw(t, "n")
				text += fmt.Sprintf("%d,%s,%d\n", id, key, n)
				if before, ok := last[key]; !refused[id] && (!ok || changed && before != n) {
					want[key], last[key] = append(want[key], id), n
				}
				id++
			}
			r.put(fmt.Sprintf("f%d.csv", f), text)
		}
		if rapid.Bool().Draw(t, "disturbed") {
			disturb(t, r)
		} else {
			r.done()
		}
		r.totals()
		got, has := map[string][]int{}, map[string]int{}
		for line := range strings.Lines(r.probe.effects(t, "out")) {
			var row struct {
				ID, N int
				Key   string
			}
			if err := json.Unmarshal([]byte(line), &row); err != nil {
				t.Fatal(line, err)
			}
			got[row.Key], has[row.Key] = append(got[row.Key], row.ID), row.N
		}
		if !changed && fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("rows delivered: %v, want %v", got, want)
		}
		if fmt.Sprint(has) != fmt.Sprint(last) {
			t.Fatalf("in the end the receiver has %v, want %v", has, last)
		}
	})
}

// TestManyDropped: rows that are kept in case they are judged again do not grow without a
// bound: a commit settles what became of the row because of which they were dropped, and where
// no commit is possible the window ends without one.
func TestManyDropped(t *testing.T) {
	const n = 120_000
	for name, steps := range map[string]string{
		"a commit": "",
		// It remembers more of the object than a commit keeps.
		"no commit": "check \"u\" {\n unique = [\"id\"]\n}\n",
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, t.TempDir(), source+steps+`
  dedupe "d" {
    keys = {
      key = "key"
    }
  }
  sink "probe" "out" {
    rows = 10
  }
  commit {
    rows  = 10000000
    every = "1h"
  }`)
			r.chunk = 1 << 16
			r.probe.refuse = refuses
			var sb strings.Builder
			sb.WriteString("id,key,n\n10,a,1\n20,a,1\n")
			for i := range n {
				fmt.Fprintf(&sb, "%d,a,1\n", 100+i)
			}
			r.put("a.csv", sb.String())
			commits := 0
			r.committed = func(state.Counts, time.Duration) { commits++ }
			rep := r.done()
			equal(t, "rows", ids(r.probe.effects(t, "out")), "[100]")
			equal(t, "counts", rep.Counts, fmt.Sprintf("read %d, delivered 1, deduplicated %d, rejected 2", n+2, n-1))
			if commits < 2 {
				t.Errorf("%d commits", commits)
			}
		})
	}
}
