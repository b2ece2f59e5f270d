package function

import (
	"bytes"
	"errors"
	"time"

	"weir/engine/datetime"
	"weir/engine/record"
)

// The two forms of RFC 3339, the default of datetime().
const (
	rfc3339      = "%Y-%m-%dT%H:%M:%S%z"
	rfc3339Micro = "%Y-%m-%dT%H:%M:%S.%f%z"
)

func (l *library) timeFunctions() []Function {
	types := []any{new(func(string) *time.Time), new(func(string, string) *time.Time), new(func(string, string, string) *time.Time)}
	read := Function{
		Name:  "datetime",
		Usage: "datetime(x[, format[, zone]])",
		Summary: "The instant that the text x names in the given format (RFC 3339 unless given; see Formats). zone is the zone of texts that name none (UTC unless given), " +
			"and the one the result is shown in. nil when x is `''`; an error when x is anything else than a time that exists. " +
			"A local time that clocks show twice in autumn is the first of the two.",
		Examples: []Example{
			{"datetime('2024-07-01T12:30:00+02:00')", `"2024-07-01T10:30:00Z"`},
			{"datetime('01-07-2024 12:30:00', '%d-%m-%Y %H:%M:%S', 'Europe/Amsterdam')", `"2024-07-01T12:30:00+02:00"`},
			{"datetime('1719830445', '%s')", `"2024-07-01T10:40:45Z"`},
			{"datetime('')", "null"},
		},
		Types: types, Returns: maybe(record.Time), ZoneArg: 2,
		Call:    strict(func(args []any) (any, error) { v, _, err := l.readTime("datetime", args); return v, err }),
		Prepare: func(args []any) (Fast, error) { return prepareTime("datetime", args, false) },
	}
	lenient := orNil(Function{
		Name:     "datetime_or_nil",
		Usage:    "datetime_or_nil(x[, format[, zone]])",
		Summary:  "As datetime(), with nil instead of an error when the text x is not a time that exists.",
		Examples: []Example{{"datetime_or_nil('2024-03-31 02:30', '%Y-%m-%d %H:%M', 'Europe/Amsterdam')", "null"}},
		Types:    types, Returns: maybe(record.Time), ZoneArg: 2,
		Prepare: func(args []any) (Fast, error) { return prepareTime("datetime_or_nil", args, true) },
	}, func(args []any) (any, bool, error) { return l.readTime("datetime_or_nil", args) })
	return []Function{read, lenient, l.strftimeFunction(), {
		Name:     "in_zone",
		Usage:    "in_zone(t, zone)",
		Summary:  "The same instant as t, shown in zone.",
		Examples: []Example{{"in_zone(datetime('2024-07-01T10:30:00Z'), 'Europe/Warsaw')", `"2024-07-01T12:30:00+02:00"`}},
		Types:    []any{new(func(time.Time, string) *time.Time)},
		Returns:  asArgs(record.Time), ZoneArg: 1, Meaning: InZone,
		Call: strict(func(args []any) (any, error) {
			t, isTime := args[0].(time.Time)
			if !isTime {
				return nil, wrongKind("in_zone", 0, "a datetime", args[0])
			}
			loc, err := l.zoneArg("in_zone", args, 1)
			if err != nil {
				return nil, err
			}
			return t.In(loc), nil
		}),
		Prepare: func(args []any) (Fast, error) {
			texts, usable, err := constants("in_zone", args)
			if err == nil && usable {
				_, err = Zone(texts[0])
			}
			return Fast{}, err
		},
	}}
}

// zoneArg returns the zone named by argument i, UTC when there is no such argument.
func (l *library) zoneArg(name string, args []any, i int) (*time.Location, error) {
	if len(args) <= i {
		return time.UTC, nil
	}
	zone, err := textArg(name, args, i)
	if err != nil {
		return nil, err
	}
	return l.zones.get(zone)
}

// readTime returns the instant, and whether an error is about the text.
func (l *library) readTime(name string, args []any) (v any, isText bool, err error) {
	s, err := textArg(name, args, 0)
	if err != nil {
		return nil, false, err
	}
	loc, err := l.zoneArg(name, args, 2)
	if err != nil {
		return nil, false, err
	}
	format := defaultFormat([]byte(s))
	if len(args) > 1 {
		if format, err = textArg(name, args, 1); err != nil {
			return nil, false, err
		}
	}
	f, err := l.formats.get(format)
	if err == nil {
		err = f.CanParseTime()
	}
	if err != nil {
		return nil, false, err
	}
	if s == "" {
		return nil, true, nil
	}
	micros, err := f.ParseTime([]byte(s), loc)
	if err != nil {
		return nil, true, err
	}
	return time.UnixMicro(micros).In(loc), true, nil
}

