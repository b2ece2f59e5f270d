package function

import (
	"fmt"

	"weir/engine/record"
)

func fixedFunction() Function {
	return Function{
		Name:  "fixed",
		Usage: "fixed(x, places)",
		Summary: "The number x as text with exactly places digits after the point, rounded as round() does. " +
			"Numbers themselves have one notation, without zeros at the end: `string(79.90)` and JSON have 79.9.",
		Examples: []Example{
			{"fixed(decimal('79.90'), 2)", `"79.90"`},
			{"fixed(decimal('-0.005'), 2)", `"-0.01"`},
			{"fixed(7, 2)", `"7.00"`},
			{"fixed(2.5, 0)", `"3"`},
		},
		Types: []any{
			new(func(int, int) *string), new(func(float64, int) *string), new(func(record.DecimalValue, int) *string),
		},
		Returns: asArgs(record.String),
		Meaning: Fixed,
		Call: strict(func(args []any) (any, error) {
			places, err := placesArg("fixed", args)
			if err != nil {
				return nil, err
			}
			d, isNumber := number(args[0])
			if !isNumber {
				if x, isFloat := args[0].(float64); isFloat {
					return nil, fmt.Errorf("%v: %w", x, record.ErrDecimalRange)
				}
				return nil, wrongKind("fixed", 0, "a number", args[0])
			}
			return string(AppendFixed(nil, d, places)), nil
		}),
		Prepare: preparePlaces("fixed"),
	}
}

// AppendFixed appends d rounded to places digits after the point, as fixed()
// writes it; places is 0 to record.MaxScale.
func AppendFixed(dst []byte, d record.DecimalValue, places int) []byte {
	d = d.Round(uint8(places))
	dst = d.Append(dst)
	missing := places - int(d.Scale)
	if d.Scale == 0 && places > 0 {
		dst = append(dst, '.')
	}
	for range missing {
		dst = append(dst, '0')
	}
	return dst
}

// preparePlaces is Prepare for a function whose argument 1 is a number of places.
func preparePlaces(name string) func(args []any) (Fast, error) {
	return func(args []any) (Fast, error) {
		if len(args) > 1 && args[1] != nil {
			if _, not := args[1].(NotConst); !not {
				_, err := placesArg(name, args)
				return Fast{}, err
			}
		}
		return Fast{}, nil
	}
}
