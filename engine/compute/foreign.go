package compute

import (
	"fmt"
	"strings"

	"github.com/expr-lang/expr/ast"

	"weir/engine/diag"
)

// Words of other languages that people write by habit, and what stands for them here.

// foreign reports a name that is a constant elsewhere.
func (c *checker) foreign(n ast.Node, name string) bool {
	fix := ""
	switch strings.ToLower(name) {
	case "null", "none", "undefined":
		fix = "nil"
	case "true", "false":
		fix = strings.ToLower(name)
	default:
		return false
	}
	loc := n.Location()
	d := diag.Errorf("expr.unknown_name", c.at(loc.From, loc.To), fmt.Sprintf("There is no column %q here", name), "Write %s.", fix)
	d.Fix = fix
	c.diags = append(c.diags, d)
	return true
}

// foreignFunction says what does here what a function of that name does elsewhere, "" when
// nothing is known of it.
func foreignFunction(name string) string {
	switch strings.ToLower(name) {
	case "strip", "btrim":
		return "Write trim()."
	case "length", "size", "strlen":
		return "Write len()."
	case "substr", "substring", "left", "mid":
		return "Write a slice, such as name[0:3]."
	case "ifnull", "isnull", "nvl", "default":
		return "Write `a ?? b` for b where a is nil, or coalesce()."
	case "concat":
		return "Write a + b, or join_nonempty() for parts that may be nil."
	case "if", "iif", "case":
		return "Write `condition ? a : b`."
	case "to_number", "tonumber", "parsefloat", "parse_float", "number":
		return "Write decimal(), int() or float()."
	case "parseint", "parse_int", "toint", "integer":
		return "Write int()."
	case "str", "tostring", "to_string", "text":
		return "Write string()."
	case "todate", "to_date", "parse_date", "strptime":
		return "Write date() or datetime() with a format."
	case "format_date", "dateformat", "date_format", "formatdate", "to_char":
		return "Write strftime()."
	case "lowercase", "tolower", "to_lower", "lcase":
		return "Write lower()."
	case "uppercase", "toupper", "to_upper", "ucase":
		return "Write upper()."
	case "regex", "regexp", "match":
		return "Write `text matches 'pattern'`."
	}
	return ""
}

// foreignOperator says what is written here for a word that is an operator elsewhere.
func foreignOperator(word string) string {
	switch strings.ToUpper(word) {
	case "IS":
		return `Write "== nil" or "!= nil".`
	case "AND", "OR", "NOT", "IN":
		return fmt.Sprintf("Write %q, in lower case.", strings.ToLower(word))
	case "LIKE":
		return `Write "contains", "startsWith", "endsWith" or "matches".`
	case "BETWEEN":
		return `Write "x >= a and x <= b".`
	case "===":
		return `Write "==" to compare.`
	}
	return ""
}