func defaultFormat(s []byte) string {
	if bytes.IndexByte(s, '.') >= 0 {
		return rfc3339Micro
	}
	return rfc3339
}

func prepareTime(name string, args []any, lenient bool) (Fast, error) {
	texts, usable, err := constants(name, args)
	if err != nil || !usable {
		return Fast{}, err
	}
	loc := time.UTC
	if len(texts) > 1 {
		if loc, err = Zone(texts[1]); err != nil {
			return Fast{}, err
		}
	}
	plain, micro := rfc3339, rfc3339Micro
	if len(texts) > 0 {
		plain, micro = texts[0], texts[0]
	}
	f, err := datetime.Compile(plain)
	g, err2 := datetime.Compile(micro)
	if err = errors.Join(err, err2); err != nil {
		return Fast{}, err
	}
	if err := f.CanParseTime(); err != nil {
		return Fast{}, err
	}
	p, q := f.Parser(loc), g.Parser(loc)
	return Fast{Time: func(s []byte) (int64, bool, error) {
		if len(s) == 0 {
			return 0, false, nil
		}
		use := p
		if plain != micro && bytes.IndexByte(s, '.') >= 0 {
			use = q
		}
		if lenient {
			micros, valid := use.TryTime(s)
			return micros, valid, nil
		}
		micros, err := use.Time(s)
		return micros, err == nil, err
	}}, nil
}

func (l *library) strftimeFunction() Function {
	return Function{
		Name:  "strftime",
		Usage: "strftime(x, format[, zone])",
		Summary: "The datetime or date x as text in the given format (see Formats). A datetime is shown in zone, or in its own zone when none is given; " +
			"a date is midnight and has no zone.",
		Examples: []Example{
			{"strftime(datetime('2024-07-01T10:30:00Z'), '%d-%m-%Y %H:%M', 'Europe/Amsterdam')", `"01-07-2024 12:30"`},
			{"strftime(date('2024-07-01'), '%Y%m%d')", `"20240701"`},
		},
		Types: []any{
			new(func(time.Time, string) *string), new(func(time.Time, string, string) *string),
			new(func(record.DateValue, string) *string), new(func(record.DateValue, string, string) *string),
		},
		Returns: asArgs(record.String),
		Call:    strict(l.strftime),
		Prepare: prepareStrftime,
	}
}

func (l *library) strftime(args []any) (any, error) {
	format, err := textArg("strftime", args, 1)
	if err != nil {
		return nil, err
	}
	f, err := l.formats.get(format)
	if err != nil {
		return nil, err
	}
	loc, err := l.zoneArg("strftime", args, 2)
	if err != nil {
		return nil, err
	}
	switch x := args[0].(type) {
	case record.DateValue:
		return string(f.AppendDate(nil, x.Days)), nil
	case time.Time:
		if len(args) < 3 {
			loc = x.Location()
		}
		return string(f.AppendTime(nil, x.UnixMicro(), loc)), nil
	}
	return nil, wrongKind("strftime", 0, "a datetime or a date", args[0])
}

func prepareStrftime(args []any) (Fast, error) {
	texts, usable, err := constants("strftime", args)
	if err != nil || !usable {
		return Fast{}, err
	}
	f, err := datetime.Compile(texts[0])
	if err != nil {
		return Fast{}, err
	}
	var fixed *time.Location
	if len(texts) > 1 {
		if fixed, err = Zone(texts[1]); err != nil {
			return Fast{}, err
		}
	}
	var p *datetime.Printer
	var of *time.Location // the zone of p
	return Fast{
		FromTime: func(dst []byte, micros int64, loc *time.Location) ([]byte, error) {
			if fixed != nil {
				loc = fixed
			}
			if p == nil || of != loc {
				p, of = f.Printer(loc), loc
			}
			return p.Append(dst, micros), nil
		},
		FromDate: func(dst []byte, days int64) ([]byte, error) { return f.AppendDate(dst, days), nil },
	}, nil
}
