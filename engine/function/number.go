package function

import (
	"bytes"
	"errors"
	"fmt"
	"math"

	"weir/engine/record"
)

func numberFunctions() []Function {
	return []Function{roundFunction(), fixedFunction(), decimalFunction(false), decimalFunction(true), moneyFunction(false), moneyFunction(true)}
}

// suffix returns the name and summary of a function or of its lenient variant.
func suffix(name, summary string, lenient bool) (string, string) {
	if lenient {
		return name + "_or_nil", "As " + name + "(), with nil instead of an error when the text x is not a number."
	}
	return name, summary
}

func decimalFunction(lenient bool) Function {
	name, summary := suffix("decimal", "The exact decimal number that the text x is, or the number x as a decimal; a float by its shortest notation, or an error where that is not the whole number that the float is. "+
		"The decimal mark is a point, or a comma when mark is `'comma'`; the other of the two, a space or an apostrophe may group thousands. "+
		"White space around it is ignored. nil when x is empty; an error when x is anything else than one number of at most 18 digits.", lenient)
	examples := []Example{
		{name + "('1234.50')", "1234.5"},
		{name + "('1.234,50', 'comma')", "1234.5"},
		{name + "(' -0.10 ')", "-0.1"},
		{name + "(0.1)", "0.1"},
		{name + "('')", "null"},
	}
	if lenient {
		examples = append(examples, Example{name + "('12 pieces')", "null"})
	}
	return Function{
		Name: name, Usage: name + "(x[, mark])", Summary: summary, Examples: examples,
		Types: []any{
			new(func(string) *record.DecimalValue), new(func(string, string) *record.DecimalValue), new(func(int) *record.DecimalValue),
			new(func(float64) *record.DecimalValue), new(func(record.DecimalValue) *record.DecimalValue),
		},
		Returns: decimalType,
		Call: strict(func(args []any) (any, error) {
			comma, err := markArg(name, args)
			if err != nil {
				return nil, err
			}
			return toDecimal(name, args[0], lenient, decimalForm(comma))
		}),
		Prepare: func(args []any) (Fast, error) {
			_, usable, err := constants(name, args)
			if err != nil || !usable {
				return Fast{}, err
			}
			comma, err := markArg(name, args)
			if err != nil {
				return Fast{}, err
			}
			return Fast{Dec: decimalCore(lenient, decimalForm(comma))}, nil
		},
	}
}

// decimalType is null for texts, which may be empty, and where an argument is.
func decimalType(args []record.Type) record.Type {
	return record.Type{Kind: record.Decimal, Nullable: anyNull(args) || args[0].Kind == record.String}
}

// markArg returns whether the decimal mark, argument 1, is a comma.
func markArg(name string, args []any) (comma bool, err error) {
	if len(args) < 2 {
		return false, nil
	}
	mark, err := textArg(name, args, 1)
	switch {
	case err != nil:
		return false, err
	case mark == "comma" || mark == "point":
		return mark == "comma", nil
	}
	return false, fmt.Errorf("%q is not a decimal mark of %s(); there are 'point' and 'comma'", mark, name)
}

// form is a way of reading a number.
type form struct {
	what  string // for errors
	parse func(s []byte) (record.DecimalValue, error)
}

func decimalForm(comma bool) form {
	what := "a number with a decimal point"
	if comma {
		what = "a number with a decimal comma"
	}
	return form{what, func(s []byte) (record.DecimalValue, error) { return record.ParseDecimal(s, comma) }}
}

// decimalCore reads a text; white space around it does not count.
func decimalCore(lenient bool, f form) func(s []byte) (record.DecimalValue, bool, error) {
	return func(s []byte) (record.DecimalValue, bool, error) {
		s = bytes.TrimSpace(s)
		if len(s) == 0 {
			return record.DecimalValue{}, false, nil
		}
		d, err := f.parse(s)
		if err == nil {
			return d, true, nil
		}
		if lenient {
			return record.DecimalValue{}, false, nil
		}
		if errors.Is(err, record.ErrDecimalRange) {
			return record.DecimalValue{}, false, fmt.Errorf("%s: %w", shown(s), err)
		}
		return record.DecimalValue{}, false, fmt.Errorf("%s is not %s", shown(s), f.what)
	}
}

// toDecimal converts a text or a number.
func toDecimal(name string, v any, lenient bool, f form) (any, error) {
	if s, isText := v.(string); isText {
		d, valid, err := decimalCore(lenient, f)([]byte(s))
		if err != nil || !valid {
			return nil, err
		}
		return d, nil
	}
	if d, isNumber := number(v); isNumber {
		return d, nil
	}
	if x, isFloat := v.(float64); isFloat {
		if lenient {
			return nil, nil
		}
		_, err := record.DecimalFromFloat(x)
		return nil, fmt.Errorf("%v: %w", x, err)
	}
	return nil, wrongKind(name, 0, "text or a number", v)
}

func roundFunction() Function {
	return Function{
		Name:    "round",
		Usage:   "round(x[, places])",
		Meaning: Round,
		Summary: "The number x rounded to places digits after the point, to a whole number unless given; a half is rounded away from zero. " +
			"The result is of the same kind as x. A float is rounded as its shortest notation reads, so that `round(2.675, 2)` is 2.68.",
		Examples: []Example{
			{"round(decimal('2.345'), 2)", "2.35"},
			{"round(decimal('-2.5'))", "-3"},
			{"round(2.675, 2)", "2.68"},
			{"round(7, 2)", "7"},
		},
		Types: []any{ // from narrow to wide: an int fits the others too, a constant float a decimal
			new(func(int) *int), new(func(int, int) *int),
			new(func(float64) *float64), new(func(float64, int) *float64),
			new(func(record.DecimalValue) *record.DecimalValue), new(func(record.DecimalValue, int) *record.DecimalValue),
		},
		Returns: func(args []record.Type) record.Type {
			t := args[0]
			t.Nullable = anyNull(args)
			return t
		},
		Call: strict(func(args []any) (any, error) {
			places, err := placesArg("round", args)
			if err != nil {
				return nil, err
			}
			switch x := args[0].(type) {
			case int, int64:
				return x, nil
			case record.DecimalValue:
				return x.Round(uint8(places)), nil
			case float64:
				return RoundFloat(x, places), nil
			}
			return nil, wrongKind("round", 0, "a number", args[0])
		}),
		Prepare: preparePlaces("round"),
	}
}

func placesArg(name string, args []any) (int, error) {
	if len(args) < 2 {
		return 0, nil
	}
	n, err := intArg(name, args, 1)
	if err == nil && (n < 0 || n > record.MaxScale) {
		err = fmt.Errorf("%s() rounds to 0 to %d digits after the point, not %d", name, record.MaxScale, n)
	}
	return n, err
}

// RoundFloat is round() of a float: it rounds the shortest notation of x to 0 to
// record.MaxScale places. A float that no decimal holds is
// either so large that it is whole, or has digits beyond every place.
func RoundFloat(x float64, places int) float64 {
	if d, err := record.DecimalFromFloat(x); err == nil {
		return d.Round(uint8(places)).Float()
	}
	if math.Abs(x) >= 1<<53 || math.IsNaN(x) {
		return x
	}
	p := math.Pow10(places)
	return math.Round(x*p) / p
}
