package step

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"weir/engine/identity"
	"weir/engine/record"
	"weir/engine/spec"
)

const profileKeys = `
	keys  = { srs = "number", email = "email" }
	order = ["srs", "email"]
`

func profile(lines ...string) references {
	r := mapping(lines...)["base"]
	return references{"profile": {Kind: "entity", Name: "profile", Value: &identity.Entity{Name: "profile", Keys: r.Value.([]spec.NamedText)}}}
}

// Each row shows: number, email, name, then dedupe.known, dedupe.matched, dedupe.keys.
func TestDedupeProfiles(t *testing.T) {
	in := schema("number string?", "email string?", "name string")
	tests := []struct {
		name, src    string
		before       []string
		rows         []string
		on, rejects  []string
		deduplicated int64
	}{
		{"a known number is updated", `keep = "all"`, []string{"1|a@x|A"}, []string{"1|b@x|B"},
			[]string{"1|b@x|B|true|srs|{srs: 1, email: b@x}"}, nil, 0},
		{"an unknown number is attached to a known e-mail", `keep = "all"`, []string{"|a@x|A"}, []string{"1|a@x|A", "1|~|A"},
			[]string{"1|a@x|A|true|email|{srs: 1, email: a@x}", "1|~|A|true|srs|{srs: 1, email: a@x}"}, nil, 0},
		{"both unknown make one profile with both", `keep = "all"`, nil, []string{"1|a@x|A", "|a@x|B", "1||C"},
			[]string{"1|a@x|A|false|~|{srs: 1, email: a@x}", "|a@x|B|true|email|{srs: 1, email: a@x}", "1||C|true|srs|{srs: 1, email: a@x}"}, nil, 0},
		{"a number alone makes a profile", `keep = "all"`, nil, []string{"1|~|A"}, []string{"1|~|A|false|~|{srs: 1, email: }"}, nil, 0},
		{"two profiles are not merged by default", `keep = "all"`, []string{"1|~|A", "|a@x|B"}, []string{"1|a@x|C"}, nil,
			[]string{"row 1: row.merge_limit the keys srs, email belong to 2 different entities, and max_merge allows 1 to become one. " +
				`Correct the row, or allow it with max_merge = 2, or let the strongest key decide with conflict = "keep"`}, 0},
		{"the number wins when they are merged", "keep = \"all\"\nmax_merge = 2", []string{"1|~|A", "|a@x|B"}, []string{"1|a@x|C", "|a@x|D"},
			[]string{"1|a@x|C|true|srs|{srs: 1, email: a@x}", "|a@x|D|true|email|{srs: 1, email: a@x}"}, nil, 0},
		{"the number wins and the e-mail stays where it is", "keep = \"all\"\nconflict = \"keep\"", []string{"1|~|A", "2|a@x|B"}, []string{"1|a@x|C", "|a@x|D"},
			[]string{"1|a@x|C|true|srs|{srs: 1, email: }", "|a@x|D|true|email|{srs: 2, email: a@x}"}, nil, 0},
		{"without attach only the strongest is remembered", "keep = \"all\"\nattach = false", nil, []string{"1|a@x|A", "|a@x|B"},
			[]string{"1|a@x|A|false|~|{srs: 1, email: }", "|a@x|B|false|~|{srs: , email: a@x}"}, nil, 0},
		{"first", `keep = "first"`, []string{"1|a@x|A"}, []string{"1||B", "|a@x|C", "2||D", "2||E"}, []string{"2||D|false|~|{srs: 2, email: }"}, nil, 3},
		{"changed", `keep = "changed"`, []string{"1|a@x|A"}, []string{"1|a@x|A", "1|a@x|B", "1|a@x|B", "1|a@x|A"},
			[]string{"1|a@x|B|true|srs|{srs: 1, email: a@x}", "1|a@x|A|true|srs|{srs: 1, email: a@x}"}, nil, 2},
		{"changed in some fields", "keep = \"changed\"\nfields = [\"email\"]", []string{"1|a@x|A"}, []string{"1|a@x|B", "1|b@x|B"},
			[]string{"1|b@x|B|true|srs|{srs: 1, email: b@x}"}, nil, 1},
		{"last", `keep = "last"`, []string{"9|~|A"}, []string{"1|a@x|A", "2||B", "|a@x|C", "9|~|D"},
			[]string{"2||B|false|~|{srs: 2, email: }", "|a@x|C|false|~|{srs: 1, email: a@x}", "9|~|D|true|srs|{srs: 9, email: }"}, nil, 1},
		{"last, of two that turn out to be one", "keep = \"last\"\nmax_merge = 2", nil, []string{"1|~|A", "|a@x|B", "1|a@x|C"},
			[]string{"1|a@x|C|false|~|{srs: 1, email: a@x}"}, nil, 2},
		{"no key", `keep = "all"`, nil, []string{"|~|A"}, nil, []string{"row 1: row.no_key every key of the row is empty, so nobody can tell what it is about. " +
			`Filter such rows out before, or let them pass with no_key = "pass"`}, 0},
		{"no key, passed", "keep = \"last\"\nno_key = \"pass\"", nil, []string{"|~|A", "||B"}, []string{"|~|A|false|~|{srs: , email: }", "||B|false|~|{srs: , email: }"}, nil, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			env := store{}.env()
			s := bind(t, "dedupe", in, profileKeys+tt.src, nil)
			start(t, s, env).object(table(in, 1, tt.before...))
			r := start(t, s, env) // a later run
			if len(tt.rows) > 1 {
				r.object(table(in, 1, tt.rows[:1]...), table(in, 2, tt.rows[1:]...))
			} else {
				r.object(table(in, 1, tt.rows...))
			}
			want(t, "rows", r.rows, tt.on)
			want(t, "rejects", r.rejects, tt.rejects)
			if r.tally.Deduplicated != tt.deduplicated {
				t.Errorf("deduplicated %d, want %d", r.tally.Deduplicated, tt.deduplicated)
			}
		})
	}
}

