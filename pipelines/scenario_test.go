package pipelines_test

import (
	"strings"
	"testing"

	"weir/engine/diag"
	"weir/engine/scenario"
	"weir/plugins/all"
)

// TestScenarios runs what weir test pipelines runs, and holds the connector to
// a test for each of its 25 behaviours and to tests that reach all of it.
func TestScenarios(t *testing.T) {
	names, ds := scenario.Find(".")
	suite, found := scenario.Load(names)
	if ds = append(ds, found...); ds.HasErrors() {
		t.Fatal(ds.Err())
	}
	numbers := map[string]bool{}
	cover := scenario.Run(t.Context(), suite, scenario.Options{Plugins: all.Plugins, Cover: true}, func(r *scenario.Result) {
		number, _, _ := strings.Cut(r.Test.Name, " ")
		numbers[number] = true
		t.Run(r.Test.Name, func(t *testing.T) {
			var sb strings.Builder
			if err := new(scenario.Report).Text(&sb, r, false, diag.TextOptions{}); err != nil {
				t.Fatal(err)
			}
			if !r.Passed() {
				t.Errorf("%s", sb.String())
			}
		})
	})
	for _, n := range strings.Fields("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25") {
		if !numbers[n] {
			t.Errorf("no test is about behaviour %s", n)
		}
	}
	for _, m := range cover.Result().Missed {
		t.Errorf("%s:%d: %s: no test reaches this: %s: %s", m.File, m.Line, m.Step, m.What, m.Text)
	}
}
