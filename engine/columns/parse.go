package columns

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"weir/engine/datetime"
	"weir/engine/diag"
	"weir/engine/record"
	"weir/engine/spec"
)

// Column is a declared column. It is immutable once parsed and shared by any number of goroutines.
type Column struct {
	Name     string      // of the field
	From     string      // in the header: Name unless the declaration says otherwise
	Type     record.Type // Nullable as the package's table says
	Optional bool        // the object may lack the column
	Required bool        // an empty or null cell rejects the row
	Trim     bool        // spaces around the cell are taken off
	Nulls    []string    // texts that mean null
	Decl     spec.Text   // the declaration

	comma    bool
	yes, no  []string
	emptyYes bool // the empty cell is a word for true
	emptyNo  bool
	format   *datetime.Format
}

func typeNames() []string {
	return []string{"text", "int", "decimal", "float", "bool", "date", "datetime"}
}

func modifiers() []string { return []string{"optional", "required", "trim", "null", "from"} }

func isModifier(w string) bool { return slices.Contains(modifiers(), w) }

// synonym returns the type that a word of other systems stands for, or "".
func synonym(w string) string {
	switch strings.ToLower(w) {
	case "string", "str", "varchar", "char", "nvarchar":
		return "text"
	case "integer", "bigint", "long", "smallint", "int64":
		return "int"
	case "number", "numeric", "money", "currency":
		return "decimal"
	case "double", "real", "float64":
		return "float"
	case "boolean", "bit", "flag":
		return "bool"
	case "timestamp", "time", "timestamptz":
		return "datetime"
	}
	return ""
}

// Parse reads the declaration t of the named column. On error the column is of
// the type that could be told, text if none, so that what follows can still be checked.
func Parse(name string, t spec.Text) (Column, diag.List) {
	d := &decl{name: name, text: t}
	d.lex()
	c := Column{Name: name, From: name, Decl: t, Type: record.Of(record.String)}
	if !d.more() {
		d.fail(0, d.length(), "The column declaration is empty", `it must say a type, such as "text" or "decimal comma". Types: %s.`, strings.Join(typeNames(), ", "))
		return c, d.diags
	}
	d.kind(&c)
	for d.more() {
		d.modifier(&c)
	}
	if len(d.diags) == 0 {
		c.Type.Nullable = c.nullable()
	} else {
		c.Type.Nullable = c.Type.Kind != record.String
	}
	return c, d.diags
}

func (c *Column) nullable() bool {
	if c.Optional || c.Required {
		return c.Optional
	}
	return len(c.Nulls) > 0 || c.Type.Kind != record.String && !c.emptyYes && !c.emptyNo
}

// kind reads the type and what belongs to it.
func (d *decl) kind(c *Column) {
	t := d.next()
	if t.quoted {
		d.toks = nil // what follows belongs to a type that is not known
		d.failTok(t, "A column declaration begins with a type", "write a type before this text. Types: %s.", strings.Join(typeNames(), ", "))
		return
	}
	switch t.s {
	case "text":
	case "int":
		c.Type.Kind = record.Int
	case "decimal":
		c.Type.Kind, c.comma = record.Decimal, d.word("comma")
	case "float":
		c.Type.Kind, c.comma = record.Float, d.word("comma")
	case "bool":
		c.Type.Kind = record.Bool
		d.bools(c, t)
	case "date":
		c.Type.Kind = record.Date
		d.date(c)
	case "datetime":
		c.Type.Kind = record.Time
		d.datetime(c, t)
	default:
		d.toks = nil
		if isModifier(t.s) {
			d.failTok(t, "A column declaration begins with a type", "write a type before %s, such as \"text %s\". Types: %s.", t.s, t.s, strings.Join(typeNames(), ", "))
			return
		}
		same := synonym(t.s)
		near := cmp.Or(same, diag.Suggest(t.s, typeNames()))
		d.failTok(t, fmt.Sprintf("There is no column type %q", t.s), "%s", didYouMean(near)+"Types: "+strings.Join(typeNames(), ", ")+".")
		d.fix(same)
	}
}

func didYouMean(near string) string {
	if near == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %q? ", near)
}

// fix sets the certain replacement for the text of the last diagnostic, when that has a place of its own.
func (d *decl) fix(s string) {
	if d.text.Origin != nil {
		d.diags[len(d.diags)-1].Fix = s
	}
}

func (d *decl) modifier(c *Column) {
	t := d.next()
	if t.quoted {
		d.failTok(t, "A text in quotes does not belong here", "no modifier before it takes a text. Modifiers: %s.", strings.Join(modifiers(), ", "))
		return
	}
	switch t.s {
	case "optional":
		c.Optional = true
	case "required":
		c.Required = true
	case "trim":
		c.Trim = true
	case "null":
		v, ok := d.argument()
		if !ok {
			d.missing(t, "the text that means null, such as null 'NULL'.")
			return
		}
		c.Nulls = append(c.Nulls, v.s)
	case "from":
		v, ok := d.argument()
		if !ok || v.s == "" {
			d.missing(t, "the column's name in the header, such as from 'E-Mail'.")
			return
		}
		c.From = v.s
	default:
		near := diag.Suggest(t.s, append(modifiers(), d.words(c)...))
		d.failTok(t, fmt.Sprintf("%q is not understood here", t.s), "%s", didYouMean(near)+"Modifiers: "+strings.Join(modifiers(), ", ")+".")
	}
}

// words lists the words that may follow the type of c besides modifiers.
func (d *decl) words(c *Column) []string {
	if c.Type.Kind == record.Decimal || c.Type.Kind == record.Float {
		return []string{"comma"}
	}
	return nil
}

func (d *decl) bools(c *Column, t token) {
	yes, ok := d.argument()
	if !ok {
		c.yes, c.no = []string{"true", "yes", "y", "1"}, []string{"false", "no", "n", "0"}
		return
	}
	no, ok := d.argument()
	if !ok {
		d.missing(t, "the word for true and the word for false, such as bool J N or bool 'ja,j' 'nee,n'; only %q is given.", yes.s)
		return
	}
	c.yes, c.emptyYes = boolWords(yes.s)
	c.no, c.emptyNo = boolWords(no.s)
	for _, w := range c.no {
		if slices.ContainsFunc(c.yes, func(y string) bool { return strings.EqualFold(y, w) }) {
			d.failTok(no, "A word means both true and false", "%q is among the words for true as well.", w)
		}
	}
	if c.emptyYes && c.emptyNo {
		d.failTok(no, "A word means both true and false", "the empty cell is among the words for true as well.")
	}
}

func boolWords(s string) (words []string, empty bool) {
	for w := range strings.SplitSeq(s, ",") {
		if w = strings.TrimSpace(w); w == "" {
			empty = true
		} else {
			words = append(words, w)
		}
	}
	return words, empty
}
