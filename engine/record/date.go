package record

import "time"

// DateValue is a calendar day without a zone: days since 1970-01-01.
type DateValue struct{ Days int64 }

// DateOf returns the day with the given year, month and day of month, and
// whether such a day exists.
func DateOf(year, month, day int) (DateValue, bool) {
	if month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return DateValue{}, false
	}
	// Days from civil: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
	y := int64(year)
	if month <= 2 {
		y--
	}
	era := y / 400
	if y < 0 {
		era = (y - 399) / 400
	}
	yoe := y - era*400
	m := int64(month+9) % 12
	doy := (153*m+2)/5 + int64(day) - 1
	doe := yoe*365 + yoe/4 - yoe/100 + doy
	return DateValue{era*146097 + doe - 719468}, true
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// Civil returns the year, month and day of month of d.
func (d DateValue) Civil() (year, month, day int) {
	z := d.Days + 719468
	era := z / 146097
	if z < 0 {
		era = (z - 146096) / 146097
	}
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	day = int(doy-(153*mp+2)/5) + 1
	month = int(mp) + 3
	if month > 12 {
		month -= 12
	}
	year = int(yoe + era*400)
	if month <= 2 {
		year++
	}
	return year, month, day
}

// Time returns midnight UTC of d.
func (d DateValue) Time() time.Time { return time.Unix(d.Days*86400, 0).UTC() }

// Append appends d as YYYY-MM-DD.
func (d DateValue) Append(b []byte) []byte {
	y, m, day := d.Civil()
	if y < 0 || y > 9999 {
		return d.Time().AppendFormat(b, "2006-01-02")
	}
	return append(b, byte('0'+y/1000), byte('0'+y/100%10), byte('0'+y/10%10), byte('0'+y%10), '-',
		byte('0'+m/10), byte('0'+m%10), '-', byte('0'+day/10), byte('0'+day%10))
}

// String returns d as YYYY-MM-DD.
func (d DateValue) String() string { return string(d.Append(nil)) }
