package columns

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"weir/engine/datetime"
	"weir/engine/record"
)

// CellError says why a cell was refused. Its text names the value and what was expected.
type CellError struct {
	Code   string // "row.bad_value" or "row.required"
	Reason string
}

// Error implements error.
func (e *CellError) Error() string { return e.Reason }

// Parser reads the cells of one column. It belongs to one goroutine and
// allocates only for errors and, once a column, for the first null.
type Parser struct {
	c     *Column
	nulls [][]byte
	yes   [][]byte
	no    [][]byte
	time  *datetime.Parser
	// Neighbouring rows often share a day: what the last date cell read is remembered.
	last    []byte
	lastVal int64
}

// NewParser makes a parser for cells of c.
func (c *Column) NewParser() *Parser {
	p := &Parser{c: c, nulls: asBytes(c.Nulls), yes: asBytes(c.yes), no: asBytes(c.no)}
	if c.format != nil {
		p.time = c.format.Parser(c.Type.Zone)
	}
	return p
}

func asBytes(ss []string) [][]byte {
	out := make([][]byte, len(ss))
	for i, s := range ss {
		out[i] = []byte(s)
	}
	return out
}

// Parse reads cell into value i of dst, a column of c's type that was resized to
// hold it. Text is copied into dst. After an error the value is null.
func (p *Parser) Parse(cell []byte, dst *record.Column, i int) error {
	if p.c.Type.Kind != record.String {
		return p.typed(cell, dst, i)
	}
	if p.c.Trim {
		cell = trim(cell)
	}
	if p.null(cell) {
		return p.absent(cell, dst, i)
	}
	dst.SetString(i, cell)
	return nil
}

// View is Parse for the cell at v of data. Text is not copied: data is the
// Data of dst, by ShareBytes.
func (p *Parser) View(data []byte, v record.View, dst *record.Column, i int) error {
	cell := data[v.Off : v.Off+v.Len]
	if p.c.Type.Kind != record.String {
		return p.typed(cell, dst, i)
	}
	if p.c.Trim {
		if !tight(cell) {
			cell = bytes.TrimLeft(cell, spaces)
			v.Off += v.Len - uint32(len(cell)) //nolint:gosec // no longer than v.Len
			cell = bytes.TrimRight(cell, spaces)
			v.Len = uint32(len(cell)) //nolint:gosec // as above
		}
	}
	if p.null(cell) {
		return p.absent(cell, dst, i)
	}
	dst.Views[i] = v
	return nil
}

// Views is View for a whole column, whose values are at views of data. It calls refuse
// for each that is refused.
func (p *Parser) Views(data []byte, views []record.View, dst *record.Column, refuse func(i int, err error)) {
	kind := p.c.Type.Kind
	number := (kind == record.Int || kind == record.Decimal) && len(p.nulls) == 0
	instant := kind == record.Date || kind == record.Time
	for i, v := range views {
		cell := data[v.Off : v.Off+v.Len]
		if number && p.number(cell, dst, i) {
			continue
		}
		if instant && len(cell) > 0 && bytes.Equal(cell, p.last) {
			dst.Ints[i] = p.lastVal
			continue
		}
		if err := p.View(data, v, dst, i); err != nil {
			refuse(i, err)
		}
	}
}

// number reads a cell that is nothing but a number that can be held; false says
// nothing about it.
func (p *Parser) number(cell []byte, dst *record.Column, i int) bool {
	if len(cell) == 0 || cell[len(cell)-1] <= ' ' {
		return false
	}
	if p.c.Type.Kind == record.Int {
		v, err := parseInt(cell)
		dst.Ints[i] = v
		return err == nil
	}
	d, err := record.ParseDecimal(cell, p.c.comma)
	dst.SetDec(i, d)
	return err == nil
}

// Plain reports whether the views of text cells are the values as they are.
func (p *Parser) Plain() bool {
	c := p.c
	return c.Type.Kind == record.String && !c.Trim && !c.Required && len(c.Nulls) == 0
}

const spaces = " \t\u00a0"

func trim(b []byte) []byte {
	if tight(b) {
		return b
	}
	return bytes.Trim(b, spaces)
}

// tight reports whether b is plainly without spaces around it.
func tight(b []byte) bool {
	return len(b) == 0 || b[0] > ' ' && b[0] < 0x80 && b[len(b)-1] > ' ' && b[len(b)-1] < 0x80
}

// null reports whether a trimmed cell has no value.
func (p *Parser) null(cell []byte) bool {
	if len(cell) == 0 && (p.c.Required || p.c.Type.Kind != record.String && !p.c.emptyYes && !p.c.emptyNo) {
		return true
	}
	for _, n := range p.nulls {
		if bytes.Equal(cell, n) {
			return true
		}
	}
	return false
}

// absent makes value i null, or refuses the row when the column is required.
func (p *Parser) absent(cell []byte, dst *record.Column, i int) error {
	setNull(dst, i)
	if !p.c.Required {
		return nil
	}
	if len(cell) == 0 {
		return &CellError{"row.required", "the cell is empty, and the column is required"}
	}
	return &CellError{"row.required", show(cell) + " means null, and the column is required"}
}

// setNull makes value i null and gives the vector below it a defined value.
func setNull(dst *record.Column, i int) {
	switch dst.Type.Kind {
	case record.Bool:
		dst.Bools[i] = false
	case record.Int, record.Time, record.Date:
		dst.Ints[i] = 0
	case record.Decimal:
		dst.Ints[i], dst.Scale[i] = 0, 0
	case record.Float:
		dst.Floats[i] = 0
	case record.String:
		dst.Views[i] = record.View{}
	case record.Invalid, record.Null, record.List, record.Object, record.Any:
	}
	dst.SetNull(i)
}

