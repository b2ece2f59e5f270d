package datetime

import (
	"time"

	"weir/engine/record"
)

const (
	secondsPerDay   = 86400
	microsPerSecond = 1_000_000
)

// fields is what a text said.
type fields struct {
	year, month, day, yday  int
	weekday                 int // 1 is Monday, 0 is unknown
	hour, half              int // half: 0 unknown, 1 AM, 2 PM
	min, sec, micro, offset int
	unix                    int64
}

// cause says in one byte why a text was refused; see ParseError.
type cause uint8

const (
	ok           cause = iota
	badDirective       // the text at the directive is not what it reads
	badLiteral         // the text differs from the format's own text
	leftOver           // text after the last directive
	noMonth            // a = month
	noDay              // a = year, b = month
	noYearDay          // a = year, b = day of the year
	noHour             // a = hour
	noHour12           // a = hour
	noMinute           // a = minute
	noSecond           // a = second
	wrongHalf          // a = hour
	wrongWeekday       // a = day of the week that it is
	notReadable        // the format cannot be used for reading
	doesNotExist       // a local time that clocks skipped
)

// failure is why and where a text was refused; the zero value is success.
type failure struct {
	cause cause
	at    int // offset in the text
	item  int // index in Format.items
	a, b  int
}

// ParseTime reads an instant and returns microseconds since the Unix epoch. loc
// is the zone of the text when it names none itself; nil is UTC. A format
// without a time of day reads midnight. Errors are a *ParseError or a
// *NoSuchTimeError, and do not refer to s.
//
// It looks up loc anew each time; a Parser is faster for many texts in one zone.
func (f *Format) ParseTime(s []byte, loc *time.Location) (micros int64, err error) {
	z := Zone{loc: orUTC(loc)}
	return f.parseTime(s, &z)
}

func (f *Format) parseTime(s []byte, z *Zone) (int64, error) {
	micros, fail, gap := f.instant(s, z)
	if fail.cause == ok {
		return micros, nil
	}
	if gap != nil {
		return 0, gap
	}
	return 0, f.refuse(s, fail, true)
}

// instant reads s; gap is set when the local time does not exist.
func (f *Format) instant(s []byte, z *Zone) (micros int64, fail failure, gap *NoSuchTimeError) {
	if f.timeErr != nil {
		return 0, failure{cause: notReadable}, nil
	}
	var v fields
	if !f.fixed.scan(s, &v) {
		v = fields{}
		if fail = f.scan(s, &v); fail.cause != ok {
			return 0, fail, nil
		}
	}
	if f.has&partUnix != 0 {
		return v.unix*microsPerSecond + int64(v.micro), failure{}, nil
	}
	days, fail := f.day(&v)
	if fail.cause != ok {
		return 0, fail, nil
	}
	local := days*secondsPerDay + int64(v.hour*3600+v.min*60+v.sec)
	if f.has&partZone != 0 {
		return (local-int64(v.offset))*microsPerSecond + int64(v.micro), failure{}, nil
	}
	unix, exists := z.Unix(local)
	if !exists {
		return 0, failure{cause: doesNotExist}, z.gap(local)
	}
	return unix*microsPerSecond + int64(v.micro), failure{}, nil
}

// ParseDate reads a day and returns days since 1970-01-01. A time of day and a
// zone in the text are checked and not used: the day is the one written. Errors
// are a *ParseError.
func (f *Format) ParseDate(s []byte) (days int64, err error) {
	days, fail := f.date(s)
	if fail.cause != ok {
		return 0, f.refuse(s, fail, false)
	}
	return days, nil
}

// TryDate is ParseDate for callers that do not need to know what is wrong; it
// never allocates.
func (f *Format) TryDate(s []byte) (days int64, valid bool) {
	days, fail := f.date(s)
	return days, fail.cause == ok
}

func (f *Format) date(s []byte) (int64, failure) {
	if f.dateErr != nil {
		return 0, failure{cause: notReadable}
	}
	if days, valid := f.fixed.date(s); valid {
		return days, failure{}
	}
	var v fields
	if fail := f.scan(s, &v); fail.cause != ok {
		return 0, fail
	}
	return f.day(&v)
}

// day returns the day that v names, after checking that everything in v exists
// and agrees.
func (f *Format) day(v *fields) (int64, failure) {
	if f.has&partHour12 != 0 {
		if v.hour < 1 || v.hour > 12 {
			return 0, failure{cause: noHour12, a: v.hour}
		}
		v.hour = v.hour%12 + 12*(v.half-1)
	}
	switch {
	case v.hour > 23:
		return 0, failure{cause: noHour, a: v.hour}
	case v.half != 0 && (v.hour >= 12) != (v.half == 2):
		return 0, failure{cause: wrongHalf, a: v.hour}
	case v.min > 59:
		return 0, failure{cause: noMinute, a: v.min}
	case v.sec > 59:
		return 0, failure{cause: noSecond, a: v.sec}
	}
	month, day := v.month, v.day
	if f.has&partYearDay != 0 {
		month, day = 1, 1
	} else if month < 1 || month > 12 {
		return 0, failure{cause: noMonth, a: month}
	}
	d, exists := record.DateOf(v.year, month, day)
	if !exists {
		return 0, failure{cause: noDay, a: v.year, b: month}
	}
	if f.has&partYearDay != 0 {
		d.Days += int64(v.yday) - 1
		if y, _, _ := d.Civil(); y != v.year || v.yday == 0 {
			return 0, failure{cause: noYearDay, a: v.year, b: v.yday}
		}
	}
	if v.weekday != 0 && v.weekday != weekday(d.Days) {
		return 0, failure{cause: wrongWeekday, a: weekday(d.Days)}
	}
	return d.Days, failure{}
}

// weekday returns 1 for a Monday to 7 for a Sunday.
func weekday(days int64) int {
	return int((days%7+7+3)%7) + 1 // 1970-01-01 was a Thursday
}
