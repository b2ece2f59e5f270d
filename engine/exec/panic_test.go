package exec

import (
	"strings"
	"testing"
)

func TestPanickedShowsNoData(t *testing.T) {
	for name, tc := range map[string]struct {
		throw func()
		want  string
	}{
		"a text":          {func() { panic("the secret is hunter2") }, "a panic with a value of type string"},
		"a runtime error": {func() { var m []int; _ = m[len(m)+2] }, "index out of range [2] with length 0"},
	} {
		var e *PanicError
		func() {
			defer func() { e = panicked(recover()) }()
			tc.throw()
		}()
		if e.What != tc.want && !strings.HasSuffix(e.What, tc.want) || !strings.Contains(e.Where, "TestPanickedShowsNoData") || !strings.Contains(e.Where, "panic_test.go:") {
			t.Errorf("%s: %q at %q", name, e.What, e.Where)
		}
		if strings.Contains(e.Error()+strings.Join(e.Stack, ""), "hunter2") {
			t.Errorf("%s: the value is shown: %v", name, e)
		}
	}
}
