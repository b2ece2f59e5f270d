package plan_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/engine/plan"
)

const reloadBase = `variable "country" {
  default = "NL"
}
variable "fields" {
  default = { shown = "upper(name)" }
}
connection "ftp" "erp" {
  host = "one.example.com"
  user = "weir"
  password = "old-secret"
  tls = "none"
}
entity "profile" {
  keys = {
    number = "trim(value)"
    email = "email(value)"
  }
}
pipeline "p" {
  schedule = "every 10m"
  source "ftp" "files" {
    connection = connection.ftp.erp
    path = "/srs/orders_*.csv"
  }
  decode "csv" {
    columns = {
      id = "text"
      number = "text"
      email = "text"
      name = "text"
      amount = "int required"
    }
  }
  map "line" {
    fields = {
      order = "id + '-' + var.country"
      number = "number"
      email = "email"
      shown = "upper(name)"
      amount = "amount"
    }
  }
  filter "zero" {
    drop = "amount == 0"
  }
  dedupe "order" {
    keys = { order = "order" }
    keep = "changed"
    fields = ["email", "amount"]
  }
  dedupe "profile" {
    entity = entity.profile
    keys = {
      number = "number"
      email = "email"
    }
    keep = "first"
  }
  group "g" {
    by = ["order"]
    fields = {
      order = "first(rows).order"
      total = "sum(rows, .amount)"
    }
  }
  sink "stdout" "out" {
    when = "total > 0"
  }
}
`

// edited returns the base with texts replaced in pairs.
func edited(t *testing.T, pairs ...string) string {
	t.Helper()
	s := reloadBase
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(s, pairs[i]) {
			t.Fatalf("the base has no %q", pairs[i])
		}
		s = strings.Replace(s, pairs[i], pairs[i+1], 1)
	}
	return s
}

func describe(t *testing.T, text string) plan.Description {
	t.Helper()
	p, msg := load(t, text)
	if strings.Contains(msg, "p.hcl") && len(p.Pipelines) == 0 {
		t.Fatal(msg)
	}
	return plan.Describe(p, []byte("key"))
}

// notable are the effects that say that something changes.
func notable(a plan.Action) []string {
	var out []string
	for _, e := range a.Effects {
		if e.Kind == plan.CursorKept || e.Kind == plan.KeysValid {
			continue
		}
		s := string(e.Kind) + " " + e.Step
		if e.Breaks {
			s += " !"
		}
		out = append(out, s)
	}
	return out
}

