// Package csv decodes delimited text: CSV, TSV and their many dialects.
//
// # Rows and cells
//
// A row ends at a line feed (a carriage return before it is not part of the
// row) that is not within a quoted cell. A text without any line feed among its
// first 64 KiB ends its rows at carriage returns. A quote means something only
// as the first character of a cell; elsewhere it is text. A quoted cell ends at
// the next quote that is not doubled (or escaped); what follows up to the
// delimiter should be nothing, else the row is rejected. Empty lines are skipped.
//
// A quoted cell without an end must not swallow the rest of the file: when the
// row is not complete within max_row bytes, or at the end of the object, its
// first line alone is rejected and reading goes on at the next line.
//
// # Two halves
//
// Split finds the ends of rows by the same exact rules as Parse finds cells; it
// decides which rows are broken, so any size of chunks gives the same rows. It
// costs little, since only rows that contain a quote are walked. Parse scans
// cells eight bytes at a time, keeps those of columns that are read as views
// into the chunk's text, and then fills the batch column by column.
package csv

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"weir/engine/bytestream"
	"weir/engine/columns"
	"weir/engine/diag"
	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/spec"
)

// Plugin returns the csv decoder.
func Plugin() plugin.Plugin {
	return plugin.Plugin{
		Name:    "csv",
		Summary: "Decodes delimited text (CSV, TSV and their dialects) in any character set, plain or compressed.",
		Example: example,
		Decoder: func() plugin.Decoder { return new(Decoder) },
	}
}

const example = `pipeline "articles" {
  source "file" "in" {
    path = "testdata/articles_*.csv"
  }

  decode "csv" {
    delimiter = ";"
    charset   = "windows-1252"
    columns = {
      sku     = "text from 'Artikel-Nr.'"
      name    = "text trim"
      price   = "decimal comma"
      stock   = "int required"
      active  = "bool J N"
      changed = "datetime '%d-%m-%Y %H:%M' Europe/Amsterdam"
      brand   = "text optional"
    }
  }

  sink "stdout" "out" {
  }
}
`

// Decoder is the configuration of a csv decode step.
type Decoder struct {
	Delimiter string
	Quote     string
	Escape    string
	Header    bool
	Columns   cty.Value
	Match     string
	Skip      int
	Comment   string
	Ragged    string
	Trim      bool
	MaxRow    int64
	Text      bytestream.Options
	Schema    *spec.Ref

	set     columns.Set // by Bind
	dialect dialect
	at      hcl.Range // of columns
	length  int       // about how many bytes there are to read, where that is a single row; 0: unknown
}

// Spec implements plugin.Config.
func (d *Decoder) Spec() spec.Body {
	return append(spec.Body{
		spec.Reference("schema", "schema", &d.Schema).
			Doc("A schema block whose fields are the columns. columns adds to them, replaces one of the same name, and with null takes one away."),
		spec.Raw("columns", "map of column declarations", &d.Columns).
			Doc("The columns to read: for each name a declaration such as `text`, `decimal comma`, `date '%d-%m-%Y'` or `text optional from 'E-Mail'`. They are found by the header, so their order in the file does not matter; without a header it is the order of this map."),
		spec.String("delimiter", &d.Delimiter).Default(",", `","`).Check(checkDelimiter).
			Doc("The character between cells; any one character, also a tab (`\"\\t\"`)."),
		spec.String("quote", &d.Quote).Default(`"`, `"\""`).Check(checkChar).
			Doc("The character around cells that contain delimiters, quotes or line ends. `\"\"`: there is none, and every such character is text."),
		spec.String("escape", &d.Escape).Check(checkChar).
			Doc("A character, such as `\"\\\\\"`, that within a quoted cell takes its meaning from a quote or from itself. A doubled quote is one quote in any case."),
		spec.Bool("header", &d.Header).Default(true, "true").
			Doc("Whether the first row names the columns. `false`: cells belong to the columns in the order they are declared."),
		spec.Choice("match", &d.Match, "exact", "loose").Default("exact", `"exact"`).
			Doc("How names of the header are compared: as they are but for spaces around them, or `loose`: letters and digits alone, in any case."),
		spec.Int("skip", &d.Skip).Default(0, "0").Check(spec.Between(0, 100_000)).
			Doc("Lines before the header (or before the first row) that are not read."),
		spec.String("comment", &d.Comment).
			Doc("Lines that begin with this text are skipped."),
		spec.Choice("ragged", &d.Ragged, "reject", "pad").Default("reject", `"reject"`).
			Doc("What becomes of a row that has not as many cells as the header: it is rejected, or `pad`: missing cells count as empty. One empty cell more, from a delimiter at the end of the row, is always accepted; more cells with text never are."),
		spec.Bool("trim", &d.Trim).Default(false, "false").
			Doc("Take off spaces and tabs around cells, also those between a delimiter and a quote; what is within quotes stays as it is."),
		spec.Size("max_row", &d.MaxRow).Default(1<<20, `"1MiB"`).Check(checkMaxRow).
			Doc("Bytes that a row may have; a longer one is rejected. It also bounds how far the end of a quoted cell is searched."),
	}, d.Text.Spec()...)
}

