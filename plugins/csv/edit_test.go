package csv

import (
	"strings"
	"testing"

	"weir/engine/plugin"
)

// A cell that is set reads back as what it was set to, and the others stay as they stood.
func TestEditRaw(t *testing.T) {
	for name, tt := range map[string]struct {
		options, header, raw, set, want string
	}{
		"declared name":     {`columns = { n = "int from 'Anzahl'" }`, "id,Anzahl", `1,x`, "n=5", `1,5`},
		"name in the file":  {`columns = { n = "int" }`, "id,n", `a b,x`, "id=7", `7,x`},
		"needs quotes":      {`columns = { n = "text" }`, "id,n", `"1,0", x `, `n=a"b,c`, `"1,0","a""b,c"`},
		"no quote":          {"columns = { n = \"text\" }\nquote = \"\"", "id,n", `1,"x`, "n=y\"", `1,y"`},
		"spaces kept":       {"columns = { n = \"text\" }\ntrim = true", "id,n", ` 1 ,x`, "n= y ", ` 1 ," y "`},
		"escape":            {"columns = { n = \"text\" }\nescape = \"\\\\\"", "id,n", `1,x`, `n=a\,"`, `1,"a\\,"""`},
		"two, by place":     {"columns = { a = \"text\", b = \"text\" }\nheader = false\ndelimiter = \";\"", "", `1;2`, "a=x|b=y;z", `x;"y;z"`},
		"carriage return":   {`columns = { n = "text" }`, "id,n", "1,x\r", "n=y", "1,y\r"},
		"no such column":    {`columns = { n = "int" }`, "id,n", `1,x`, "m=1", "!there is no column m; there is n, id"},
		"too few cells":     {`columns = { n = "int" }`, "id,n", `1`, "n=1", "!the row has 1 cells, and n would be number 2"},
		"cannot be written": {"columns = { n = \"text\" }\nquote = \"\"", "id,n", `1,x`, "n=a,b", "!n: the value holds what ends a cell"},
		"several rows":      {`columns = { n = "int" }`, "id,n", "1,x\n2,y", "n=1", "!it is the text of several rows"},
	} {
		t.Run(name, func(t *testing.T) {
			d := mustBind(t, tt.options)
			var set []plugin.Cell
			for s := range strings.SplitSeq(tt.set, "|") {
				c, v, _ := strings.Cut(s, "=")
				set = append(set, plugin.Cell{Column: c, Value: v})
			}
			got, err := d.EditRaw(t.Context(), []byte(tt.header), []byte(tt.raw), set)
			if msg, fails := strings.CutPrefix(tt.want, "!"); fails {
				if err == nil || !strings.Contains(err.Error(), msg) {
					t.Errorf("error %v, want %s", err, msg)
				}
				return
			}
			if err != nil || string(got) != tt.want {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}