func TestActions(t *testing.T) {
	for _, tc := range []struct {
		name    string
		edit    []string
		kind    plan.ActionKind
		reason  string // of some reason
		effects []string
	}{
		{"nothing", nil, plan.Keep, "", nil},
		{"comment and layout", []string{"pipeline \"p\" {\n", "# said\npipeline \"p\" {\n\n"}, plan.Keep, "", nil},
		{"default written out", []string{"    keep = \"first\"\n", "    keep = \"first\"\n    max_merge = 1\n"}, plan.Keep, "", nil},
		{"commit written out", []string{"  schedule = \"every 10m\"\n", "  schedule = \"every 10m\"\n  commit {\n    rows = 50000\n  }\n"}, plan.Keep, "", nil},
		{"attributes in another order", []string{"  user = \"weir\"\n  password = \"old-secret\"\n", "  password = \"old-secret\"\n  user = \"weir\"\n"}, plan.Keep, "", nil},
		{"through a variable", []string{`"amount == 0"`, "var.zero", "variable \"fields\"", "variable \"zero\" {\n  default = \"amount == 0\"\n}\nvariable \"fields\""}, plan.Keep, "", nil},
		{"schedule", []string{"every 10m", "every 5m"}, plan.Swap, "schedule changed", nil},
		{"description", []string{"  schedule", "  description = \"x\"\n  schedule"}, plan.Swap, "description changed", nil},
		{"dead letter", []string{"  schedule", "  dead_letter {\n    limit = \"1%\"\n  }\n  schedule"}, plan.Swap, "dead_letter.limit changed", nil},
		{"filter", []string{"amount == 0", "amount == 1"}, plan.Swap, "filter.zero: drop changed", nil},
		{"when of a sink", []string{"total > 0", "total > 1"}, plan.Swap, "sink.out: when changed", nil},
		{"unread variable", []string{"upper(name)", "lower(name)"}, plan.Keep, "", nil},
		{"unread field", []string{"upper(name)\"\n      amount", "lower(name)\"\n      amount"}, plan.Swap, "map.line: fields.shown changed", nil},
		{"field reads another column", []string{"upper(name)\"\n      amount", "upper(name + number)\"\n      amount"}, plan.Swap, "map.line: fields.shown changed", nil},
		{"compared field", []string{"amount = \"amount\"", "amount = \"amount * 100\""}, plan.Swap, "map.line: fields.amount changed", []string{"comparison_changed dedupe.order"}},
		{"compared fields", []string{`fields = ["email", "amount"]`, `fields = ["amount"]`}, plan.Restart, "dedupe.order: fields changed", []string{"comparison_changed dedupe.order"}},
		{"new field", []string{"      shown =", "      extra = \"1\"\n      shown ="}, plan.Restart, "map.line: fields.extra added", nil},
		{"field order", []string{"      shown = \"upper(name)\"\n      amount = \"amount\"\n", "      amount = \"amount\"\n      shown = \"upper(name)\"\n"}, plan.Restart, "map.line: fields: their order changed", nil},
		{"key expression above", []string{"id + '-'", "id + '/'"}, plan.Swap, "map.line: fields.order changed", []string{"keys_rekeyed dedupe.order !", "group_changed group.g"}},
		{"variable in a key", []string{`"NL"`, `"BE"`}, plan.Swap, "map.line: var.country changed", []string{"keys_rekeyed dedupe.order !", "group_changed group.g"}},
		{"key expression", []string{`{ order = "order" }`, `{ order = "order + 'x'" }`}, plan.Restart, "dedupe.order: keys.order changed", []string{"keys_rekeyed dedupe.order !"}},
		{"column of a key", []string{`id = "text"`, `id = "text trim"`}, plan.Restart, "decode.csv: columns.id changed", []string{"keys_rekeyed dedupe.order !", "group_changed group.g"}},
		{"key renamed", []string{`{ order = "order" }`, `{ receipt = "order" }`}, plan.Restart, "keys.receipt added", []string{"keys_rekeyed dedupe.order !"}},
		{"key removed", []string{"      number = \"number\"\n      email = \"email\"\n    }\n    keep", "      email = \"email\"\n    }\n    keep"}, plan.Restart, "keys.number removed", []string{"key_removed dedupe.profile !"}},
		{"entity key added", []string{"    number = \"trim(value)\"\n", "    number = \"trim(value)\"\n    phone = \"value\"\n"}, plan.Restart, "dedupe.profile: entity.profile: keys.phone added", []string{"key_added dedupe.profile"}},
		{"normaliser", []string{`"trim(value)"`, `"lower(trim(value))"`}, plan.Restart, "dedupe.profile: entity.profile: keys.number changed", []string{"keys_rekeyed dedupe.profile !"}},
		{"keep", []string{`keep = "first"`, `keep = "changed"`}, plan.Restart, "dedupe.profile: keep changed", []string{"comparison_changed dedupe.profile"}},
		{"entity dropped", []string{"    entity = entity.profile\n", ""}, plan.Restart, "dedupe.profile: entity removed", []string{"keys_orphaned dedupe.profile !"}},
		{"dedupe renamed", []string{`dedupe "order"`, `dedupe "orders"`}, plan.Restart, "dedupe.orders: new step", []string{"keys_orphaned dedupe.order !"}},
		{"dedupe removed", []string{"  dedupe \"order\" {\n    keys = { order = \"order\" }\n    keep = \"changed\"\n    fields = [\"email\", \"amount\"]\n  }\n", ""}, plan.Restart, "dedupe.order: step removed", []string{"keys_orphaned dedupe.order !"}},
		{"group by", []string{`by = ["order"]`, `by = ["number"]`}, plan.Restart, "group.g: by changed", []string{"group_changed group.g"}},
		{"new field of the sink", []string{"      total =", "      count = \"len(rows)\"\n      total ="}, plan.Restart, "group.g: fields.count added", []string{"backfill_suggested sink.out"}},
		{"path", []string{"/srs/orders_*.csv", "/srs/new/*.csv"}, plan.Restart, "source.files: path changed", []string{"path_changed source.files"}},
		{"after", []string{"    path =", "    after = \"delete\"\n    path ="}, plan.Restart, "source.files: after changed", []string{"after_changed source.files"}},
		{"host", []string{"one.example.com", "two.example.com"}, plan.Restart, "source.files: connection.ftp.erp: host changed", []string{"cursor_invalid source.files !"}},
		{"password", []string{"old-secret", "new-secret"}, plan.Restart, "source.files: connection.ftp.erp: password changed", nil},
		{"source renamed", []string{`source "ftp" "files"`, `source "ftp" "in"`}, plan.Restart, "source.in: new step", []string{"cursor_invalid source.files !"}},
		{"delimiter", []string{"    columns = {", "    delimiter = \";\"\n    columns = {"}, plan.Restart, "decode.csv: delimiter changed",
			[]string{"position_uncertain source.files !", "keys_rekeyed dedupe.order !", "comparison_changed dedupe.order", "keys_rekeyed dedupe.profile !", "keys_rekeyed dedupe.profile !", "group_changed group.g"}},
		{"ragged", []string{"    columns = {", "    ragged = \"pad\"\n    columns = {"}, plan.Restart, "decode.csv: ragged changed", nil},
		{"step added", []string{"  group \"g\"", "  filter \"more\" {\n    drop = \"amount < 0\"\n  }\n  group \"g\""}, plan.Restart, "filter.more: new step", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			old, updated := describe(t, reloadBase), describe(t, edited(t, tc.edit...))
			as := plan.Difference(old, updated)
			if len(as) != 1 || as[0].Kind != tc.kind {
				t.Fatalf("%+v, want %s", as, tc.kind)
			}
			if d := cmp.Diff(tc.effects, notable(as[0])); d != "" {
				t.Error(d)
			}
			if tc.reason != "" && !slices.ContainsFunc(as[0].Reasons, func(r plan.Reason) bool { return strings.Contains(r.Text, tc.reason) && r.Range != nil }) {
				t.Errorf("no reason says %q: %+v", tc.reason, as[0].Reasons)
			}
			checkActions(t, as)
			checkActions(t, plan.Difference(updated, old))
		})
	}
}

