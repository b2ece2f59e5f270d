package datetime

import "time"

// Parser reads texts of one format in one zone, with a Zone of its own. It
// belongs to one goroutine.
type Parser struct {
	f *Format
	z *Zone
}

// Parser returns a Parser for texts without a zone of their own that are in loc;
// nil is UTC.
func (f *Format) Parser(loc *time.Location) *Parser { return &Parser{f, NewZone(loc)} }

// Time is Format.ParseTime.
func (p *Parser) Time(s []byte) (micros int64, err error) { return p.f.parseTime(s, p.z) }

// TryTime is Time for callers that do not need to know what is wrong; it
// allocates nothing but for a local time that does not exist.
func (p *Parser) TryTime(s []byte) (micros int64, valid bool) {
	micros, fail, _ := p.f.instant(s, p.z)
	return micros, fail.cause == ok
}

// Date is Format.ParseDate.
func (p *Parser) Date(s []byte) (days int64, err error) { return p.f.ParseDate(s) }

// Printer writes instants in one format in one zone, with a Zone of its own. It
// belongs to one goroutine.
type Printer struct {
	f *Format
	z *Zone
}

// Printer returns a Printer that shows instants in loc; nil is UTC.
func (f *Format) Printer(loc *time.Location) *Printer { return &Printer{f, NewZone(loc)} }

// Append is Format.AppendTime.
func (p *Printer) Append(dst []byte, micros int64) []byte { return p.f.appendTime(dst, micros, p.z) }
