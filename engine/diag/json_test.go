package diag

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
)

// TestFromJSON: what another process found is printed as if it had been found here.
func TestFromJSON(t *testing.T) {
	rng := &hcl.Range{Filename: "a.hcl", Start: hcl.Pos{Line: 2, Column: 3, Byte: 10}, End: hcl.Pos{Line: 2, Column: 9, Byte: 16}}
	want := List{
		{Code: "expr.unknown", Severity: Error, Summary: "no such column", Detail: "Did you mean id?", Subject: rng, Context: rng, Fix: "id"},
		{Code: "run.rejected", Severity: Warning, Summary: "a row was refused", Row: &RowRef{Object: "in.csv", Row: 4, Line: 5, Column: "id"}},
	}
	if d := cmp.Diff(want, FromJSON(ToJSON(want))); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if got := FromJSON(nil); len(got) != 0 {
		t.Errorf("of nothing came %v", got)
	}
}
