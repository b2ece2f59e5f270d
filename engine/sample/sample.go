// Package sample proposes the declaration of a decoder from a sample of its
// files: delimiter, character set, header, and the columns with types that every
// row of the sample has. Whether a cell is of a type is asked of the parser
// that reads it later, so that what is proposed reads the sample without a reject.
package sample

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"weir/engine/bytestream"
)

// Options say how a sample is looked at.
type Options struct {
	MaxBytes int64  // of text that are read; 0 is 64 MiB
	Timezone string // of times without an offset; "" is UTC
}

// Proposal is what a sample looks like.
type Proposal struct {
	Delimiter string   `json:"delimiter"`
	Charset   string   `json:"charset"` // "auto" when nothing need be said
	Header    bool     `json:"header"`
	Columns   []Column `json:"columns"`
	Rows      int      `json:"rows"`   // looked at
	Ragged    int      `json:"ragged"` // with another number of cells, left out
	Whole     bool     `json:"whole"`  // the whole file was looked at
}

// Column is a proposed column.
type Column struct {
	Name        string `json:"name"`
	Header      string `json:"header,omitempty"`
	Declaration string `json:"declaration"`
	Note        string `json:"note,omitempty"` // what a person should decide
	Empty       int    `json:"empty"`          // cells without text
	Example     string `json:"example,omitempty"`
}

// ErrNoTable says that the sample does not look like delimited text.
var ErrNoTable = errors.New("this does not look like delimited text: no delimiter (; , tab |) cuts its lines into the same number of cells")

// Propose reads a sample, which may be compressed.
func Propose(body io.Reader, o Options) (*Proposal, error) {
	if o.MaxBytes == 0 {
		o.MaxBytes = 64 << 20
	}
	if o.Timezone == "" {
		o.Timezone = "UTC"
	}
	raw, whole, err := read(body, o.MaxBytes)
	if err != nil {
		return nil, err
	}
	text, charset, err := decode(raw)
	if err != nil {
		return nil, err
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, errors.New("the sample is empty")
	}
	p := &Proposal{Charset: charset, Whole: whole}
	comma, cells := delimiter(text)
	if comma == 0 {
		return nil, ErrNoTable
	}
	p.Delimiter = string(comma)
	return p, p.columns(text, comma, cells, o)
}

// read returns at most n bytes of text, up to the end of a line.
func read(body io.Reader, n int64) (text []byte, whole bool, err error) {
	in, err := bytestream.Open(body, bytestream.Options{Compression: "auto", Charset: "auto", MaxRatio: 200})
	if err != nil {
		return nil, false, err
	}
	defer func() { _ = in.Close() }() // only read from
	if _, err := in.Next(); err != nil && !errors.Is(err, io.EOF) {
		return nil, false, err
	}
	text, err = io.ReadAll(io.LimitReader(in, n+1))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, false, err
	}
	if int64(len(text)) <= n {
		return text, true, nil
	}
	if i := bytes.LastIndexByte(text, '\n'); i >= 0 {
		text = text[:i+1]
	}
	return text, false, nil
}

// decode returns raw as UTF-8, and the character set to declare.
func decode(raw []byte) (text []byte, name string, err error) {
	name = "auto"
	auto, err := bytestream.LookupCharset("auto")
	if err != nil {
		return nil, "", err
	}
	res, err := auto.Resolve(raw[:min(len(raw), bytestream.HeadLen)])
	if err != nil {
		return nil, "", err
	}
	cs := res.Charset
	raw = raw[res.BOM:]
	if cs.UTF8() && !utf8.Valid(raw) {
		// The set of Western European Windows holds every byte that others have.
		name = "windows-1252"
		if cs, err = bytestream.LookupCharset(name); err != nil {
			return nil, "", err
		}
	}
	if cs.UTF8() {
		return raw, name, nil
	}
	text, err = io.ReadAll(cs.NewReader(bytes.NewReader(raw)))
	return text, name, err
}

// delimiter returns the character that cuts most lines into the same number of
// cells, and that number.
func delimiter(text []byte) (best rune, cells int) {
	const lines = 500
	score := 0.0
	for _, d := range []rune{';', ',', '\t', '|'} {
		r := reader(text, d)
		counts, n := map[int]int{}, 0
		for ; n < lines; n++ {
			rec, err := r.Read()
			if err != nil {
				break
			}
			counts[len(rec)]++
		}
		for width, rows := range counts {
			share := float64(rows) / float64(max(1, n))
			// More cells are better, and agreement is worth most.
			if s := share*share + 0.001*float64(width); width > 1 && share > 0.6 && s > score {
				best, cells, score = d, width, s
			}
		}
	}
	if best == 0 && bytes.Count(text, []byte{'\n'}) > 0 {
		return ',', 1 // a single column
	}
	return best, cells
}

func reader(text []byte, comma rune) *csv.Reader {
	r := csv.NewReader(bytes.NewReader(text))
	r.Comma, r.LazyQuotes, r.FieldsPerRecord, r.ReuseRecord = comma, true, -1, true
	return r
}

// columns looks at all rows and decides on the columns.
func (p *Proposal) columns(text []byte, comma rune, cells int, o Options) error {
	r := reader(text, comma)
	first, err := r.Read()
	if err != nil {
		return fmt.Errorf("the first row cannot be read: %w", err)
	}
	head := append([]string{}, first...)
	p.Header = isHeader(head)
	if p.Header {
		cells = len(head)
	} else {
		r = reader(text, comma)
	}
	last := cells
	if p.Header && strings.TrimSpace(head[len(head)-1]) == "" {
		last-- // the header ends with a delimiter
	}
	guesses := make([]*guess, last)
	for i := range guesses {
		if guesses[i], err = newGuess(o); err != nil {
			return err
		}
	}
	for {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || len(rec) != cells && (len(rec) != last || last == cells) {
			p.Ragged++
			continue
		}
		p.Rows++
		for i, g := range guesses {
			g.see(rec[i])
		}
	}
	commas := commaFile(guesses)
	used := map[string]bool{}
	for i, g := range guesses {
		c := g.column(commas)
		name := fmt.Sprintf("column_%d", i+1)
		if p.Header {
			c.Header = strings.TrimSpace(head[i])
			name = identifier(c.Header, i)
		}
		for base, n := name, 2; used[name]; n++ {
			name = fmt.Sprintf("%s_%d", base, n)
		}
		used[name] = true
		c.Name = name
		if p.Header && name != c.Header {
			c.Declaration += " from '" + strings.ReplaceAll(c.Header, "'", "''") + "'"
		}
		p.Columns = append(p.Columns, c)
	}
	return nil
}