// Absent makes value i of dst, a column of c's type, null: for a cell that could not be read at all.
func (p *Parser) Absent(dst *record.Column, i int) { setNull(dst, i) }

func (p *Parser) typed(cell []byte, dst *record.Column, i int) error {
	cell = trim(cell)
	if p.null(cell) {
		return p.absent(cell, dst, i)
	}
	var err error
	switch p.c.Type.Kind {
	case record.Int:
		dst.Ints[i], err = parseInt(cell)
	case record.Decimal:
		var d record.DecimalValue
		if d, err = record.ParseDecimal(cell, p.c.comma); err == nil {
			dst.SetDec(i, d)
		} else {
			err = numberError(cell, err, p.c.comma)
		}
	case record.Float:
		dst.Floats[i], err = parseFloat(cell, p.c.comma)
	case record.Bool:
		dst.Bools[i], err = p.bool(cell)
	case record.Date, record.Time:
		dst.Ints[i], err = p.temporal(cell)
	case record.Invalid, record.Null, record.String, record.List, record.Object, record.Any:
		err = fmt.Errorf("columns of type %s have no cells", p.c.Type)
	}
	if err == nil {
		return nil
	}
	setNull(dst, i)
	return &CellError{"row.bad_value", err.Error()}
}

func (p *Parser) temporal(cell []byte) (int64, error) {
	if bytes.Equal(cell, p.last) && len(cell) > 0 {
		return p.lastVal, nil
	}
	var v int64
	var err error
	if p.c.Type.Kind == record.Date {
		v, err = p.time.Date(cell)
	} else {
		v, err = p.time.Time(cell)
	}
	if err == nil {
		p.last, p.lastVal = append(p.last[:0], cell...), v
	}
	return v, err
}

func (p *Parser) bool(cell []byte) (bool, error) {
	for _, w := range p.yes {
		if bytes.EqualFold(cell, w) {
			return true, nil
		}
	}
	for _, w := range p.no {
		if bytes.EqualFold(cell, w) {
			return false, nil
		}
	}
	if len(cell) == 0 {
		return p.c.emptyYes, nil
	}
	return false, fmt.Errorf("%s is neither true (%s) nor false (%s)", show(cell), words(p.c.yes, p.c.emptyYes), words(p.c.no, p.c.emptyNo))
}

func words(ws []string, empty bool) string {
	out := strings.Join(ws, ", ")
	switch {
	case empty && out == "":
		return "an empty cell"
	case empty:
		return out + ", an empty cell"
	}
	return out
}

func parseInt(s []byte) (int64, error) {
	i, neg := 0, false
	if s[0] == '-' || s[0] == '+' {
		neg, i = s[0] == '-', 1
	}
	if i == len(s) {
		return 0, fmt.Errorf("%s is not a whole number", show(s))
	}
	var v uint64
	for ; i < len(s); i++ {
		d := s[i] - '0'
		if d > 9 {
			return 0, fmt.Errorf("%s is not a whole number", show(s))
		}
		if v > (math.MaxUint64-9)/10 {
			return 0, fmt.Errorf("%s is too large for a whole number of 64 bits", show(s))
		}
		v = v*10 + uint64(d)
	}
	switch {
	case !neg && v <= math.MaxInt64:
		return int64(v), nil
	case neg && v <= 1<<63:
		return -int64(v), nil // the least int64 is its own negation
	}
	return 0, fmt.Errorf("%s is too large for a whole number of 64 bits", show(s))
}

func parseFloat(s []byte, comma bool) (float64, error) {
	// What strconv reads beyond decimal numbers (hexadecimal, underscores, Inf, NaN) is no number in a file.
	mark := byte('.')
	if comma {
		mark = ','
	}
	var buf [48]byte
	b := buf[:0]
	for _, c := range s {
		switch {
		case c == mark:
			c = '.'
		case c-'0' <= 9 || c == '-' || c == '+' || c == 'e' || c == 'E':
		default:
			return 0, numberError(s, record.ErrDecimalSyntax, comma)
		}
		b = append(b, c)
	}
	v, err := strconv.ParseFloat(string(b), 64)
	if err != nil {
		if errors.Is(err, strconv.ErrRange) {
			return 0, fmt.Errorf("%s is out of range for a double", show(s))
		}
		return 0, numberError(s, record.ErrDecimalSyntax, comma)
	}
	if math.Abs(v) >= 1<<53 && !record.FloatKeeps(string(b), v) {
		return 0, fmt.Errorf("%s has more digits than a float holds; int keeps 19 and decimal 18", show(s))
	}
	return v, nil
}

func numberError(cell []byte, err error, comma bool) error {
	mark := "decimal point"
	if comma {
		mark = "decimal comma"
	}
	if errors.Is(err, record.ErrDecimalRange) {
		return fmt.Errorf("%s is out of range for a decimal (18 digits)", show(cell))
	}
	return fmt.Errorf("%s is not a number (%s)", show(cell), mark)
}

// maxShown is the number of bytes of a cell that an error repeats.
const maxShown = 60

// show returns a cell in double quotes, cut off when it is long.
func show(cell []byte) string {
	if len(cell) <= maxShown {
		return strconv.Quote(string(cell))
	}
	return strconv.Quote(strings.ToValidUTF8(string(cell[:maxShown]), "")) + "..."
}
