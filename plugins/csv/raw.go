package csv

import (
	"bytes"
	"context"
	"io"
	"strings"

	"weir/engine/plugin"
	"weir/engine/record"
)

var (
	_ plugin.RawDecoder = (*Decoder)(nil)
	_ plugin.RawReader  = (*reader)(nil)
)

// RawHeader implements plugin.RawReader: it is the header of the part, in the
// dialect of the decoder and in UTF-8.
func (r *reader) RawHeader(c *plugin.Chunk) []byte {
	w, ok := c.Extra.(*work)
	if !ok {
		return nil
	}
	return w.lay.raw
}

// rawHeader writes the names of a header as a row.
func (d *Decoder) rawHeader(names []string) []byte {
	var b []byte
	for i, n := range names {
		if i > 0 {
			b = append(b, d.Delimiter...)
		}
		if d.Quote == "" || !strings.ContainsAny(n, d.Delimiter+d.Quote+"\r\n") && strings.TrimSpace(n) == n {
			b = append(b, n...)
			continue
		}
		b = append(append(append(b, d.Quote...), strings.ReplaceAll(n, d.Quote, d.Quote+d.Quote)...), d.Quote...)
	}
	return b
}

// OpenRaw implements plugin.RawDecoder. The text of rows is kept in UTF-8, without
// what was before the header.
func (d *Decoder) OpenRaw(ctx context.Context, o plugin.Object, header []byte, want []record.Slot) (plugin.Reader, error) {
	raw := *d
	raw.Text.Charset, raw.Text.Compression, raw.Skip = "utf-8", "none", 0
	raw.dialect.comment, raw.dialect.nl = nil, '\n'
	if d.Header && len(header) > 0 {
		o.Body = io.MultiReader(bytes.NewReader(header), strings.NewReader("\n"), o.Body)
	}
	raw.length = int(max(o.Size, 0)) + len(header) + 1
	return raw.Open(ctx, o, want)
}
