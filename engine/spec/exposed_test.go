package spec

import (
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// A secret is reported where it is written, not where the map or the list around it begins.
func TestSecretIsReportedAtItsPlace(t *testing.T) {
	ctx := &hcl.EvalContext{Variables: map[string]cty.Value{"key": cty.StringVal("x").Mark(Sensitive), "open": cty.StringVal("y")}}
	for src, want := range map[string]string{
		`{ a = "1", b = "hmac(x, '${key}')" }`: "key", `["a", open, "${key}"]`: "key", `{ a = { b = [key] } }`: "key", `"${open}-${key}"`: "key", `(key)`: "key", `open == "y" ? key : open`: `open == "y" ? key : open`,
	} {
		e, ds := hclsyntax.ParseExpression([]byte(src), "", hcl.InitialPos)
		if ds.HasErrors() {
			t.Fatal(ds)
		}
		d := exposed(Option{Name: "fields", Type: "map(expression)"}, e, ctx)
		if got := string(d.Subject.SliceBytes([]byte(src))); got != want {
			t.Errorf("%s: reported at %s, want %s", src, got, want)
		}
	}
}
