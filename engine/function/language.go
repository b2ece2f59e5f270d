package function

import (
	"slices"
	"strings"
)

// Documented returns the functions of the library and of the language, sorted by name.
func Documented() []Function {
	out := append(All(), Language()...)
	slices.SortFunc(out, func(a, b Function) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// Language lists what row expressions can call and no function of the library is:
// forms that evaluate an argument only when it is needed, or once for each element.
// Only what describes them is set; package compute knows what they do.
func Language() []Function {
	return []Function{{
		Name:  "sort_by",
		Usage: "sort_by(list, key[, order])",
		Summary: "The list in the order of a key of its elements, which is never nil; equal keys keep their order. order is `'asc'` (unless given) or `'desc'`. " +
			"expr's own name for it is sortBy(). The other built-ins of expr, too, can be written in either way: group_by() is groupBy(), index_of() is indexOf().",
		Examples: []Example{
			{"sort_by(['bb', 'a', 'ccc'], len(#))", `["a","bb","ccc"]`},
			{"sort_by([{n: 2}, {n: 1}], .n)[0].n", "1"},
			{"sort_by([1, 3, 2], #, 'desc')", "[3,2,1]"},
		},
	}, {
		Name:  "try",
		Usage: "try(x, fallback)",
		Summary: "The value of the expression x or, where that fails, of fallback, which is evaluated only then. nil is a value and no failure. " +
			"What can be seen to be wrong while planning, such as text where a number is needed, stays a problem, and so does an expression that uses more steps or text than it may.",
		Examples: []Example{
			{"try(int('12'), -1)", "12"},
			{"try(int('12x'), -1)", "-1"},
			{"map(['1', 'x'], try(int(#), nil))", "[1,null]"},
		},
	}, {
		Name:  "uuid",
		Usage: "uuid([label])",
		Summary: "The UUID of the row, of version 5 (RFC 9562): made of the pipeline, the source, the object that the row was read from and its number there. " +
			"It is the same in every place of one row, so that two sinks can name the row alike, and whenever the row is read again, retried or replayed, edited or not; " +
			"another row, object or pipeline has another one. A label in quotes gives one more of the same row: `uuid('line')`. A file that is sent again is another object. " +
			"Rows of a group have that of the group's first row. Where there is no row to make it of it is refused: in a loop over a list and behind an expand step, where uuid5() makes one of values, and in expressions about a reply.",
		Examples: []Example{
			{"uuid() == uuid()", "true"},
			{"uuid() == uuid('line')", "false"},
		},
	}}
}
