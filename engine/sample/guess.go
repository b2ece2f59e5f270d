package sample

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"weir/engine/columns"
	"weir/engine/record"
	"weir/engine/spec"
)

// candidate is a declaration that all cells so far agree with.
type candidate struct {
	decl   string
	parser *columns.Parser
	col    record.Column
	alive  bool
}

// guess is what may still be true of one column.
type guess struct {
	candidates []*candidate
	nulls      map[string]bool // words that mean no value, seen in the column
	words      map[string]int  // the values, while they are few
	manyWords  bool
	count      int // cells with text
	empty      int
	zeros      bool // a number with zeros before it: not a quantity
	long       bool // a number of many digits: not a quantity
	example    string
}

// maxWords is how many values a column may have that is a bool or a choice.
const maxWords = 8

// declarations are tried in this order; the first that holds is proposed.
func declarations(zone string) []string {
	out := []string{}
	dates := []string{"%d-%m-%Y", "%d/%m/%Y", "%d.%m.%Y", "%m/%d/%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y%m%d", "%d-%m-%y", "%d/%m/%y"}
	out = append(out, "date")
	for _, d := range dates {
		out = append(out, "date '"+d+"'")
	}
	out = append(out, "datetime")
	for _, d := range append([]string{"%Y-%m-%d"}, dates...) {
		for _, t := range []string{" %H:%M:%S", " %H:%M", "T%H:%M:%S"} {
			out = append(out, "datetime '"+d+t+"' "+zone)
		}
	}
	return append(out, "datetime '%Y%m%d%H%M%S' "+zone, "int", "decimal", "decimal comma")
}

func nullWords() []string { return []string{"NULL", "null", `\N`, "N/A", "n/a", "-", "(null)"} }

func newGuess(o Options) (*guess, error) {
	g := &guess{nulls: map[string]bool{}, words: map[string]int{}}
	for _, d := range declarations(o.Timezone) {
		c, ds := columns.Parse("c", spec.Text{S: d})
		if ds.HasErrors() {
			return nil, ds.Err()
		}
		x := &candidate{decl: d, parser: c.NewParser(), alive: true}
		x.col.Resize(c.Type, 1)
		g.candidates = append(g.candidates, x)
	}
	return g, nil
}

// see takes one cell into account.
func (g *guess) see(cell string) {
	text := strings.TrimSpace(cell)
	if text == "" {
		g.empty++
		return
	}
	if slices.Contains(nullWords(), text) {
		g.nulls[text] = true
		return
	}
	g.count++
	if g.example == "" {
		g.example = text
	}
	if !g.manyWords {
		if g.words[text]++; len(g.words) > maxWords {
			g.manyWords, g.words = true, nil
		}
	}
	digits := strings.TrimLeft(text, "-+")
	if strings.IndexFunc(digits, func(r rune) bool { return !unicode.IsDigit(r) }) < 0 {
		g.zeros = g.zeros || len(digits) > 1 && digits[0] == '0'
		g.long = g.long || len(digits) > 9
	}
	b := []byte(text)
	for _, c := range g.candidates {
		if c.alive {
			c.alive = c.parser.Parse(b, &c.col, 0) == nil
		}
	}
}

func (g *guess) holds(decl string) bool {
	return slices.ContainsFunc(g.candidates, func(c *candidate) bool { return c.alive && c.decl == decl })
}

// commaFile tells whether numbers of the file have a decimal comma.
func commaFile(gs []*guess) bool {
	return slices.ContainsFunc(gs, func(g *guess) bool { return g.count > 0 && g.holds("decimal comma") && !g.holds("decimal") })
}

// boolWords are pairs that mean yes and no.
func boolWords() [][2]string {
	return [][2]string{{"true", "false"}, {"yes", "no"}, {"ja", "nee"}, {"ja", "nein"}, {"tak", "nie"}, {"oui", "non"}, {"y", "n"}, {"j", "n"}, {"t", "n"}, {"x", ""}}
}

