package rest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"weir/engine/plugin"
	"weir/engine/testkit/restserver"
)

// receiver refuses the rows named in bad, and remembers what it took and how often.
type receiver struct {
	bad       []string
	keepsGood bool                           // whether a refused request keeps its good rows
	item      func(place int, id string) any // how a refusal is told; nil leaves the row unnamed
	status    int
	taken     map[string]int
	keys      map[string]string // rows of each key seen
	clash     string
}

func (r *receiver) handle(req *restserver.Request) restserver.Reply {
	got := ids(req)
	key := req.Header.Get("Idempotency-Key")
	if prev, ok := r.keys[key]; ok && prev != strings.Join(got, ",") {
		r.clash = fmt.Sprintf("key %s came with %v and with %s", key, got, prev)
	}
	r.keys[key] = strings.Join(got, ",")
	var errs []any
	var good []string
	for i, id := range got {
		switch {
		case !slices.Contains(r.bad, id):
			good = append(good, id)
		case r.item != nil:
			errs = append(errs, r.item(i, id))
		default:
			errs = append(errs, "something is wrong")
		}
	}
	if len(errs) == 0 || r.keepsGood {
		for _, id := range good {
			r.taken[id]++
		}
	}
	if len(errs) == 0 {
		return restserver.Reply{JSON: map[string]any{"success": true, "processed": len(got)}}
	}
	processed := 0
	if r.keepsGood {
		processed = len(good)
	}
	return restserver.Reply{Status: r.status, JSON: map[string]any{"success": false, "errors": errs, "processed": processed}}
}

const rejectErrors = "reply {\n ok = \"status == 200\"\n reject = \"status == 400 or status == 200 ? body?.errors ?? [] : []\"\n %s\n}"

func run(t *testing.T, r *receiver, option string, n int) ([]int, []plugin.Rejected, *restserver.Server, error) {
	t.Helper()
	r.taken, r.keys = map[string]int{}, map[string]string{}
	if r.status == 0 {
		r.status = 400
	}
	srv := server(t, restserver.Options{})
	srv.Otherwise(r.handle)
	w := open(t, srv, newHost(), "", fmt.Sprintf(rejectErrors, option), people(1).Schema)
	rejected, err := deliver(t, w, people(n))
	var rows []int
	for _, x := range rejected {
		rows = append(rows, x.Row)
	}
	slices.Sort(rows)
	if r.clash != "" {
		t.Error(r.clash)
	}
	return rows, rejected, srv, err
}

func TestRefusedRows(t *testing.T) {
	index := func(i int, id string) any {
		return map[string]any{"event": i, "message": "bad " + id, "code": "E7"}
	}
	for _, tc := range []struct {
		name     string
		r        receiver
		option   string
		rows     []int
		reason   string // of the first
		requests int
		twice    bool // whether good rows reach the receiver twice
	}{
		{"numbers; good rows are not kept", receiver{bad: []string{"r1", "r3"}, item: func(i int, _ string) any { return i }}, "", []int{1, 3}, "refused by the receiver", 2, false},
		{"objects; good rows are not kept", receiver{bad: []string{"r1"}, item: index}, "", []int{1}, "E7: bad r1", 2, false},
		{"objects; good rows are kept and counted", receiver{bad: []string{"r1"}, item: index, keepsGood: true}, `accepted = "body.processed"`, []int{1}, "E7: bad r1", 1, false},
		{"objects; good rows are kept, nobody says so", receiver{bad: []string{"r1"}, item: index, keepsGood: true}, "", []int{1}, "E7: bad r1", 2, true},
		{"an ok reply names the refused", receiver{bad: []string{"r2"}, item: index, keepsGood: true, status: 200}, "", []int{2}, "E7: bad r2", 1, false},
		{"a field of another name, from 1", receiver{bad: []string{"r0"}, item: func(i int, _ string) any {
			return map[string]any{"n": fmt.Sprint(i + 1), "text": "no"}
		}}, "index = \"n\"\n index_from = 1", []int{0}, `{"n":"1","text":"no"}`, 2, false},
		{"messages with a place", receiver{bad: []string{"r3"}, item: func(i int, _ string) any { return fmt.Sprintf("events[%d].price: not a number", i) }}, "", []int{3}, "events[3].price: not a number", 2, false},
		{"messages of a form of their own", receiver{bad: []string{"r3"}, item: func(i int, _ string) any { return fmt.Sprintf("Zeile %d falsch", i) }}, `index_pattern = "Zeile ([0-9]+)"`, []int{3}, "Zeile 3 falsch", 2, false},
		{"nothing says which: halves", receiver{bad: []string{"r4"}}, "", []int{4}, "something is wrong", 7, false},
		{"nothing says which: halves, good rows are kept", receiver{bad: []string{"r4"}, keepsGood: true}, "", []int{4}, "something is wrong", 7, true},
		{"nothing says which: all", receiver{bad: []string{"r4"}}, `unassigned = "all"`, []int{0, 1, 2, 3, 4, 5, 6, 7}, "something is wrong", 1, false},
		{"every row is bad", receiver{bad: []string{"r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7"}}, "", []int{0, 1, 2, 3, 4, 5, 6, 7}, "something is wrong", 15, false},
		{"a number that is no place", receiver{bad: []string{"r4"}, item: func(int, string) any { return "order 3 of customer 2 is unknown" }}, "", []int{4}, "order 3 of customer 2 is unknown", 7, false},
		{"a place beyond the rows", receiver{bad: []string{"r4"}, item: func(int, string) any { return "event 99" }}, "", []int{4}, "event 99", 7, false},
		{"a secret in the message", receiver{bad: []string{"r2"}, item: func(i int, _ string) any { return fmt.Sprintf("event %d: key %s", i, apiKey) }}, "", []int{2}, "event 2: key (secret)", 2, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rows, rejected, srv, err := run(t, &tc.r, tc.option, 8)
			if err != nil || !slices.Equal(rows, tc.rows) || rejected[0].Reason != tc.reason {
				t.Fatalf("rejected %v, error %v; want %v for %q", rejected, err, tc.rows, tc.reason)
			}
			if n := len(srv.Requests()); n != tc.requests {
				t.Errorf("%d requests, want %d", n, tc.requests)
			}
			twice := false
			for i := range 8 {
				n := tc.r.taken[fmt.Sprintf("r%d", i)]
				if want := !slices.Contains(tc.rows, i); n == 0 == want {
					t.Errorf("row %d was taken %d times", i, n)
				}
				twice = twice || n > 1
			}
			if twice != tc.twice {
				t.Errorf("good rows taken twice: %v; %v", twice, tc.r.taken)
			}
			noSecret(t, "a reject", fmt.Sprint(rejected))
		})
	}
}

