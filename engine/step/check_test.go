package step

import (
	"testing"
)

func TestCheck(t *testing.T) {
	in := schema("code string", "email string?", "n int")
	rows := []string{"A|a@x|1", "B|b@x|2", "A|c@x|3", "C|~|4", "D|a@x|5"}
	tests := []struct {
		name, src string
		passed    []string
		rejects   []string
	}{
		{"rule with a message of values", `rule "small" {
			that = "n < 3"
			message = "{code} has {n + 1} {{n}} {email}"
		}`, rows[:2], []string{"row 3: row.check_failed A has 4 {n} c@x", "row 4: row.check_failed C has 5 {n} nil", "row 5: row.check_failed D has 6 {n} a@x"}},
		{"rule without a message", `rule "small" { that = "n != 5" }`, rows[:4], []string{"row 5: row.check_failed small: n != 5"}},
		{"in a list", `in {
			field = "code"
			values = ["A", "B"]
		}`, rows[:3], []string{`row 4: row.check_failed "C" is not in the table of code. There are: A, B.`, `row 5: row.check_failed "D" is not in the table of code. There are: A, B.`}},
		{"in the keys of a map, by number", `in {
			field = "n"
			values = { 1 = "one", 2 = "two", 3 = "three", 4 = "four" }
			message = "no {n}"
		}`, rows[:4], []string{"row 5: row.check_failed no 5"}},
		{"empty is allowed", `in {
			field = "email"
			values = ["a@x", "b@x", "c@x"]
			allow_empty = true
		}`, rows, nil},
		{"unique", `unique = ["code"]`, []string{rows[0], rows[1], rows[3], rows[4]}, []string{"row 3: row.check_failed code 'A' must be unique in the object; row 1 has the same"}},
		{"nil is not compared", `unique = ["email"]`, rows[:4], []string{"row 5: row.check_failed email 'a@x' must be unique in the object; row 1 has the same"}},
		{"one to one", `one_to_one = ["code", "email"]`, []string{rows[0], rows[1], rows[3]}, []string{
			"row 3: row.check_failed code 'A' has another email in row 1; each must have a single one",
			"row 5: row.check_failed email 'a@x' has another code in row 1; each must have a single one"}},
		{"a row that failed a rule is not the first", `rule "not_one" { that = "n != 1" }
			unique = ["code"]`, rows[1:], []string{"row 1: row.check_failed not_one: n != 1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := start(t, bind(t, "check", in, tt.src, nil), Env{}).object(table(in, 1, rows[:2]...), table(in, 3, rows[2:]...))
			want(t, "rows", r.rows, tt.passed)
			want(t, "rejects", r.rejects, tt.rejects)
			r.rejects, r.rows, r.in = nil, nil, 0
			r.object(table(in, 1, rows...))
			want(t, "rejects of the next object", r.rejects, tt.rejects)
		})
	}
}

func TestCheckHoldsTheCursorWhileItRemembers(t *testing.T) {
	in := schema("code string")
	run := bind(t, "check", in, `unique = ["code"]`, nil).New(Env{}, nil)
	if _, err := run.Apply(t.Context(), table(in, 5, "A", "B"), &Tally{}); err != nil {
		t.Fatal(err)
	}
	if got := run.(Holder).Oldest(); got != 5 {
		t.Errorf("oldest row %d, want 5: a run resumed after it would not notice a repeat", got)
	}
}

func TestCheckDiagnostics(t *testing.T) {
	in := schema("code string", "n int", "x any")
	tests := []struct {
		name, src string
		texts     []string
	}{
		{"nothing", ``, []string{"without a condition"}},
		{"rule without that", `rule "a" {}`, []string{"config.missing_attribute", "that"}},
		{"not a condition", `rule "a" { that = "n" }`, []string{"bool"}},
		{"same name", `rule "a" { that = "n > 1" }
			rule "a" { that = "n > 2" }`, []string{`Two rules are named "a"`}},
		{"bad value in a message", `rule "a" {
			that = "n > 1"
			message = "it is {cod}"
		}`, []string{"cod"}},
		{"open brace", `rule "a" {
			that = "n > 1"
			message = "it is {code"
		}`, []string{"brace is not closed"}},
		{"unknown unique field", `unique = ["kode"]`, []string{`Did you mean "code"?`}},
		{"one field for one_to_one", `one_to_one = ["code"]`, []string{"exactly two fields"}},
		{"values that are no table", `in {
			field = "code"
			values = "A"
		}`, []string{"must be a list"}},
		{"empty table", `in {
			field = "code"
			values = []
		}`, []string{"must not be empty"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, ds := problems(t, "check", in, tt.src, nil)
			mustMention(t, ds, tt.texts...)
		})
	}
}
