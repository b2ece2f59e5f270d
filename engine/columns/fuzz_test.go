package columns

import (
	"testing"

	"weir/engine/record"
)

// FuzzDeclaration parses any column declaration, and reads any cell with those
// that are declarations. Problems have places within the text.
func FuzzDeclaration(f *testing.F) {
	for _, decl := range []string{"text", "text optional", "decimal comma required", "bool 'J,ja' 'N,nee' optional", "date '%d-%m-%Y' optional",
		"datetime '%d-%m-%Y %H:%M:%S' Europe/Amsterdam", "text from 'E-Mail ''x''' trim null NULL", "float", "int null '?'", "datetime '%s'", "text '"} {
		for _, cell := range []string{"", "1,5", "31-03-2024 02:30:00", "\xff\x00", "9999999999999999999999"} {
			f.Add(decl, cell)
		}
	}
	f.Fuzz(func(t *testing.T, decl, cell string) {
		src := text(decl)
		c, ds := Parse("x", src)
		for _, d := range ds {
			if s := d.Subject; s == nil || s.Start.Byte < 0 || s.End.Byte > len(decl) || s.Start.Byte > s.End.Byte {
				t.Errorf("%q: %s at %+v", decl, d.Summary, s)
			}
		}
		if ds.HasErrors() {
			return
		}
		var col record.Column
		col.Resize(c.Type, 1)
		if err := c.NewParser().Parse([]byte(cell), &col, 0); err != nil && len(err.Error()) == 0 {
			t.Errorf("%q %q: an empty reason", decl, cell)
		}
	})
}
