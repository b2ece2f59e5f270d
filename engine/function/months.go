package function

import (
	"fmt"
	"time"

	"weir/engine/record"
)

// maxMonths is about 2,700 years, the most that add_months() moves.
const maxMonths = maxDays / 30

func (l *library) monthFunctions() []Function {
	part := func(name, summary string, of func(days int64) int, examples ...Example) Function {
		return Function{
			Name: name, Usage: name + "(x)", Summary: summary, Examples: examples,
			Types:   []any{new(func(record.DateValue) *int), new(func(time.Time) *int)},
			Returns: asArgs(record.Int),
			Call: strict(func(args []any) (any, error) {
				d, err := dayOf(name, args, 0)
				if err != nil {
					return nil, err
				}
				return of(d.Days), nil
			}),
		}
	}
	return []Function{
		part("weekday", "The day of the week of the date x, or of the datetime x in its zone: 1 is Monday, 7 is Sunday (ISO 8601).", weekday,
			Example{"weekday(date('2024-07-01'))", "1"}, Example{"weekday(date('2024-07-07'))", "7"}),
		part("week", "The number, 1 to 53, of the week of the date x, or of the datetime x in its zone (ISO 8601: weeks begin on Monday, and week 1 has the first Thursday). "+
			"The first days of January may be in the last week of the year before: the year that the week belongs to is `year(add_days(x, 4 - weekday(x)))`.", week,
			Example{"week(date('2024-07-01'))", "27"}, Example{"week(date('2021-01-03'))", "53"}, Example{"week(date('2024-12-30'))", "1"}),
		{
			Name:  "add_months",
			Usage: "add_months(x, n)",
			Summary: "The date n months after the date x, before it when n is negative: the same day of that month, or its last day when that month is shorter. " +
				"So adding one month twice may differ from adding two. Of a datetime: the same local time on that day in its zone, as add_days() has it.",
			Examples: []Example{
				{"add_months(date('2024-01-31'), 1)", `"2024-02-29"`},
				{"add_months(date('2024-03-31'), -13)", `"2023-02-28"`},
				{"add_months(datetime('2024-03-15 12:00', '%Y-%m-%d %H:%M', 'Europe/Amsterdam'), 1)", `"2024-04-15T12:00:00+02:00"`},
			},
			Types: []any{new(func(record.DateValue, int) *record.DateValue), new(func(time.Time, int) *time.Time)},
			Returns: func(args []record.Type) record.Type {
				t := args[0]
				t.Nullable = anyNull(args)
				return t
			},
			Call: strict(addMonths),
		},
		{
			Name:     "end_of_month",
			Usage:    "end_of_month(x)",
			Summary:  "The last day of the month of the date x, or of the datetime x in its zone, as a date.",
			Examples: []Example{{"end_of_month(date('2024-02-05'))", `"2024-02-29"`}, {"end_of_month(date('2023-12-31'))", `"2023-12-31"`}},
			Types:    []any{new(func(record.DateValue) *record.DateValue), new(func(time.Time) *record.DateValue)},
			Returns:  asArgs(record.Date),
			Call: strict(func(args []any) (any, error) {
				d, err := dayOf("end_of_month", args, 0)
				if err != nil {
					return nil, err
				}
				y, m, day := d.Civil()
				return record.DateValue{Days: d.Days + int64(lastDay(y, m)-day)}, nil
			}),
		},
	}
}

// weekday is 1 for Monday; day 0 was a Thursday.
func weekday(days int64) int { return int(((days+3)%7+7)%7) + 1 }

func week(days int64) int {
	_, n := time.Unix(days*86400, 0).UTC().ISOWeek()
	return n
}

// lastDay is the number of days of a month.
func lastDay(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// monthsAfter is the day n months after d.
func monthsAfter(d record.DateValue, n int) (record.DateValue, bool) {
	y, m, day := d.Civil()
	m += n - 1
	y, m = y+m/12, m%12
	if m < 0 {
		y, m = y-1, m+12
	}
	return record.DateOf(y, m+1, min(day, lastDay(y, m+1)))
}

func addMonths(args []any) (any, error) {
	n, err := intArg("add_months", args, 1)
	if err != nil {
		return nil, err
	}
	if n < -maxMonths || n > maxMonths {
		return nil, fmt.Errorf("add_months() moves by at most %d months, not %d", maxMonths, n)
	}
	from, err := dayOf("add_months", args, 0)
	if err != nil {
		return nil, err
	}
	to, ok := monthsAfter(from, n)
	if !ok {
		return nil, fmt.Errorf("add_months() leaves the calendar: %d months from %s", n, from)
	}
	if t, isTime := args[0].(time.Time); isTime {
		return moveDays(t, int(to.Days-from.Days)), nil
	}
	return to, nil
}