func TestUnassignedStop(t *testing.T) {
	rows, _, srv, err := run(t, &receiver{bad: []string{"r4"}}, `unassigned = "stop"`, 8)
	f := failure(t, err)
	if rows != nil || f.Class != plugin.Data || !strings.Contains(f.Error(), "without naming them: something is wrong") || len(srv.Requests()) != 1 {
		t.Errorf("rejected %v, error %v", rows, err)
	}
}

func TestSearchForRefusedRowsIsBounded(t *testing.T) {
	const n = 600
	r := &receiver{}
	for i := range n {
		r.bad = append(r.bad, fmt.Sprintf("r%d", i))
	}
	_, _, srv, err := run(t, r, "", n)
	if f := failure(t, err); f.Class != plugin.Data || !strings.Contains(f.Error(), "1000 requests did not find all refused rows") || len(srv.Requests()) != maxRequests {
		t.Errorf("%d requests, error %v", len(srv.Requests()), err)
	}
}

// Whatever rows a receiver refuses and however it tells, exactly those are
// rejected, each once, all others arrive, and a key never comes with other rows.
func TestRefusedRowsAreFoundExactly(t *testing.T) {
	kinds := []func(int, string) any{
		nil,
		func(i int, _ string) any { return i },
		func(i int, id string) any { return map[string]any{"index": i, "message": id} },
		func(i int, id string) any { // names only some
			if i%2 == 0 {
				return "broken"
			}
			return fmt.Sprintf("row %d: %s", i, id)
		},
	}
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(rt, "rows")
		want := slices.Compact(slices.Sorted(slices.Values(rapid.SliceOfN(rapid.IntRange(0, n-1), 0, n).Draw(rt, "bad"))))
		r := &receiver{keepsGood: rapid.Bool().Draw(rt, "keeps"), item: rapid.SampledFrom(kinds).Draw(rt, "kind")}
		for _, i := range want {
			r.bad = append(r.bad, fmt.Sprintf("r%d", i))
		}
		rows, _, _, err := run(t, r, "", n)
		if d := gocmp.Diff(want, append([]int{}, rows...)); err != nil || d != "" && cmp.Or(len(want), len(rows)) > 0 {
			rt.Fatalf("error %v:\n%s", err, d)
		}
		for i := range n {
			if got := r.taken[fmt.Sprintf("r%d", i)] > 0; got == slices.Contains(want, i) {
				rt.Fatalf("row %d taken: %v; bad %v", i, got, want)
			}
		}
	})
}