// An order that names only the customer's number finds the e-mail address that another pipeline saw.
func TestDedupeSharedEntity(t *testing.T) {
	env := store{}.env()
	refs := profile("srs", "trim(value)", "email", "lower(trim(value))")
	customers := schema("number string", "email string")
	start(t, bind(t, "dedupe", customers, profileKeys+`entity = profile`, refs), env).object(table(customers, 1, " 7|Jan@X.nl "))
	sales := schema("number string")
	s := bind(t, "dedupe", sales, "entity = profile\nkeep = \"first\"\nkeys = { srs = \"number\" }", refs)
	s.(*dedupeStep).own = "dedupe/purchases/dedupe.x" // as bound in another pipeline
	r := start(t, s, env).object(table(sales, 1, "7 ", "7", "8"))
	want(t, "rows", r.rows, []string{"7 |true|srs|{srs: 7, email: jan@x.nl}", "8|false|~|{srs: 8, email: }"})
	if r.tally.Deduplicated != 1 {
		t.Errorf("deduplicated %d, want 1", r.tally.Deduplicated)
	}
}

func TestDedupeNormalisingErrorRejectsTheRow(t *testing.T) {
	in := schema("number string?")
	refs := profile("srs", "string(int(value))")
	s := bind(t, "dedupe", in, "entity = profile\nno_key = \"pass\"\nkeep = \"all\"\nkeys = { srs = \"number\" }", refs)
	r := start(t, s, store{}.env()).object(table(in, 1, "007", "x", "7", "~", ""))
	want(t, "rows", r.rows, []string{"007|false|~|{srs: 7}", "7|true|srs|{srs: 7}", "~|false|~|{srs: }", "|false|~|{srs: }"})
	if len(r.rejects) != 1 || !strings.HasPrefix(r.rejects[0], "row 2:") {
		t.Errorf("rejects %q", r.rejects)
	}
}

func TestDedupeSingleKey(t *testing.T) {
	in := schema("id int", "v string")
	tests := []struct {
		keep string
		on   []string
	}{
		{"first", []string{"1|a|false|~|{id: 1}", "2|x|false|~|{id: 2}"}},
		{"all", []string{"1|a|false|~|{id: 1}", "2|x|false|~|{id: 2}", "1|a|true|id|{id: 1}", "1|b|true|id|{id: 1}"}},
		{"changed", []string{"1|a|false|~|{id: 1}", "2|x|false|~|{id: 2}", "1|b|true|id|{id: 1}"}},
		{"last", []string{"2|x|false|~|{id: 2}", "1|b|false|~|{id: 1}"}},
	}
	for _, tt := range tests {
		t.Run(tt.keep, func(t *testing.T) {
			env := store{}.env()
			s := bind(t, "dedupe", in, "keys = { id = \"id\" }\nkeep = \""+tt.keep+"\"", nil)
			want(t, "rows", start(t, s, env).object(table(in, 1, "1|a", "2|x", "1|a", "1|b")).rows, tt.on)
			again := start(t, s, env).object(table(in, 1, "1|b"))
			if tt.keep == "first" || tt.keep == "changed" {
				want(t, "the same row later", again.rows, nil)
			} else {
				want(t, "the same row later", again.rows, []string{"1|b|true|id|{id: 1}"})
			}
		})
	}
}

