package step

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"weir/engine/identity"
)

// trailOf lists the rows in the trails of a store.
func trailOf(t *testing.T, s store) (out []string) {
	t.Helper()
	for _, space := range slices.Sorted(maps.Keys(s)) {
		for _, k := range slices.Sorted(maps.Keys(s[space])) {
			if !strings.HasPrefix(k, "t") {
				continue
			}
			x, err := identity.ParseTrail([]byte(k), s[space][k])
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, fmt.Sprint(x.Row, " ", x.Object, " ", x.Passed))
		}
	}
	slices.Sort(out)
	return out
}

// A row that went on once, and was delivered, stays so in the trail when its file is
// read again and it is dropped; one that was dropped and goes on later has gone on.
func TestTrailKeepsTheRowThatWentOn(t *testing.T) {
	for _, c := range []struct{ name, keys string }{
		{"one key", `keys = { id = "id" }`},
		{"two keys", "keys = { id = \"id\", v = \"v\" }\norder = [\"id\", \"v\"]"},
	} {
		for _, keep := range []string{"first", "changed"} {
			t.Run(c.name+", "+keep, func(t *testing.T) {
				in := schema("id int", "v string")
				kept := store{}
				s := bind(t, "dedupe", in, c.keys+"\ntrace = true\nkeep = \""+keep+"\"", nil)
				start(t, s, kept.env()).object(table(in, 1, "1|a", "1|a", "2|b"))
				once := []string{"1 file.csv true", "2 file.csv false", "3 file.csv true"}
				want(t, "trail", trailOf(t, kept), once)
				again := start(t, s, kept.env()).object(table(in, 1, "1|a", "1|a", "2|b"))
				want(t, "rows", again.rows, nil)
				want(t, "trail of the file read again", trailOf(t, kept), once)
				env := kept.env()
				env.Again = func() bool { return true }
				start(t, s, env).object(table(in, 1, "1|a", "1|a", "2|b"))
				want(t, "trail of a replay", trailOf(t, kept), []string{"1 file.csv true", "2 file.csv true", "3 file.csv true"})
			})
		}
	}
}