func reasons(as []plan.Action) (out []string) {
	for _, a := range as {
		for _, r := range a.Reasons {
			out = append(out, r.Text)
		}
	}
	return out
}

// checkActions holds what is true of any actions.
func checkActions(t *testing.T, as []plan.Action) {
	t.Helper()
	for _, a := range as {
		if (a.Kind == plan.Keep) != (len(a.Reasons) == 0) {
			t.Errorf("%s %s with %d reasons", a.Kind, a.Pipeline, len(a.Reasons))
		}
		for _, e := range a.Effects {
			if e.Pipeline == "" || e.Text == "" || e.Breaks && e.Space == "" && e.Source == "" && e.Kind != plan.PipelineRenamed {
				t.Errorf("what is it about? %+v", e)
			}
		}
	}
	b, err := json.Marshal(as)
	if err != nil || strings.Contains(string(b), "secret\"") && !strings.Contains(string(b), "(secret)") || strings.Contains(string(b), "-secret") {
		t.Errorf("%s, %v", b, err)
	}
}

// TestRefusedColumnBecomesRead checks that a step that reads a column which was
// not decoded before is not swapped in under an open decoder.
func TestRefusedColumnBecomesRead(t *testing.T) {
	as := plan.Difference(describe(t, reloadBase), describe(t, edited(t, "amount == 0", "amount == 0 and shown != ''")))
	if as[0].Kind != plan.Restart || !strings.Contains(strings.Join(reasons(as), "\n"), "decode.csv: a field is read that nothing read before") {
		t.Errorf("%s: %v", as[0].Kind, reasons(as))
	}
}

func TestAddRemoveRename(t *testing.T) {
	old := describe(t, reloadBase)
	as := plan.Difference(old, describe(t, edited(t, `pipeline "p"`, `pipeline "q"`)))
	checkActions(t, as)
	if len(as) != 2 || as[0].Kind != plan.Remove || as[0].To != "q" || as[1].Kind != plan.Add || as[1].From != "p" || !as[1].Breaks() ||
		as[1].Effects[0].Pipeline != "p" || as[1].Reasons[0].Text != "renamed from p" {
		t.Errorf("%+v", as)
	}
	as = plan.Difference(old, describe(t, edited(t, `pipeline "p"`, `pipeline "q"`, "amount == 0", "amount == 1")))
	checkActions(t, as)
	if len(as) != 2 || as[0].To != "" || as[1].From != "" || as[1].Breaks() {
		t.Errorf("%+v", as)
	}
	if as := plan.Difference(plan.Description{}, old); len(as) != 1 || as[0].Kind != plan.Add || as[0].Reasons[0].Text != "new pipeline" {
		t.Errorf("%+v", as)
	}
}

// TestStateAttribute checks that a pipeline says what becomes of its state.
func TestStateAttribute(t *testing.T) {
	d := describe(t, edited(t, "  schedule", "  state = \"fork\"\n  schedule"))
	as := plan.Difference(describe(t, reloadBase), d)
	if as[0].State != plan.StateFork || as[0].Kind != plan.Swap {
		t.Errorf("%+v", as)
	}
	if _, msg := load(t, edited(t, "  schedule", "  state = \"forget\"\n  schedule")); !strings.Contains(msg, `state must be one of keep, rebuild, fork, not "forget"`) {
		t.Error(msg)
	}
}

// TestEffectsFromTheStore checks that a shape does not lose by being stored.
func TestEffectsFromTheStore(t *testing.T) {
	old, updated := describe(t, reloadBase), describe(t, edited(t, "id + '-'", "id + '/'", "/srs/orders_*", "/srs/x/*"))
	b, err := json.Marshal(old.Pipelines[0].Shape)
	if err != nil {
		t.Fatal(err)
	}
	var stored plan.Shape
	if err := json.Unmarshal(b, &stored); err != nil {
		t.Fatal(err)
	}
	want := plan.Effects("p", old.Pipelines[0].Shape, updated.Pipelines[0].Shape)
	got := plan.Effects("p", stored, updated.Pipelines[0].Shape)
	if d := cmp.Diff(want, got); d != "" || len(got) < 3 {
		t.Errorf("%s, %+v", d, got)
	}
	for _, e := range got {
		if e.Kind == plan.KeysRekeyed && (e.Space != "p/dedupe/p/dedupe.order" || e.Key != "order" || !strings.Contains(e.Text, "(map.line: order)") || e.Range.Start.Line == 0) {
			t.Errorf("%+v", e)
		}
		if e.Kind == plan.PathChanged && (e.Source != "source.files" || e.Prefix != "/srs/") {
			t.Errorf("%+v", e)
		}
	}
}