// A second key can be added to a step without forgetting what it knew.
func TestDedupeKeyAddedLater(t *testing.T) {
	env := store{}.env()
	in := schema("number string?", "email string?")
	start(t, bind(t, "dedupe", in, `keys = { srs = "number" }`, nil), env).object(table(in, 1, "1|~"))
	r := start(t, bind(t, "dedupe", in, profileKeys+`keep = "all"`, nil), env).object(table(in, 1, "1|a@x", "~|a@x"))
	want(t, "rows", r.rows, []string{"1|a@x|true|srs|{srs: 1, email: a@x}", "~|a@x|true|email|{srs: 1, email: a@x}"})
}

func TestDedupeDiagnostics(t *testing.T) {
	in := schema("number string", "email string", "x int", "dedupe string")
	plain := schema("number string", "email string")
	tests := []struct {
		name, src string
		in        *record.Schema
		text      string
	}{
		{"no keys", `keys = {}`, plain, "without keys"},
		{"order unknown", `keys = { a = "number", b = "email" }`, plain, "order of the keys cannot be told"},
		{"order incomplete", `keys = { a = "number", b = "email" }
			order = ["a"]`, plain, "order leaves keys out"},
		{"order of something else", `keys = { number = "number", email = "email" }
			order = ["number", "emial"]`, plain, `Did you mean "email"?`},
		{"fields without changed", `keys = { a = "number" }
			fields = ["email"]`, plain, "fields is without effect"},
		{"unknown field", `keys = { a = "number" }
			keep = "changed"
			fields = ["mail"]`, plain, `Did you mean "email"?`},
		{"unknown key of the entity", `entity = profile
			keys = { emial = "email" }`, plain, `Did you mean "email"?`},
		{"a list is no key", `keys = { a = "[number]" }`, plain, "plan.bad_key"},
		{"reserved", `keys = { a = "number" }`, in, "plan.reserved_name"},
		{"merge without effect", `keys = { a = "number" }
			conflict = "keep"
			max_merge = 2`, plain, "nothing is merged"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, ds := problems(t, "dedupe", tt.in, tt.src, profile("srs", "value", "email", "value"))
			mustMention(t, ds, tt.text)
		})
	}
}

// countingState is a State that allocates nothing for what it knows.
type countingState struct {
	memState
	puts int
}

func (c *countingState) Put(k, v []byte) {
	c.puts++
	if _, ok := c.memState[string(k)]; !ok {
		c.memState.Put(k, v)
	}
}

func TestDedupeAllocatesNothingPerKnownRow(t *testing.T) {
	in := schema("number string", "email string")
	rows := make([]string, 500)
	for i := range rows {
		rows[i] = fmt.Sprintf("%d|%d@x", i, i)
	}
	for _, tt := range []struct {
		src  string
		read []record.Slot
		want float64 // per batch
	}{
		{`keys = { a = "number" }`, []record.Slot{0, 1}, 0},
		{"keys = { a = \"number\" }\nkeep = \"changed\"", []record.Slot{0, 1}, 0},
		{profileKeys + `keep = "first"`, []record.Slot{0, 1}, 0},
		{profileKeys + `keep = "changed"`, []record.Slot{0, 1}, 0},
		{profileKeys + `keep = "all"`, []record.Slot{0, 1, 2}, 0},
		{"keys = { a = \"number\" }\nkeep = \"all\"", []record.Slot{0, 2}, 0},
	} {
		st := &countingState{memState: memState{}}
		run := bind(t, "dedupe", in, tt.src, nil).New(Env{State: func(string) State { return st }}, tt.read)
		b, tally, ctx := table(in, 1, rows...), &Tally{}, t.Context()
		apply := func() {
			if _, err := run.Apply(ctx, b, tally); err != nil {
				t.Fatal(err)
			}
		}
		apply()
		st.puts = 0
		if n := testing.AllocsPerRun(5, apply); n > tt.want {
			t.Errorf("%s: %v allocations for %d known rows, want %v", tt.src, n, len(rows), tt.want)
		}
		if st.puts != 0 {
			t.Errorf("%s: %d writes for rows that bring nothing new", tt.src, st.puts)
		}
	}
}