// column decides.
func (g *guess) column(commas bool) Column {
	c := Column{Declaration: "text", Empty: g.empty, Example: g.example}
	if g.count == 0 {
		c.Note = "empty in the whole sample"
		return c
	}
	if d, ok := g.bool(); ok {
		c.Declaration = d
		return g.withNulls(c)
	}
	var alive []string
	for _, x := range g.candidates {
		if x.alive {
			alive = append(alive, x.decl)
		}
	}
	if len(alive) == 0 {
		return g.withNulls(c)
	}
	c.Declaration = alive[0]
	switch {
	case slices.Contains(alive, "int"):
		c.Declaration = g.wholeNumber(alive, &c)
	case strings.HasPrefix(alive[0], "date"):
		if len(alive) > 1 && strings.HasPrefix(alive[1], "date") {
			c.Note = "which is the day? It could also be " + alive[1]
		}
		if _, zone, ok := strings.Cut(alive[0], "' "); ok && c.Note == "" {
			c.Note = "is " + zone + " the zone of these times?"
		}
	case slices.Contains(alive, "decimal") && slices.Contains(alive, "decimal comma"):
		c.Declaration = "decimal"
		if commas {
			c.Declaration = "decimal comma"
		}
		c.Note = "decimal point or decimal comma? The sample has both readings"
	}
	return g.withNulls(c)
}

// wholeNumber decides on digits: a quantity, a day, or a number that names something.
func (g *guess) wholeNumber(alive []string, c *Column) string {
	switch {
	case strings.HasPrefix(alive[0], "date") && g.count > 2:
		return alive[0]
	case g.zeros:
		c.Note = "numbers with zeros before them, so they name something"
		return "text"
	case g.long:
		c.Note = "numbers of many digits, so they name something"
		return "text"
	}
	return "int"
}

func (g *guess) bool() (string, bool) {
	if g.manyWords || len(g.words) != 2 {
		return "", false
	}
	for _, w := range boolWords() {
		yes, no := "", ""
		for seen := range g.words {
			switch strings.ToLower(seen) {
			case w[0]:
				yes = seen
			case w[1]:
				no = seen
			}
		}
		if yes != "" && no != "" {
			return fmt.Sprintf("bool %s %s", yes, no), true
		}
	}
	return "", false
}

// withNulls adds the words that stand for nothing to the declaration.
func (g *guess) withNulls(c Column) Column {
	for _, w := range nullWords() {
		if g.nulls[w] {
			c.Declaration += " null '" + w + "'"
		}
	}
	return c
}

// isHeader tells whether the cells of the first row are names.
func isHeader(cells []string) bool {
	seen := map[string]bool{}
	for i, c := range cells {
		c = strings.TrimSpace(c)
		if c == "" {
			if i == len(cells)-1 && i > 0 {
				continue
			}
			return false
		}
		letters := strings.IndexFunc(c, unicode.IsLetter) >= 0
		if seen[c] || !letters || strings.Contains(c, "@") || looksLikeValue(c) {
			return false
		}
		seen[c] = true
	}
	return true
}

func looksLikeValue(c string) bool {
	switch strings.ToLower(c) {
	case "true", "false", "null":
		return true
	}
	return c[0] >= '0' && c[0] <= '9' && strings.ContainsAny(c, ":-/.")
}

// identifier makes a name for expressions of a header.
func identifier(header string, i int) string {
	valid := func(s string) bool {
		for i, r := range s {
			if !(r == '_' || r < 0x80 && unicode.IsLetter(r) || i > 0 && r >= '0' && r <= '9') {
				return false
			}
		}
		return s != ""
	}
	if valid(header) {
		return header
	}
	var sb strings.Builder
	gap := false
	for _, r := range strings.ToLower(header) {
		if r < 0x80 && unicode.IsLetter(r) || r >= '0' && r <= '9' {
			if gap && sb.Len() > 0 {
				sb.WriteByte('_')
			}
			sb.WriteRune(r)
			gap = false
			continue
		}
		gap = true
	}
	name := sb.String()
	if name != "" && !valid(name) {
		name = "c_" + name
	}
	if name == "" {
		return fmt.Sprintf("column_%d", i+1)
	}
	return name
}