func checkMaxRow(n int64) error {
	if n < 16 || n > 256<<20 {
		return errors.New("must be between 16 bytes and 256 MiB")
	}
	return nil
}

func checkDelimiter(s string) error {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 || n != len(s) || r == utf8.RuneError {
		return fmt.Errorf("must be one character, such as \";\" or \"\\t\", not %q", s)
	}
	if r == '\n' || r == '\r' {
		return errors.New("must not be a line end")
	}
	return nil
}

func checkChar(s string) error {
	if len(s) > 1 || s != "" && (s[0] >= utf8.RuneSelf || s == "\n" || s == "\r" || s == " " || s == "\t") {
		return fmt.Errorf("must be one visible ASCII character, or \"\" for none, not %q", s)
	}
	return nil
}

// Check implements plugin.Config.
func (d *Decoder) Check(at spec.Ranges) diag.List {
	var out diag.List
	fail := func(rng *hcl.Range, summary, detail string) {
		out = append(out, diag.Errorf("config.invalid_value", rng, summary, "%s", detail))
	}
	if d.Quote != "" && d.Quote == d.Delimiter {
		fail(at.Of(&d.Quote), "Quote and delimiter are the same", "A character cannot be both; set another quote, or quote = \"\" for none.")
	}
	if d.Escape != "" && d.Quote == "" {
		fail(at.Of(&d.Escape), "There is nothing to escape", "escape acts within quoted cells, and quote = \"\" says there are none.")
	}
	if d.Escape != "" && (d.Escape == d.Delimiter || d.Escape == d.Quote) {
		fail(at.Of(&d.Escape), "The escape character has another meaning", "A doubled quote is one quote without this option; the delimiter cannot be an escape character.")
	}
	return out
}

// Bind implements plugin.Decoder.
func (d *Decoder) Bind(at spec.Ranges) (*record.Schema, diag.List) {
	rng := at.Of(&d.Columns)
	if rng != nil {
		d.at = *rng
	}
	base, _ := schemaOf(d.Schema)
	if d.Columns == cty.NilVal {
		d.Columns = cty.NullVal(cty.DynamicPseudoType)
	}
	if d.Columns.IsNull() && base == nil {
		return record.NewSchema(nil), diag.List{diag.Errorf("config.missing_attribute", rng, "Columns must be declared",
			`This decoder needs columns = { NAME = "TYPE" }, or schema = schema.NAME, to know which columns there are and of what type. weir columns FILE proposes a declaration from a sample file.`)}
	}
	set, diags := columns.FromMap(d.Columns, d.at, base)
	if len(set.Columns) == 0 && !diags.HasErrors() {
		diags = append(diags, diag.Errorf("config.invalid_value", rng, "No columns are declared", "columns must have at least one column. weir columns FILE proposes a declaration from a sample file."))
	}
	if !d.Header {
		diags = append(diags, d.checkPositions(set)...)
	}
	d.set, d.dialect = set, d.newDialect()
	return set.Schema, diags
}

// schemaOf returns the declarations of the schema block that r refers to.
func schemaOf(r *spec.Ref) ([]spec.NamedText, bool) {
	if r == nil {
		return nil, false
	}
	out, ok := r.Value.([]spec.NamedText)
	return out, ok
}

// checkPositions reports what makes the place of columns without a header uncertain.
func (d *Decoder) checkPositions(set columns.Set) diag.List {
	var out diag.List
	if !set.Ordered && len(set.Columns) > 1 {
		out = append(out, diag.Errorf("config.invalid_value", &d.at, "The order of the columns is not known",
			"With header = false cells belong to columns by their order, so columns must be written out in one place, each with a declaration of its own."))
	}
	optional := ""
	for i := range set.Columns {
		c := &set.Columns[i]
		rng := c.Decl.Range
		if c.From != c.Name {
			out = append(out, diag.Errorf("config.invalid_column", &rng, "There is no header to find a name in", "Column %s: with header = false, from has no meaning.", c.Name))
		}
		if c.Optional {
			optional = c.Name
		} else if optional != "" {
			out = append(out, diag.Errorf("config.invalid_column", &rng, "Only the last columns can be optional",
				"Column %s follows the optional column %s; with header = false, cells can be missing only at the end of a row.", c.Name, optional))
		}
	}
	return out
}