// newKeyState knows nothing and keeps nothing: every row is new.
type newKeyState struct{}

func (newKeyState) Get([]byte) ([]byte, bool, error) { return nil, false, nil }
func (newKeyState) Put(_, _ []byte)                  {}
func (newKeyState) Delete([]byte)                    {}

func TestDedupeAllocatesNothingPerNewRow(t *testing.T) {
	in := schema("number string")
	rows := make([]string, 500)
	for i := range rows {
		rows[i] = fmt.Sprint(i)
	}
	run := bind(t, "dedupe", in, `keys = { a = "number" }`, nil).New(Env{State: func(string) State { return newKeyState{} }}, []record.Slot{0})
	b, tally, ctx := table(in, 1, rows...), &Tally{}, t.Context()
	if n := testing.AllocsPerRun(5, func() { _, _ = run.Apply(ctx, b, tally) }); n != 0 {
		t.Errorf("%v allocations for %d new rows, want none", n, len(rows))
	}
}

// Whatever comes in, in whatever batches: the accounts balance (checked by
// object), and the state after a replay from the start is the same (I7).
func TestDedupeRandom(t *testing.T) {
	in := schema("number string?", "email string?", "name string")
	cell := rapid.SampledFrom([]string{"~", "", "1", "2", "3"})
	row := rapid.Custom(func(rt *rapid.T) string {
		return cell.Draw(rt, "number") + "|" + cell.Draw(rt, "email") + "|" + cell.Draw(rt, "name")
	})
	rapid.Check(t, func(rt *rapid.T) {
		src := profileKeys + fmt.Sprintf("keep = %q\nmax_merge = %d\nno_key = %q\n",
			rapid.SampledFrom([]string{"first", "last", "changed", "all"}).Draw(rt, "keep"),
			rapid.IntRange(1, 2).Draw(rt, "max"), rapid.SampledFrom([]string{"reject", "pass"}).Draw(rt, "no_key"))
		s := bind(rt, "dedupe", in, src, nil)
		objects := rapid.SliceOfN(rapid.SliceOfN(row, 0, 12), 1, 4).Draw(rt, "objects")
		one, cut := store{}, store{}
		a, b := start(rt, s, one.env()), start(rt, s, cut.env())
		for _, rows := range objects {
			a.object(table(in, 1, rows...))
			n := rapid.IntRange(0, len(rows)).Draw(rt, "cut")
			b.object(table(in, 1, rows[:n]...), table(in, int64(n+1), rows[n:]...))
		}
		want(rt, "rows", b.rows, a.rows)
		want(rt, "rejects", b.rejects, a.rejects)
		if x, y := fmt.Sprint(one), fmt.Sprint(cut); x != y {
			rt.Errorf("the state depends on the batches:\n%s\n%s", x, y)
		}
	})
}

// Objects with more rows than are emitted at once come out whole and in the order of the source.
func TestDedupeLastManySlices(t *testing.T) {
	in := schema("id int", "v string")
	const ids = 2*sliceRows + 5
	var batches []*record.Batch
	for round := range 2 {
		rows := make([]string, ids)
		for i := range rows {
			rows[i] = fmt.Sprintf("%d|%d", i, round)
		}
		batches = append(batches, table(in, int64(round*ids+1), rows...))
	}
	r := start(t, bind(t, "dedupe", in, "keys = { id = \"id\" }\nkeep = \"last\"", nil), store{}.env()).object(batches...)
	if len(r.rows) != ids || r.tally.Deduplicated != ids {
		t.Fatalf("%d rows, %d deduplicated, want %d of each", len(r.rows), r.tally.Deduplicated, ids)
	}
	for i, row := range r.rows {
		if exp := fmt.Sprintf("%d|1|false|~|{id: %d}", i, i); row != exp || r.raws[i] != fmt.Sprintf("%d|1\n", i) || r.nos[i] != int64(ids+i+1) {
			t.Fatalf("row %d is %s (%q), want %s", r.nos[i], row, r.raws[i], exp)
		}
	}
}
