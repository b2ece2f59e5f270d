package datetime

import "strings"

// Directive is one directive of a format, for documentation.
type Directive struct{ Name, Meaning string }

// Directives returns what Compile understands, in the order of documentation.
func Directives() []Directive {
	return []Directive{
		{"%Y", "year, 4 digits"},
		{"%y", "year, 2 digits: 69 to 99 are 1969 to 1999, 00 to 68 are 2000 to 2068"},
		{"%m", "month, 2 digits"},
		{"%d", "day of the month, 2 digits"},
		{"%e", "day of the month, 1 or 2 digits; written with a space for a missing digit"},
		{"%j", "day of the year, 3 digits"},
		{"%b", "English month name, short (Jan); read in any case"},
		{"%B", "English month name (January); read in any case"},
		{"%a", "English weekday, short (Mon); when read, it must agree with the date"},
		{"%A", "English weekday (Monday); likewise"},
		{"%H", "hour, 00 to 23"},
		{"%I", "hour, 01 to 12; needs %p"},
		{"%p", "AM or PM; read in any case"},
		{"%M", "minute, 2 digits"},
		{"%S", "second, 2 digits"},
		{"%-m", "the same without padding, 1 or 2 digits; also %-d, %-H, %-I, %-M, %-S"},
		{"%f", "fraction of a second: reads 1 to 9 digits, of which those beyond microseconds are cut off, and writes 6"},
		{"%3f", "fraction of exactly 3 digits; also %1f to %9f"},
		{"%z", "offset from UTC: reads Z, +hh, +hhmm and +hh:mm, writes +hhmm"},
		{"%:z", "the same, writes +hh:mm"},
		{"%s", "seconds since 1970-01-01T00:00:00Z; a %f after it counts forward in time"},
		{"%F", "%Y-%m-%d"},
		{"%T", "%H:%M:%S"},
		{"%R", "%H:%M"},
		{"%%", "a percent sign"},
	}
}

func directiveNames() string {
	var sb strings.Builder
	for i, d := range Directives() {
		if i > 0 {
			sb.WriteByte(' ')
		}
		sb.WriteString(d.Name)
	}
	return sb.String()
}
