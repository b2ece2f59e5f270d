package csv

import (
	"fmt"
	"strings"
	"unicode"

	"weir/engine/columns"
	"weir/engine/diag"
	"weir/engine/plugin"
	"weir/engine/record"
)

// layout says where the columns that are read stand in the rows of one part. It is immutable.
type layout struct {
	n      int // cells of a row
	min    int // cells a row must have: fewer than n when the last columns are optional
	header []string
	raw    []byte // the header as a row, for decoding single rows again
	wants  []want
	absent []record.Slot
}

// want is a column that is read.
type want struct {
	slot record.Slot
	cell int
}

// build completes a layout: cells gives the place of each declared column, or -1.
func (l *layout) build(cells []int, read []record.Slot) *layout {
	isRead := make([]bool, len(cells))
	for _, s := range read {
		isRead[s] = true
	}
	for slot, at := range cells {
		if at < 0 || !isRead[slot] {
			l.absent = append(l.absent, record.Slot(slot))
			continue
		}
		l.wants = append(l.wants, want{record.Slot(slot), at})
	}
	return l
}

// positions returns the layout without a header.
func (d *Decoder) positions(read []record.Slot) *layout {
	n := len(d.set.Columns)
	l := &layout{n: n, min: n}
	cells := make([]int, n)
	for i := range cells {
		cells[i] = i
	}
	for l.min > 0 && d.set.Columns[l.min-1].Optional {
		l.min--
	}
	return l.build(cells, read)
}

// name returns what people know cell i by: its name in the header, else that of the declaration.
func (l *layout) name(d *Decoder, i int) string {
	switch {
	case i < len(l.header):
		return l.header[i]
	case l.header == nil && i < len(d.set.Columns):
		return d.set.Columns[i].Name
	}
	return ""
}

// match makes the layout of a part whose header holds the given names. The error
// is of class Data and says which column is missing.
func (r *reader) match(file string, header []string) error {
	l := &layout{n: len(header), min: len(header), header: header, raw: r.d.rawHeader(header)}
	if n := len(header); n > 1 && strings.TrimSpace(header[n-1]) == "" {
		l.min-- // the header ends with a delimiter, which the rows need not do
	}
	cols := r.d.set.Columns
	cells := make([]int, len(cols))
	used := make([]bool, len(header))
	for i := range cols {
		at, err := r.find(file, header, &cols[i])
		if err != nil {
			return err
		}
		if cells[i] = at; at >= 0 {
			used[at] = true
		}
	}
	var others []string
	for i, name := range header {
		if !used[i] && strings.TrimSpace(name) != "" {
			others = append(others, name)
		}
	}
	if len(others) > 0 {
		r.note(diag.Warnf("row.undeclared_columns", r.d.at.Ptr(), "Columns that nobody declared are not read: "+strings.Join(others, ", "),
			"%s has them. Declare those that matter.", file))
	}
	r.lay = l.build(cells, r.want)
	return nil
}

// find returns the place of column c in the header, -1 when it lacks an optional one.
func (r *reader) find(file string, header []string, c *columns.Column) (int, error) {
	for _, same := range r.comparisons() {
		at := -1
		for i, name := range header {
			if !same(name, c.From) {
				continue
			}
			if at >= 0 {
				return 0, plugin.Fail(plugin.Data, "row.duplicate_column",
					fmt.Errorf("%s: the header has column %q twice, as %q and %q", file, c.From, header[at], name), "It is not known which is meant"+declared(c))
			}
			at = i
		}
		if at >= 0 {
			return at, nil
		}
	}
	if c.Optional {
		return -1, nil
	}
	return 0, r.missing(file, header, c)
}

// comparisons returns the ways in which a name of the header may be the declared one, strictest first.
func (r *reader) comparisons() []func(a, b string) bool {
	out := []func(a, b string) bool{
		func(a, b string) bool { return a == b },
		func(a, b string) bool { return bare(a) == bare(b) },
	}
	if r.d.Match == "loose" {
		out = append(out, func(a, b string) bool { return loose(a) == loose(b) && loose(a) != "" })
	}
	return out
}

// bare returns a name without spaces and byte order marks around it.
func bare(s string) string {
	return strings.TrimFunc(s, func(c rune) bool { return unicode.IsSpace(c) || c == '\uFEFF' || c == '\u200B' })
}

// loose returns the letters and digits of a name, in lower case.
func loose(s string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsLetter(c) || unicode.IsDigit(c) {
			return unicode.ToLower(c)
		}
		return -1
	}, s)
}

func declared(c *columns.Column) string {
	rng := c.Decl.Range
	if rng.Filename == "" {
		return ""
	}
	return fmt.Sprintf(" (declared at %s:%d,%d)", rng.Filename, rng.Start.Line, rng.Start.Column)
}

// missing returns the failure of a file that lacks column c, with the likeliest remedy.
func (r *reader) missing(file string, header []string, c *columns.Column) error {
	found := strings.Join(header, string(r.dia.delim)+" ")
	if len(found) > 1000 {
		found = strings.ToValidUTF8(found[:1000], "") + "..."
	}
	err := fmt.Errorf("%s: the header lacks column %q%s; it has: %s", file, c.From, declared(c), found)
	advice := fmt.Sprintf("Correct the declaration, or declare it optional: %s = %q", c.Name, strings.TrimSpace(c.Decl.S+" optional"))
	free := r.unclaimed(header)
	near := diag.Suggest(c.From, free)
	for _, name := range free {
		if loose(name) == loose(c.From) {
			near = name
		}
	}
	switch {
	case strings.ContainsRune(found, 0):
		advice = `The header has zero bytes; the text is probably UTF-16: set charset = "utf-16"`
	case len(header) == 1 && r.otherDelimiter(header[0]) != "":
		advice = fmt.Sprintf("The header is one single column; the delimiter is probably another: set delimiter = %q", r.otherDelimiter(header[0]))
	case near != "":
		advice = fmt.Sprintf("Did you mean %q? Name it with from: %s = %q", near, c.Name, c.Decl.S+" from '"+strings.ReplaceAll(near, "'", "''")+"'")
	}
	return plugin.Fail(plugin.Data, "row.missing_column", err, advice)
}

// unclaimed returns the names of a header that are no declared column's.
func (r *reader) unclaimed(header []string) []string {
	claimed := map[string]bool{}
	for i := range r.d.set.Columns {
		claimed[r.d.set.Columns[i].From] = true
	}
	var out []string
	for _, name := range header {
		if name = bare(name); !claimed[name] {
			out = append(out, name)
		}
	}
	return out
}

// otherDelimiter returns the usual delimiter that occurs most in a header that the declared one did not part.
func (r *reader) otherDelimiter(header string) string {
	best, most := "", 0
	for _, d := range []string{";", ",", "\t", "|"} {
		if n := strings.Count(header, d); n > most {
			best, most = d, n
		}
	}
	return best
}

func (r *reader) noteEmpty(file string) {
	r.note(diag.Warnf("row.empty", nil, file+" is empty", "There is not even a header in it."))
}
