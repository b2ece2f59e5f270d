package plan_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"weir/engine/plan"
)

// drawn is a configuration drawn at random: values by name, in a fixed order.
type drawn struct {
	Schedule, Path, Ready, Delimiter, Column, Expr, Drop, Keep, Nulls string
	Limit, Rows                                                       int
	Trim                                                              bool
}

func draw(rt *rapid.T) drawn {
	pick := func(name string, of ...string) string { return rapid.SampledFrom(of).Draw(rt, name) }
	return drawn{
		Schedule: pick("schedule", "every 1m", "every 1h", "cron 0 6 * * *"), Path: pick("path", "/in/*.csv", "/in/a*.csv", "/out/*.csv"),
		Ready: pick("ready", "now", "stable 30s", "marker *.done"), Delimiter: pick("delimiter", ",", ";", "|"),
		Column: pick("column", "text", "text trim", "text from 'b'"), Expr: pick("expr", "a", "a + 'x'", "a + var.v"), Drop: pick("drop", "x == ''", "x == 'a'"),
		Keep: pick("keep", "first", "changed", "all"), Nulls: pick("nulls", "keep", "omit"),
		Limit: rapid.IntRange(0, 3).Draw(rt, "limit"), Rows: rapid.IntRange(1, 3).Draw(rt, "rows"), Trim: rapid.Bool().Draw(rt, "trim"),
	}
}

// layout says how a configuration is written.
type layout struct {
	Reverse, Comments, Locals bool
}

// write returns c as HCL in the given layout.
func (c drawn) write(l layout) string {
	var locals []string
	value := func(v string) string {
		if l.Locals {
			locals = append(locals, v)
			return fmt.Sprintf("local.v%d", len(locals)-1)
		}
		return v
	}
	block := func(header string, attrs ...string) string {
		if l.Reverse {
			for i, j := 0, len(attrs)-1; i < j; i, j = i+1, j-1 {
				attrs[i], attrs[j] = attrs[j], attrs[i]
			}
		}
		sep := "\n"
		if l.Comments {
			sep = " # said\n\n  // once more\n"
		}
		return header + " {\n" + strings.Join(attrs, sep) + sep + "}\n"
	}
	q := func(name, v string) string { return name + " = " + value(fmt.Sprintf("%q", v)) }
	out := block(`variable "v"`, `default = "w"`) +
		block(`pipeline "p"`, q("schedule", c.Schedule), block("commit", fmt.Sprintf("rows = %s", value(fmt.Sprint(c.Rows)))),
			block(`source "file" "in"`, q("path", c.Path), q("ready", c.Ready), fmt.Sprintf("limit = %d", c.Limit))+
				block(`decode "csv"`, q("delimiter", c.Delimiter), fmt.Sprintf("trim = %t", c.Trim), "columns = {\n a = "+value(fmt.Sprintf("%q", c.Column))+"\n}")+
				block(`map "m"`, "fields = {\n x = "+value(fmt.Sprintf("%q", c.Expr))+"\n}")+
				block(`filter "f"`, q("drop", c.Drop))+
				block(`dedupe "d"`, "keys = { k = \"x\" }", q("keep", c.Keep))+
				block(`sink "stdout" "out"`, q("nulls", c.Nulls)))
	if len(locals) > 0 {
		out += "locals {\n"
		for i, v := range locals {
			out += fmt.Sprintf(" v%d = %s\n", i, v)
		}
		out += "}\n"
	}
	return out
}

// TestFingerprintProperties: only decoded values count, and each of them does.
func TestFingerprintProperties(t *testing.T) {
	describe := func(rt *rapid.T, text string) plan.Description {
		p, msg := load(t, text)
		if len(p.Pipelines) != 1 {
			rt.Fatalf("%s\n%s", msg, text)
		}
		return plan.Describe(p, []byte("k"))
	}
	rapid.Check(t, func(rt *rapid.T) {
		a, b := draw(rt), draw(rt)
		if rapid.Bool().Draw(rt, "same") {
			b = a
		}
		l := layout{rapid.Bool().Draw(rt, "reverse"), rapid.Bool().Draw(rt, "comments"), rapid.Bool().Draw(rt, "locals")}
		old, updated := describe(rt, a.write(layout{})), describe(rt, b.write(l))
		if same := old.Pipelines[0].Fingerprint == updated.Pipelines[0].Fingerprint; same != (a == b) {
			rt.Fatalf("the same: %t\n%s\n%s", same, a.write(layout{}), b.write(l))
		}
		as := plan.Difference(old, updated)
		if (as[0].Kind == plan.Keep) != (a == b) {
			rt.Fatalf("%+v", as)
		}
		checkActions(t, as)
		if d := cmp.Diff(as, plan.Difference(old, updated)); d != "" {
			rt.Fatalf("not the same twice: %s", d)
		}
		for _, x := range plan.Difference(updated, updated) {
			if x.Kind != plan.Keep || len(x.Reasons)+len(x.Effects) > 0 {
				rt.Fatalf("nothing changed: %+v", x)
			}
		}
	})
}

// TestSecretsInDescriptions enforces I9: a description with one key tells nothing to who has another.
func TestSecretsInDescriptions(t *testing.T) {
	p, _ := load(t, reloadBase)
	one, again, other := plan.Describe(p, []byte("one")), plan.Describe(p, []byte("one")), plan.Describe(p, []byte("two"))
	if !reflect.DeepEqual(one, again) {
		t.Error("not the same twice")
	}
	password := func(d plan.Description) plan.Setting {
		for _, s := range d.Pipelines[0].Nodes[0].Uses[0].Settings {
			if s.Name == "connection.password" {
				return s
			}
		}
		return plan.Setting{}
	}
	if a, b := password(one), password(other); a.Value != "(secret)" || a.Digest == b.Digest || a.Digest.IsZero() {
		t.Errorf("%+v, %+v", a, b)
	}
}
