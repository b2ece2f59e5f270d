package function

import (
	"time"

	"weir/engine/datetime"
	"weir/engine/record"
)

const isoDate = "%Y-%m-%d"

// orNil makes the variant of a function from text that gives nil where the
// function gives an error about the text. Wrong arguments of other kinds stay errors.
func orNil(f Function, read func(args []any) (v any, isText bool, err error)) Function {
	f.Call = strict(func(args []any) (any, error) {
		v, isText, err := read(args)
		if err != nil && isText {
			return nil, nil
		}
		return v, err
	})
	return f
}

func (l *library) dateFunctions() []Function {
	types := []any{
		new(func(string) *record.DateValue), new(func(string, string) *record.DateValue),
		new(func(time.Time) *record.DateValue), new(func(record.DateValue) *record.DateValue),
	}
	date := Function{
		Name:  "date",
		Usage: "date(x[, format])",
		Summary: "The calendar day that the text x names in the given format (`%Y-%m-%d` unless given; see Formats), or the day of the datetime x in its zone. " +
			"nil when x is `''`; an error when x is anything else than a day that exists.",
		Examples: []Example{
			{"date('2024-02-29')", `"2024-02-29"`},
			{"date('29-02-2024', '%d-%m-%Y')", `"2024-02-29"`},
			{"date('', '%d-%m-%Y')", "null"},
			{"date(datetime('2024-07-01 23:30', '%Y-%m-%d %H:%M'))", `"2024-07-01"`},
		},
		Types: types, Meaning: DateOf,
		Returns: func(args []record.Type) record.Type {
			return record.Type{Kind: record.Date, Nullable: anyNull(args) || args[0].Kind == record.String}
		},
		Call:    strict(func(args []any) (any, error) { v, _, err := l.readDate("date", args); return v, err }),
		Prepare: func(args []any) (Fast, error) { return prepareDate("date", args, false) },
	}
	lenient := orNil(Function{
		Name:    "date_or_nil",
		Usage:   "date_or_nil(x[, format])",
		Summary: "As date(), with nil instead of an error when the text x is not a day that exists.",
		Examples: []Example{
			{"date_or_nil('31-02-2024', '%d-%m-%Y')", "null"},
			{"date_or_nil('29-02-2024', '%d-%m-%Y')", `"2024-02-29"`},
		},
		Types: types, Returns: date.Returns, Meaning: DateOf,
		Prepare: func(args []any) (Fast, error) { return prepareDate("date_or_nil", args, true) },
	}, func(args []any) (any, bool, error) { return l.readDate("date_or_nil", args) })
	return []Function{date, lenient}
}

// readDate returns the date, and whether an error is about the text.
func (l *library) readDate(name string, args []any) (v any, isText bool, err error) {
	switch x := args[0].(type) {
	case record.DateValue:
		return x, false, nil
	case time.Time:
		d, _ := record.DateOf(x.Year(), int(x.Month()), x.Day())
		return d, false, nil
	}
	s, err := textArg(name, args, 0)
	format := isoDate
	if err == nil && len(args) > 1 {
		format, err = textArg(name, args, 1)
	}
	if err != nil {
		return nil, false, err
	}
	f, err := l.formats.get(format)
	if err == nil {
		err = f.CanParseDate()
	}
	if err != nil {
		return nil, false, err
	}
	if s == "" {
		return nil, true, nil
	}
	days, err := f.ParseDate([]byte(s))
	if err != nil {
		return nil, true, err
	}
	return record.DateValue{Days: days}, true, nil
}

func prepareDate(name string, args []any, lenient bool) (Fast, error) {
	texts, usable, err := constants(name, args)
	if err != nil || !usable {
		return Fast{}, err
	}
	f, err := datetime.Compile(append(texts, isoDate)[0])
	if err == nil {
		err = f.CanParseDate()
	}
	if err != nil {
		return Fast{}, err
	}
	return Fast{Date: func(s []byte) (int64, bool, error) {
		if len(s) == 0 {
			return 0, false, nil
		}
		if lenient {
			days, valid := f.TryDate(s)
			return days, valid, nil
		}
		days, err := f.ParseDate(s)
		return days, err == nil, err
	}}, nil
}
