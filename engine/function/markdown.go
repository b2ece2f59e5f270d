package function

import (
	"fmt"
	"strings"

	"weir/engine/datetime"
)

// Markdown returns the reference of the library, generated from what runs.
func Markdown() []byte {
	var b strings.Builder
	b.WriteString("# Functions\n\nRow expressions can call these besides the built-ins of expr. nil in gives nil out unless a function says otherwise.\n")
	for _, f := range Documented() {
		fmt.Fprintf(&b, "\n## %s\n\n`%s`\n\n%s\n\n| expression | value |\n|---|---|\n", f.Name, f.Usage, f.Summary)
		for _, e := range f.Examples {
			fmt.Fprintf(&b, "| %s | %s |\n", cell(e.Expr), cell(e.Result))
		}
	}
	b.WriteString("\n## Formats\n\nDates and times are read and written with these directives; everything else stands for itself.\n\n| directive | meaning |\n|---|---|\n")
	for _, d := range datetime.Directives() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", d.Name, d.Meaning)
	}
	return []byte(b.String())
}

// cell shows code in a table, where a bar would end the cell.
func cell(code string) string { return "`" + strings.ReplaceAll(code, "|", `\|`) + "`" }
