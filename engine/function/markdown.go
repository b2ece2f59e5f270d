package function

import (
	"fmt"
	"strings"

	"weir/engine/datetime"
)

// Markdown returns the reference of the library, generated from what runs.
func Markdown() []byte {
	var b strings.Builder
	b.WriteString("# Functions\n\nRow expressions can call these besides the built-in functions, which are at the end. nil in gives nil out unless a function says otherwise.\n")
	for _, f := range Documented() {
		fmt.Fprintf(&b, "\n## %s\n\n`%s`\n\n%s\n\n| expression | value |\n|---|---|\n", f.Name, f.Usage, f.Summary)
		for _, e := range f.Examples {
			fmt.Fprintf(&b, "| %s | %s |\n", cell(e.Expr), cell(e.Result))
		}
	}
	writeBuiltins(&b)
	b.WriteString("\n## Formats\n\nDates and times are read and written with these directives; everything else stands for itself.\n\n| directive | meaning |\n|---|---|\n")
	for _, d := range datetime.Directives() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", d.Name, d.Meaning)
	}
	return []byte(b.String())
}

// values says what the operators and functions of the language do with values.
const values = `
## Values

- A text is made of characters: Unicode code points. Its length, slices (` + "`name[0:3]`, `name[-3:]`" + `) and places count these, and a slice never cuts one. An end beyond the text is its end.
- An int has 64 bits and never wraps: a result beyond them rejects the row. What never has a value, such as ` + "`9223372036854775807 + 1` or `n / 0`" + `, is an error of the plan.
- ` + "`/`" + ` of ints or floats is a float, ` + "`7 / 2`" + ` is 3.5; of decimals a decimal, rounded to 18 digits. ` + "`int(a / b)`" + ` cuts the fraction off. Division by zero rejects the row, and so does a float that would be infinite or no number.
- ` + "`**`" + ` of ints is an int where the exponent is known to be 0 or more, as in ` + "`n ** 2`" + `: exact, or the row is rejected. Where the exponent is computed or negative it is a float, as ` + "`2 ** -1`" + ` is 0.5, and a power that this would round rejects the row. ` + "`float(x) ** y`" + ` is a float whatever the digits.
- Where an int meets a float, or is divided, it must be one that a float holds (up to 2^53 all are): else the row is rejected, and decimal() is the way to calculate.
- A decimal is exact or an error. A number with a point in an expression is a float, and refused when a float would change its digits; beside a decimal it is the decimal that it is written as.
- ` + "`==` and `in`" + ` compare numbers by value whatever their kinds, lists and objects by what is in them, datetimes as instants. Nothing is converted: ` + "`1 == '1'`" + ` is refused where the kinds are known, and false where they show only at run time.
- A field of nil, an element beyond a list and an operand of another kind reject the row; ` + "`?.`, `??`" + ` and get() give nil. A field that an object of unknown fields has not is nil.
- The fields of an object come in the order of their names. A name that is given twice is an error.
`

func writeBuiltins(b *strings.Builder) {
	b.WriteString(values)
	b.WriteString("\n## Built-in functions\n\nTheir names go with underscores, too: sort_by() is sortBy(). What follows \"error:\" is the reason with which the row is rejected.\n\n| call | value |\n|---|---|\n")
	for _, f := range Builtins() {
		fmt.Fprintf(b, "| %s | %s |\n", cell(f.Usage), strings.ReplaceAll(f.Summary, "|", `\|`))
	}
	b.WriteString("\n| expression | value |\n|---|---|\n")
	for _, f := range Builtins() {
		for _, e := range f.Examples {
			fmt.Fprintf(b, "| %s | %s |\n", cell(e.Expr), cell(e.Result))
		}
	}
}

// cell shows code in a table, where a bar would end the cell.
func cell(code string) string { return "`" + strings.ReplaceAll(code, "|", `\|`) + "`" }
