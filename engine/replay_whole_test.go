package engine_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A row that was refused and those that were refused because of it are replayed
// together, whichever of them is named and however far each had come: no half
// group goes out, and the whole one does so once, in the order of its rows.
func TestReplayOfWholeGroups(t *testing.T) {
	for within, later := range map[string]string{"object": "c,1\na,5\n", "adjacent": "a,5\nc,1\n"} {
		for _, before := range []string{"", "dedupe \"d\" {\nkeys = { key = \"id + string(n ?? 0)\" }\n}\n"} {
			check := func(that string) string {
				return "check \"c\" {\nrule \"n\" {\nthat = \"(n ?? 0) " + that + "\"\n}\n}\n"
			}
			group := before + "group \"g\" {\nby = [\"id\"]\nwithin = \"" + within + "\"\non_reject = \"group\"\nfields = {\nid = \"first(rows).id\"\nn = \"join(map(rows, string(.n ?? 0)), ' ')\"\n}\n}\n" +
				"sink \"box\" \"out\" {\nname = \"out\"\n}\n"
			r := newReplay(t, replayCase{steps: check("!= 7") + group, data: "id,n\nb,2\nb,7\nb,4\na,1\na,7\n" + later})
			slices.Sort(r.box.rows)
			if d := cmp.Diff([]string{`out {"id":"c","n":"1"}`}, r.box.rows); d != "" {
				t.Fatalf("%s: the run delivered (-want +got):\n%s", within, d)
			}
			ids, totals := r.letters()
			if len(ids) != 6 || totals.Delivered != 1 {
				t.Fatalf("%s: letters %d, %s", within, ids, totals.Counts)
			}
			r.box.rows = nil
			for _, id := range ids { // whichever is named, nothing goes out
				p := r.replay([]uint64{id}, nil)
				if p.Err != nil || p.Ledger.Delivered != 0 || p.Ledger.Read != p.Ledger.Rejected || p.Ledger.Read != 3 && p.Ledger.Read != 0 {
					t.Errorf("%s: replayed %d: %+v, %v", within, id, p.Ledger, p.Err)
				}
			}
			ids, _ = r.letters()
			r.plan(check("!= 8") + group)
			p := r.replay(ids[:1], nil)
			if p.Err != nil || p.Ledger.Read != 3 || p.Ledger.Delivered != 1 || p.Ledger.Grouped != 2 || len(p.Notices) != 1 || p.Notices[0].Code != "run.replayed_together" {
				t.Errorf("%s: replayed %d: %+v, %v, %v", within, ids[0], p.Ledger, p.Notices, p.Err)
			}
			r.replay(ids, nil)
			slices.Sort(r.box.rows)
			if d := cmp.Diff([]string{`out {"id":"a","n":"1 7 5"}`, `out {"id":"b","n":"2 7 4"}`}, r.box.rows); d != "" {
				t.Errorf("%s: the replays delivered (-want +got):\n%s", within, d)
			}
			if left, totals := r.letters(); len(left) != 0 || totals.Rejected != 0 || totals.Read != 7 || totals.Grouped != 4 {
				t.Errorf("%s: letters %d are left, totals %s", within, left, totals.Counts)
			}
		}
	}
}

// Who discards a row that cannot be mended lets the rest of its group go without it.
func TestReplayWithoutADiscardedRow(t *testing.T) {
	r := newReplay(t, replayCase{data: "id,n\na,1\na,x\na,3\n", steps: "group \"g\" {\nby = [\"id\"]\non_reject = \"group\"\nfields = {\nid = \"first(rows).id\"\nn = \"sum(rows, .n ?? 0)\"\n}\n}\n" +
		"sink \"box\" \"out\" {\nname = \"out\"\n}\n"})
	ids, _ := r.letters()
	if len(ids) != 3 || len(r.box.rows) != 0 {
		t.Fatal(ids, r.box.rows)
	}
	r.discard(ids[0])
	p := r.replay(ids[1:2], nil)
	if d := cmp.Diff([]string{`out {"id":"a","n":4}`}, r.box.rows); d != "" || p.Err != nil {
		t.Errorf("%v, delivered (-want +got):\n%s", p.Err, d)
	}
}
