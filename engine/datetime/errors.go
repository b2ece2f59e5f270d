package datetime

import (
	"fmt"
	"strconv"
	"unicode/utf8"

	"weir/engine/record"
)

// ParseError says why a text is not a date or time in a format. Its message is
// made when asked for.
type ParseError struct {
	Text string // the text refused, cut off when very long
	form *Format
	fail failure
	time bool
}

// maxShown is the number of bytes of a text that an error repeats.
const maxShown = 60

func (f *Format) refuse(s []byte, fail failure, isTime bool) *ParseError {
	return &ParseError{Text: string(s[:min(len(s), maxShown)]), form: f, fail: fail, time: isTime}
}

// Error returns, for example:
// "31-02-2024" is not a date in the form %d-%m-%Y: February 2024 has 29 days.
func (e *ParseError) Error() string {
	what := "a date"
	if e.time {
		what = "a date and time"
	}
	dots := ""
	if len(e.Text) == maxShown {
		dots = "..."
	}
	return fmt.Sprintf("%q%s is not %s in the form %s: %s", e.Text, dots, what, e.form.text, e.reason())
}

func (e *ParseError) reason() string {
	a, b := e.fail.a, e.fail.b
	switch e.fail.cause {
	case badDirective:
		it := e.form.items[e.fail.item]
		return e.expected(it.meaning())
	case badLiteral:
		return e.expected(strconv.Quote(e.form.items[e.fail.item].lit))
	case leftOver:
		return fmt.Sprintf("nothing more should follow at position %d", e.position())
	case noMonth:
		return fmt.Sprintf("there is no month %d", a)
	case noDay:
		return fmt.Sprintf("%s %d has %d days", monthNames[b-1], a, daysIn(a, b))
	case noYearDay:
		return fmt.Sprintf("the year %d has no day %d", a, b)
	case noHour:
		return fmt.Sprintf("there is no hour %d", a)
	case noHour12:
		return fmt.Sprintf("there is no hour %d before AM or PM", a)
	case noMinute:
		return fmt.Sprintf("there is no minute %d", a)
	case noSecond:
		return fmt.Sprintf("there is no second %d", a)
	case wrongHalf:
		return fmt.Sprintf("AM or PM does not agree with the hour %d", a)
	case wrongWeekday:
		return "that day is a " + weekdayNames[a-1]
	}
	if e.time {
		return e.form.timeErr.Error()
	}
	return e.form.dateErr.Error()
}

// expected says what should stand where reading stopped, and what does.
func (e *ParseError) expected(what string) string {
	if e.Text == "" {
		return "the text is empty"
	}
	if e.fail.at >= maxShown {
		return fmt.Sprintf("after %d characters should be %s", e.position()-1, what)
	}
	if e.fail.at >= len(e.Text) {
		return fmt.Sprintf("the text ends where %s should follow", what)
	}
	rest := e.Text[e.fail.at:]
	return fmt.Sprintf("at position %d should be %s, not %q", e.position(), what, rest[:min(len(rest), 12)])
}

// position counts characters, the first being 1.
func (e *ParseError) position() int {
	return utf8.RuneCountInString(e.Text[:min(e.fail.at, len(e.Text))]) + 1
}

func daysIn(year, month int) int {
	day := 31
	for {
		if _, exists := record.DateOf(year, month, day); exists {
			return day
		}
		day--
	}
}

// meaning says what the directive reads.
func (it item) meaning() string {
	digits := "two digits"
	if it.flag == '-' {
		digits = "one or two digits"
	}
	switch it.verb {
	case 'Y':
		return "a year of four digits (%Y)"
	case 'y':
		return "a year of two digits (%y)"
	case 'm':
		return "a month of " + digits + it.hint()
	case 'd':
		return "a day of " + digits + it.hint()
	case 'e':
		return "a day of one or two digits (%e)"
	case 'j':
		return "a day of the year of three digits (%j)"
	case 'b':
		return "a short month name such as Jan (%b)"
	case 'B':
		return "a month name such as January (%B)"
	case 'a':
		return "a short weekday such as Mon (%a)"
	case 'A':
		return "a weekday such as Monday (%A)"
	case 'H', 'I':
		return "an hour of " + digits + it.hint()
	case 'p':
		return "AM or PM (%p)"
	case 'M':
		return "minutes of " + digits + it.hint()
	case 'S':
		return "seconds of " + digits + it.hint()
	case 'f':
		if it.flag != 0 {
			return "a fraction of " + string(it.flag) + " digits (%" + string(it.flag) + "f)"
		}
		return "a fraction of 1 to 9 digits (%f)"
	case 'z':
		return "a zone such as +02:00 or Z (%z)"
	}
	return "seconds since 1970 (%s)"
}

// hint names the directive, and the one that takes a single digit.
func (it item) hint() string {
	if it.flag == '-' {
		return " (%-" + string(it.verb) + ")"
	}
	return " (%" + string(it.verb) + "; one digit: %-" + string(it.verb) + ")"
}

// NoSuchTimeError is a local time that clocks skipped when they went forward.
// The three times are local, in seconds as if the zone were UTC.
type NoSuchTimeError struct {
	Local    int64  // the time that does not exist
	Zone     string // the name of the zone
	From, To int64  // clocks went from the one to the other
}

// Error returns, for example: 2024-03-31 02:30:00 does not exist in
// Europe/Amsterdam: clocks went from 02:00:00 to 03:00:00.
func (e *NoSuchTimeError) Error() string {
	day, from, to := split(e.Local, 0, 0), split(e.From, 0, 0), split(e.To, 0, 0)
	date := func(c clock) string { return record.DateValue{Days: c.days}.String() + " " }
	hms := func(c clock) string { return fmt.Sprintf("%02d:%02d:%02d", c.hour, c.minute, c.second) }
	was, is := hms(from), hms(to)
	if from.days != day.days || to.days != day.days {
		was, is = date(from)+was, date(to)+is
	}
	return fmt.Sprintf("%s%s does not exist in %s: clocks went from %s to %s", date(day), hms(day), e.Zone, was, is)
}
