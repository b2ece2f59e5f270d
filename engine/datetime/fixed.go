package datetime

import "weir/engine/record"

// The numbers of a fixed layout.
const (
	fixedYear = iota
	fixedMonth
	fixedDay
	fixedHour
	fixedMinute
	fixedSecond
	fixedNumbers
)

// fixed is a format all of whose texts have one length: directives of two or
// four digits, and text. Most are; they are read at known places, without
// walking the items. What it does not accept the items explain.
type fixed struct {
	n       int // length of a text; 0 when the format is not fixed
	at      [fixedNumbers]int
	lits    []fixedLit
	text    []byte // a text of the layout, with zeros for its numbers
	dayOnly bool   // there is no time of day
}

type fixedLit struct {
	at int
	b  byte
}

// newFixed returns the fixed layout of f, with length 0 when it has none.
func newFixed(f *Format) fixed {
	x := fixed{at: [fixedNumbers]int{-1, -1, -1, -1, -1, -1}, dayOnly: true}
	const day = partYear | partMonth | partDay
	if f.has&day != day || f.dateErr != nil {
		return fixed{}
	}
	for _, it := range f.items {
		if it.verb == 0 {
			for i := range len(it.lit) {
				x.lits = append(x.lits, fixedLit{x.n, it.lit[i]})
				x.text = append(x.text, it.lit[i])
				x.n++
			}
			continue
		}
		number, known := map[byte]int{'Y': fixedYear, 'm': fixedMonth, 'd': fixedDay, 'H': fixedHour, 'M': fixedMinute, 'S': fixedSecond}[it.verb]
		if !known || it.flag != 0 {
			return fixed{}
		}
		x.at[number] = x.n
		x.text = append(x.text, "00"...)
		if number == fixedYear {
			x.text = append(x.text, "00"...)
		}
		x.n = len(x.text)
		x.dayOnly = x.dayOnly && number <= fixedDay
	}
	return x
}

// fits reports whether s has the length and the literal text of the layout.
func (x *fixed) fits(s []byte) bool {
	if len(s) != x.n || x.n == 0 {
		return false
	}
	for _, l := range x.lits {
		if s[l.at] != l.b {
			return false
		}
	}
	return true
}

// append appends c; false when the year has not four digits, or the format is not fixed.
func (x *fixed) append(dst []byte, c *clock) ([]byte, bool) {
	if x.n == 0 || c.year < 0 || c.year > 9999 {
		return dst, false
	}
	at := len(dst)
	dst = append(dst, x.text...)
	s := dst[at:]
	x.put(s, fixedYear, c.year/100)
	if y := s[x.at[fixedYear]+2:]; len(y) > 1 {
		y[0], y[1] = byte('0'+c.year%100/10), byte('0'+c.year%10)
	}
	x.put(s, fixedMonth, c.month)
	x.put(s, fixedDay, c.day)
	if !x.dayOnly {
		x.put(s, fixedHour, c.hour)
		x.put(s, fixedMinute, c.minute)
		x.put(s, fixedSecond, c.second)
	}
	return dst, true
}

// put writes a number of two digits where the layout has it, if it does.
func (x *fixed) put(s []byte, number, v int) {
	if at := x.at[number]; at >= 0 {
		s[at], s[at+1] = byte('0'+v/10), byte('0'+v%10)
	}
}

// date reads the day of a text that holds only a day; false says nothing about s.
func (x *fixed) date(s []byte) (days int64, valid bool) {
	if !x.dayOnly || !x.fits(s) {
		return 0, false
	}
	year := s[x.at[fixedYear] : x.at[fixedYear]+4 : x.at[fixedYear]+4]
	y1, y2, y3, y4 := year[0]-'0', year[1]-'0', year[2]-'0', year[3]-'0'
	m1, m2 := s[x.at[fixedMonth]]-'0', s[x.at[fixedMonth]+1]-'0'
	d1, d2 := s[x.at[fixedDay]]-'0', s[x.at[fixedDay]+1]-'0'
	// A digit stays below 16 with 6 added; nothing else is below 16 both ways.
	if (y1|(y1+6)|y2|(y2+6)|y3|(y3+6)|y4|(y4+6)|m1|(m1+6)|m2|(m2+6)|d1|(d1+6)|d2|(d2+6))&0xF0 != 0 {
		return 0, false
	}
	day, exists := record.DateOf(int(y1)*1000+int(y2)*100+int(y3)*10+int(y4), int(m1)*10+int(m2), int(d1)*10+int(d2))
	return day.Days, exists
}

// scan is Format.scan for a text that fits; false says nothing about s.
func (x *fixed) scan(s []byte, v *fields) bool {
	if !x.fits(s) {
		return false
	}
	var valid [fixedNumbers]bool
	v.year, valid[fixedYear] = four(s[x.at[fixedYear]:])
	v.month, valid[fixedMonth] = x.two(s, fixedMonth)
	v.day, valid[fixedDay] = x.two(s, fixedDay)
	v.hour, valid[fixedHour] = x.two(s, fixedHour)
	v.min, valid[fixedMinute] = x.two(s, fixedMinute)
	v.sec, valid[fixedSecond] = x.two(s, fixedSecond)
	return valid == [fixedNumbers]bool{true, true, true, true, true, true}
}

// two reads a number of two digits; one that the layout lacks is 0.
func (x *fixed) two(s []byte, number int) (v int, valid bool) {
	if x.at[number] < 0 {
		return 0, true
	}
	return two(s[x.at[number]:])
}
