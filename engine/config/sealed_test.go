package config

import (
	"os"
	"path/filepath"
	"testing"
)

// TestSealedReadsNoSecret: what secret() would return is unknown, and its file is not opened.
func TestSealedReadsNoSecret(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"main.hcl": "locals {\n  a = secret(\"file:key\")\n  b = secret(\"WEIR_NO_SUCH_SECRET\")\n  c = file(\"public\")\n  d = env(\"HOME\")\n}\npipeline \"p\" {\n  description = \"${local.a}${local.b}\"\n}\n",
		"key":      "hunter2", "public": "text",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, ds := Load(dir, Inputs{Sealed: true, AllowMissing: true, Env: func(string) (string, bool) { return "", false }})
	if ds.HasErrors() {
		t.Fatal(ds.Err())
	}
	if len(c.Snapshot.Others) != 1 || string(c.Snapshot.Others[filepath.Join(dir, "public")]) != "text" {
		t.Errorf("read %v", c.Snapshot.Others)
	}
	locals := c.Root.Scope.Variables["local"].AsValueMap()
	for _, name := range []string{"a", "b"} {
		if v, _ := locals[name].Unmark(); v.IsKnown() {
			t.Errorf("%s is %#v", name, v)
		}
	}
	if v, _ := locals["d"].Unmark(); v.AsString() != "" {
		t.Errorf("env() returned %#v", v)
	}
}
