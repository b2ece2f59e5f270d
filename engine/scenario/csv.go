package scenario

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
)

// csvFunction is csv(delimiter, columns, rows): the text of a CSV file with a
// header and the given rows, which are objects; a column that a row lacks is empty.
func csvFunction() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{
			{Name: "delimiter", Type: cty.String},
			{Name: "columns", Type: cty.List(cty.String)},
			{Name: "rows", Type: cty.DynamicPseudoType},
		},
		Type: function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			comma, n := utf8.DecodeRuneInString(args[0].AsString())
			if n != len(args[0].AsString()) || n == 0 {
				return cty.UnknownVal(cty.String), function.NewArgErrorf(0, "the delimiter must be one character")
			}
			var columns []string
			for it := args[1].ElementIterator(); it.Next(); {
				_, v := it.Element()
				columns = append(columns, v.AsString())
			}
			text, err := writeCSV(comma, columns, args[2])
			if err != nil {
				return cty.UnknownVal(cty.String), function.NewArgError(2, err)
			}
			return cty.StringVal(text), nil
		},
	})
}

func writeCSV(comma rune, columns []string, rows cty.Value) (string, error) {
	if !rows.CanIterateElements() || rows.Type().IsObjectType() || rows.Type().IsMapType() {
		return "", fmt.Errorf("rows must be a list of objects")
	}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.Comma, w.UseCRLF = comma, true
	_ = w.Write(columns) // a bytes.Buffer takes everything
	for it := rows.ElementIterator(); it.Next(); {
		_, row := it.Element()
		if !row.Type().IsObjectType() && !row.Type().IsMapType() {
			return "", fmt.Errorf("each row must be an object: { column = value }")
		}
		cells := make([]string, len(columns))
		for jt := row.ElementIterator(); jt.Next(); {
			k, v := jt.Element()
			i := slices.Index(columns, k.AsString())
			if i < 0 {
				return "", fmt.Errorf("there is no column %q; columns: %s", k.AsString(), strings.Join(columns, ", "))
			}
			s, err := convert.Convert(v, cty.String)
			if err != nil {
				return "", fmt.Errorf("column %q: must be text", k.AsString())
			}
			if !s.IsNull() {
				cells[i] = s.AsString()
			}
		}
		_ = w.Write(cells)
	}
	w.Flush()
	return b.String(), nil
}
