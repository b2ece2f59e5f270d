package diag_test

import (
	"fmt"
	"strings"
	"testing"

	"weir/engine/diag"
)

func TestBounded(t *testing.T) {
	var l diag.List
	for i := range 10 {
		l = append(l, diag.Warnf("config.doubtful", nil, fmt.Sprint("warning ", i), ""), diag.Errorf("config.invalid_name", nil, fmt.Sprint("error ", i), ""))
	}
	texts := func(l diag.List) string {
		var out []string
		for _, d := range l {
			out = append(out, strings.TrimSpace(d.Summary+" "+d.Detail))
		}
		return strings.Join(out, "|")
	}
	for _, tt := range []struct {
		n, size int
		want    string
	}{
		{20, 1 << 20, texts(l)},
		{3, 1 << 20, "error 0|error 1|error 2|and 7 more errors 7 config.invalid_name. weir validate --json shows every one.|and 10 more warnings 10 config.doubtful. weir validate --json shows every one."},
		{12, 1 << 20, "warning 0|error 0|warning 1|error 1|error 2|error 3|error 4|error 5|error 6|error 7|error 8|error 9|and 8 more warnings 8 config.doubtful. weir validate --json shows every one."},
		{20, 300, "error 0|error 1|and 8 more errors 8 config.invalid_name. weir validate --json shows every one.|and 10 more warnings 10 config.doubtful. weir validate --json shows every one."},
		{20, 0, "and 10 more errors 10 config.invalid_name. weir validate --json shows every one.|and 10 more warnings 10 config.doubtful. weir validate --json shows every one."},
	} {
		got := l.Bounded(tt.n, tt.size)
		if texts(got) != tt.want {
			t.Errorf("%d of %d bytes: %s\nwant %s", tt.n, tt.size, texts(got), tt.want)
		}
	}
	if got := l.Bounded(12, 1<<20); got[len(got)-1].Severity != diag.Warning || l.Bounded(3, 1<<20)[3].Severity != diag.Error {
		t.Error("what is left out counts as an error exactly when an error is")
	}
	if got := diag.Counts(l.Bounded(3, 1<<20).Bounded(2, 1<<20)); got != "10 errors, 10 warnings" {
		t.Errorf("bounded twice, they are counted as %s", got)
	}
	if once := l.Bounded(3, 1<<20); texts(once.Bounded(3, 1<<20)) != texts(once) {
		t.Error("what is short enough is made shorter")
	}
	long := diag.List{diag.Errorf("config.invalid_name", nil, "long", "%s", strings.Repeat("ü", 5000))}
	if d := long.Bounded(1, 1<<20)[0].Detail; len(d) > 2100 || !strings.HasSuffix(d, "ü…") {
		t.Errorf("a long text becomes one of %d bytes that ends with %q", len(d), d[len(d)-5:])
	}
}
