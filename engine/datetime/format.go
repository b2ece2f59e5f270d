package datetime

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// part is a set of the things a directive can say about an instant.
type part uint16

const (
	partYear part = 1 << iota
	partMonth
	partDay
	partYearDay
	partWeekday
	partHour
	partHour12
	partHalf
	partMinute
	partSecond
	partFraction
	partZone
	partUnix
)

// item is one directive, or literal text when verb is 0.
type item struct {
	verb byte
	flag byte // '-': no padding; ':': offset with a colon; '1' to '9': digits of %f
	lit  string
}

// Format is a compiled format. It is immutable and safe for concurrent use.
type Format struct {
	text    string
	items   []item
	has     part
	dateErr error // why the format cannot be used to read a date; nil when it can
	timeErr error // the same for an instant
	fixed   fixed
}

// Compile compiles a format: directives, which Directives lists, and text that
// stands for itself. The error names the directive that is not known, its
// position in characters (the first is 1), and those that exist.
func Compile(format string) (*Format, error) {
	f := &Format{text: format}
	var double byte
	for i := 0; i < len(format); {
		n := strings.IndexByte(format[i:], '%')
		if n != 0 {
			if n < 0 {
				n = len(format) - i
			}
			f.literal(format[i : i+n])
			i += n
			continue
		}
		it, size, err := directive(format, i)
		if err != nil {
			return nil, err
		}
		i += size
		if it.verb == '%' {
			f.literal("%")
			continue
		}
		for _, one := range expand(it) {
			if one.verb == 0 {
				f.literal(one.lit)
				continue
			}
			if f.has&partOf(one.verb) != 0 && double == 0 {
				double = one.verb
			}
			f.has |= partOf(one.verb)
			f.items = append(f.items, one)
		}
	}
	if f.has == 0 {
		return nil, fmt.Errorf("the format %q holds no directive; %s", format, directives(format))
	}
	f.dateErr, f.timeErr = f.readable(double)
	f.fixed = newFixed(f)
	return f, nil
}

// directives says how a format is written; one that is written with letters, as in
// many programs, it translates.
func directives(format string) string {
	out := strings.NewReplacer("yyyy", "%Y", "YYYY", "%Y", "yy", "%y", "YY", "%y", "MM", "%m", "dd", "%d", "DD", "%d", "HH", "%H", "hh", "%H", "mm", "%M", "ss", "%S").Replace(format)
	if strings.Count(out, "%") < 2 {
		return "a date is written with directives such as %Y-%m-%d"
	}
	return fmt.Sprintf("it is written %q", out)
}

// literal adds text that stands for itself, joined to literal text before it.
func (f *Format) literal(s string) {
	if k := len(f.items) - 1; k >= 0 && f.items[k].verb == 0 {
		f.items[k].lit += s
		return
	}
	f.items = append(f.items, item{lit: s})
}

// directive reads the directive at format[i], a percent sign, and returns its length.
func directive(format string, i int) (item, int, error) {
	it, k := item{}, i+1
	if k < len(format) && (format[k] == '-' || format[k] == ':' || '1' <= format[k] && format[k] <= '9') {
		it.flag = format[k]
		k++
	}
	pos := utf8.RuneCountInString(format[:i]) + 1
	if k == len(format) {
		return it, 0, fmt.Errorf("the format %q ends inside a directive at position %d; a percent sign is written %%%%", format, pos)
	}
	_, size := utf8.DecodeRuneInString(format[k:])
	it.verb = format[k]
	var known bool
	switch it.flag {
	case 0:
		known = strings.IndexByte("YymdejbBaAHIpMSfzsFTR%", it.verb) >= 0
	case '-':
		known = strings.IndexByte("mdHIMS", it.verb) >= 0
	case ':':
		known = it.verb == 'z'
	default:
		known = it.verb == 'f'
	}
	if !known {
		return it, 0, fmt.Errorf("the format %q has the unknown directive %s at position %d; there are %s", format, format[i:k+size], pos, directiveNames())
	}
	return it, k + 1 - i, nil
}

// expand replaces the directives that are short for others.
func expand(it item) []item {
	switch it.verb {
	case 'F':
		return []item{{verb: 'Y'}, {lit: "-"}, {verb: 'm'}, {lit: "-"}, {verb: 'd'}}
	case 'T':
		return []item{{verb: 'H'}, {lit: ":"}, {verb: 'M'}, {lit: ":"}, {verb: 'S'}}
	case 'R':
		return []item{{verb: 'H'}, {lit: ":"}, {verb: 'M'}}
	}
	return []item{it}
}

func partOf(verb byte) part {
	switch verb {
	case 'Y', 'y':
		return partYear
	case 'm', 'b', 'B':
		return partMonth
	case 'd', 'e':
		return partDay
	case 'j':
		return partYearDay
	case 'a', 'A':
		return partWeekday
	case 'H':
		return partHour
	case 'I':
		return partHour12
	case 'p':
		return partHalf
	case 'M':
		return partMinute
	case 'S':
		return partSecond
	case 'f':
		return partFraction
	case 'z':
		return partZone
	}
	return partUnix
}

// readable returns why f cannot be used to read a date and to read an instant.
func (f *Format) readable(double byte) (date, instant error) {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("the format %q can write but not read: %s", f.text, fmt.Sprintf(format, args...))
	}
	lacks := func(p part) bool { return f.has&p == 0 }
	day := partYear | partMonth | partDay
	switch clock := partHour | partHour12; {
	case double != 0:
		date = fail("it says the same thing twice, the second time with %%%c", double)
	case !lacks(partUnix) && f.has&^(partUnix|partFraction) != 0:
		date = fail("with %%s there can be no other directive but %%f")
	case !lacks(partUnix):
		return errors.New("%s is an instant, and which day it is depends on the zone: read it as a datetime"), nil
	case f.has&day != day && f.has&(partYear|partYearDay) != partYear|partYearDay:
		date = fail("it needs a year, a month and a day (or %%Y and %%j)")
	case !lacks(partYearDay) && f.has&(partMonth|partDay) != 0:
		date = fail("it has a day of the year and a month or day")
	case !lacks(partHour12) && (lacks(partHalf) || !lacks(partHour)):
		date = fail("%%I needs %%p, and excludes %%H")
	case lacks(clock) && f.has&(partMinute|partHalf) != 0,
		lacks(partMinute) && !lacks(partSecond), lacks(partSecond) && !lacks(partFraction):
		date = fail("it has a part of a time without the larger part before it (hour, minute, second, fraction)")
	}
	return date, date
}

// String returns the text that f was compiled from.
func (f *Format) String() string { return f.text }

// HasTime reports whether f says more than a day: an hour, a zone, or unix seconds.
func (f *Format) HasTime() bool {
	return f.has&(partHour|partHour12|partZone|partUnix) != 0
}

// CanParseDate returns nil when ParseDate can succeed with f, else why not: a
// format without a year, for example, can only write.
func (f *Format) CanParseDate() error { return f.dateErr }

// CanParseTime is CanParseDate for ParseTime.
func (f *Format) CanParseTime() error { return f.timeErr }
