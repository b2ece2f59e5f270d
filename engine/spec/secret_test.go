package spec

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// No way of printing a secret shows it, also when it is an unexported field (I9).
func TestSecretIsNotPrinted(t *testing.T) {
	s := NewSecret("hunter2")
	holder := struct {
		Open   Secret
		hidden Secret
		m      map[string]Secret
	}{s, s, map[string]Secret{"k": s}}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, v := range []any{s, &s, holder, &holder, []Secret{s}} {
			if got := fmt.Sprintf(format, v); strings.Contains(got, "hunter2") || strings.Contains(got, fmt.Sprintf("%x", "hunter2")) {
				t.Errorf("%s of a %T shows it: %s", format, v, got)
			}
		}
	}
	if out, err := json.Marshal(holder); err != nil || strings.Contains(string(out), "hunter2") {
		t.Errorf("as JSON: %s, %v", out, err)
	}
}

func TestSecretValue(t *testing.T) {
	var zero Secret
	if zero.IsSet() || zero.Reveal() != "" || NewSecret("") != zero {
		t.Error("the zero secret is not the empty one")
	}
	if a := NewSecret("a"); !a.IsSet() || a.Reveal() != "a" || a != NewSecret("a") || a == NewSecret("b") {
		t.Error("secrets are not compared by their text")
	}
}
