package function

import (
	"fmt"
	"time"

	"weir/engine/datetime"
	"weir/engine/record"
)

// maxDays is about 2,700 years, the most that add_days() moves.
const maxDays = 1_000_000

func (l *library) calendarFunctions() []Function {
	part := func(name, what string, of func(year, month, day int) int, result string, m Meaning) Function {
		return Function{
			Name: name, Usage: name + "(x)",
			Summary:  "The " + what + " of the date x, or of the datetime x in its zone.",
			Examples: []Example{{name + "(date('2024-02-29'))", result}},
			Types:    []any{new(func(record.DateValue) *int), new(func(time.Time) *int)},
			Returns:  asArgs(record.Int),
			Meaning:  m,
			Call: strict(func(args []any) (any, error) {
				d, err := dayOf(name, args, 0)
				if err != nil {
					return nil, err
				}
				return of(d.Civil()), nil
			}),
		}
	}
	return []Function{
		part("year", "year", func(y, _, _ int) int { return y }, "2024", YearOf),
		part("month", "month, 1 to 12,", func(_, m, _ int) int { return m }, "2", MonthOf),
		part("day", "day of the month", func(_, _, d int) int { return d }, "29", DayOf),
		{
			Name:  "add_days",
			Usage: "add_days(x, n)",
			Summary: "The date n days after the date x, before it when n is negative. Of a datetime: the same local time n days later in its zone, " +
				"as far after the change when clocks skip that time, and the first of the two when they show it twice.",
			Examples: []Example{
				{"add_days(date('2024-02-28'), 2)", `"2024-03-01"`},
				{"add_days(datetime('2024-03-30 12:00', '%Y-%m-%d %H:%M', 'Europe/Amsterdam'), 1)", `"2024-03-31T12:00:00+02:00"`},
				{"add_days(datetime('2024-03-30 02:30', '%Y-%m-%d %H:%M', 'Europe/Amsterdam'), 1)", `"2024-03-31T03:30:00+02:00"`},
			},
			Types: []any{new(func(record.DateValue, int) *record.DateValue), new(func(time.Time, int) *time.Time)},
			Returns: func(args []record.Type) record.Type {
				t := args[0]
				t.Nullable = anyNull(args)
				return t
			},
			Call: strict(addDays),
		},
		{
			Name:     "days_between",
			Usage:    "days_between(a, b)",
			Summary:  "The number of days from the day a to the day b, negative when b is earlier. Datetimes count as their day in their zone.",
			Examples: []Example{{"days_between(date('2024-02-28'), date('2024-03-01'))", "2"}},
			Types: []any{
				new(func(record.DateValue, record.DateValue) *int), new(func(time.Time, time.Time) *int),
				new(func(record.DateValue, time.Time) *int), new(func(time.Time, record.DateValue) *int),
			},
			Returns: asArgs(record.Int),
			Call:    strict(daysBetween),
		},
	}
}

// dayOf returns the day of argument i, a date or a datetime.
func dayOf(name string, args []any, i int) (record.DateValue, error) {
	switch x := args[i].(type) {
	case record.DateValue:
		return x, nil
	case time.Time:
		d, _ := record.DateOf(x.Year(), int(x.Month()), x.Day())
		return d, nil
	}
	return record.DateValue{}, wrongKind(name, i, "a date or a datetime", args[i])
}

func daysBetween(args []any) (any, error) {
	a, err := dayOf("days_between", args, 0)
	if err != nil {
		return nil, err
	}
	b, err := dayOf("days_between", args, 1)
	if err != nil {
		return nil, err
	}
	return int(b.Days - a.Days), nil
}

func addDays(args []any) (any, error) {
	n, err := intArg("add_days", args, 1)
	if err != nil {
		return nil, err
	}
	if n < -maxDays || n > maxDays {
		return nil, fmt.Errorf("add_days() moves by at most %d days, not %d", maxDays, n)
	}
	switch x := args[0].(type) {
	case record.DateValue:
		return record.DateValue{Days: x.Days + int64(n)}, nil
	case time.Time:
		return moveDays(x, n), nil
	}
	return nil, wrongKind("add_days", 0, "a date or a datetime", args[0])
}

func moveDays(t time.Time, n int) time.Time {
	if n == 0 {
		return t // also the second of two equal local times
	}
	_, offset := t.Zone()
	local := t.Unix() + int64(offset) + int64(n)*86400
	unix := datetime.NewZone(t.Location()).UnixAfter(local)
	return time.Unix(unix, int64(t.Nanosecond())).In(t.Location())
}
