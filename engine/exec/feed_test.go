package exec_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"

	"weir/engine/diag"
	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/spec"
)

// pages is a source of rows: page n of size rows has the numbers n*size to n*size+size-1. The
// feed goes on from the token of the last page that was committed.
type pages struct {
	most, size int
	fails      string // what Next says instead of a page of this number
	failAt     int
	committed  *[]string // tokens that the feed was told of
	schema     *record.Schema
}

func (p *pages) Spec() spec.Body {
	return spec.Body{spec.Int("most", &p.most).Default(3, "3"), spec.Int("size", &p.size).Default(100, "100"),
		spec.String("fails", &p.fails), spec.Int("fail_at", &p.failAt).Default(1<<30, "1073741824")}
}

func (p *pages) Check(spec.Ranges) diag.List { return nil }

func (p *pages) Bind(spec.Ranges, plugin.Compiler) (plugin.Offer, diag.List) {
	p.schema = record.NewSchema([]record.Field{{Name: "id", Type: record.Of(record.Int)}})
	return plugin.Offer{Rows: p.schema}, nil
}

func (p *pages) Open(_ context.Context, e plugin.FeedEnv) (plugin.Feed, error) {
	c, _, err := e.Ledger.Cursor()
	next := 0
	if c.Token != "" {
		next, err = strconv.Atoi(c.Token)
	}
	return &pageFeed{p: p, env: e, next: next}, err
}

type pageFeed struct {
	p    *pages
	env  plugin.FeedEnv
	next int
	done string
}

func (f *pageFeed) Next(context.Context) (*plugin.FeedObject, error) {
	switch f.next {
	case f.p.most:
		return nil, io.EOF
	case f.p.failAt:
		return nil, plugin.Fail(plugin.Environment, "", errors.New(f.p.fails), "")
	}
	c, ok, err := f.env.Ledger.Cursor()
	o := &plugin.FeedObject{Name: fmt.Sprint("page ", f.next), ID: fmt.Sprint("p", f.next), Size: -1, Content: page{f.p, f.next}}
	if ok && c.Object == o.ID && !c.Done {
		o.From = c
	}
	return o, err
}

func (f *pageFeed) Progress(o *plugin.FeedObject, c plugin.Cursor) error {
	c.Object, c.Name, c.Token = o.ID, o.Name, strconv.Itoa(f.next)
	return f.env.Ledger.SetCursor(c)
}

func (f *pageFeed) Done(_ context.Context, o *plugin.FeedObject, rows int64) error {
	f.next++
	f.done = strconv.Itoa(f.next)
	return f.env.Ledger.SetCursor(plugin.Cursor{Object: o.ID, Name: o.Name, Row: rows, Done: true, Token: f.done})
}

func (f *pageFeed) Refuse(*plugin.FeedObject, string) error { return nil }
func (f *pageFeed) Leave(*plugin.FeedObject) error          { return nil }
func (f *pageFeed) Left() plugin.Leftovers                  { return plugin.Leftovers{} }
func (f *pageFeed) Close() error                            { return nil }

func (f *pageFeed) Committed(context.Context) error {
	if f.done != "" {
		*f.p.committed = append(*f.p.committed, f.done)
	}
	f.done = ""
	return nil
}

type page struct {
	p *pages
	n int
}

func (page) Open(context.Context) (io.ReadCloser, error) {
	return nil, errors.New("a page has rows, not bytes")
}
func (page) Failed() error { return nil }

func (g page) Rows(context.Context, *record.Origin, []record.Slot) (plugin.Reader, error) {
	return &pageReader{g: g}, nil
}

// pageReader gives ten rows at a time, in memory of its own.
type pageReader struct {
	g  page
	at int
}

func (r *pageReader) Split(_ context.Context, c *plugin.Chunk, _ int) error {
	if r.at >= r.g.p.size {
		return io.EOF
	}
	c.Extra, c.Offset, c.End = r.at, -1, -1
	r.at += 10
	return nil
}

func (r *pageReader) Parse(_ context.Context, c *plugin.Chunk, b *record.Batch) error {
	first, _ := c.Extra.(int)
	n := min(10, r.g.p.size-first)
	b.Reset(r.g.p.schema, n)
	for i := range n {
		b.Cols[0].Ints[i] = int64(r.g.n*r.g.p.size + first + i)
	}
	return nil
}

func (r *pageReader) Notices() diag.List { return nil }
func (r *pageReader) Close() error       { return nil }

// withPages plans a body for which there is a source "pages".
func withPages(t *testing.T, body string) (*rig, *[]string) {
	t.Helper()
	committed := &[]string{}
	r := &rig{}
	*r = *newRig(t, t.TempDir(), committing)
	r.more = []plugin.Plugin{{Name: "pages", Summary: "Counts.", Source: func() plugin.Source { return &pages{committed: committed} }}}
	r.load(body)
	return r, committed
}

// TestSourceOfRows: a source that yields rows needs no decoder, goes on from the token that the last
// commit kept, in the middle of an object too, and hears of nothing that is not committed (I1).
func TestSourceOfRows(t *testing.T) {
	for _, after := range []bool{false, true} {
		for fail := 1; fail <= 40; fail++ {
			r, committed := withPages(t, `
  source "pages" "in" {
    most = 3
  }
  map "row" {
    fields = {
      id  = "id"
      key = "meta.object"
      n   = "meta.row"
    }
  }
  sink "probe" "out" {
    rows = 10
  }
  commit {
    rows = 30
  }`)
			r.probe.failNext(fail, after)
			rep, err := r.run(t.Context())
			if err == nil {
				break
			}
			if !errors.Is(err, errProbe) {
				t.Fatalf("failure %d: %v", fail, err)
			}
			if n := len(*committed); int64(n) > rep.Counts.Read/100 {
				t.Errorf("failure %d: the feed was told of %d pages after %d rows were committed", fail, n, rep.Counts.Read)
			}
			r.done()
			equal(t, "rows", ids(r.probe.effects(t, "out")), upTo(0, 300))
			equal(t, "totals", r.totals(), "read 300, delivered 300")
			equal(t, "tokens", *committed, []string{"1", "2", "3"})
			if body := r.probe.seen["out"][0].Body; !strings.Contains(body, `"key":"page 0","n":1`) {
				t.Errorf("meta is %s", body)
			}
			if n := r.probe.repeats("out"); n > 11 {
				t.Errorf("failure %d: %d deliveries were repeated", fail, n)
			}
		}
	}
}

// TestSourcesInTurn: of several sources one object each is read in turn, so that none waits for the
// end of another; one that fails ends the run when the others have come to their end.
func TestSourcesInTurn(t *testing.T) {
	body := `
  source "pages" "one" {
    most = 4
    size = 10
    FAIL
  }
  map "row" {
    from   = source.one
    fields = { id = "id", key = "'one'" }
  }
  sink "probe" "a" {
    to = "one"
  }
  source "file" "in" {
    path  = "DIR/in/*.csv"
    ready = "now"
  }
  decode "csv" {
    from    = source.in
    columns = { id = "int required", key = "text", n = "int required" }
  }
  sink "probe" "b" {
    to   = "two"
    from = decode.csv
  }
`
	var order []string
	r, _ := withPages(t, strings.ReplaceAll(body, "FAIL", ""))
	r.point = func(p string) {
		if p == "archived" {
			order = append(order, fmt.Sprint(len(r.probe.seen["one"]), "-", len(r.probe.seen["two"])))
		}
	}
	for i := range 3 {
		r.put(fmt.Sprint("f", i, ".csv"), csvRows(10*i, 10*i+10))
	}
	r.done()
	equal(t, "objects read of each", order, []string{"1-0", "1-1", "2-1", "2-2", "3-2", "3-3", "4-3"})

	r, _ = withPages(t, strings.ReplaceAll(body, "FAIL", "fail_at = 1\n fails = \"the shop is closed\""))
	for i := range 3 {
		r.put(fmt.Sprint("f", i, ".csv"), csvRows(10*i, 10*i+10))
	}
	r.fails("the shop is closed")
	equal(t, "rows of the failing source", len(r.probe.seen["one"]), 1)
	equal(t, "rows of the other", ids(r.probe.effects(t, "two")), upTo(0, 30))
}

// TestDecoderAfterRows: rows need no decoder, and bytes do.
func TestDecoderAfterRows(t *testing.T) {
	r := newRig(t, t.TempDir(), committing)
	r.more = []plugin.Plugin{{Name: "pages", Summary: "Counts.", Source: func() plugin.Source { return &pages{} }}}
	for body, want := range map[string]string{
		"source \"pages\" \"in\" {}\ndecode \"csv\" {\n columns = { id = \"int\" }\n}\nsink \"probe\" \"a\" {}":                    `A source pages yields rows, which need no decoder`,
		"source \"file\" \"in\" {\n path = \"DIR/in/*.csv\"\n}\nmap \"m\" {\n fields = { id = \"1\" }\n}\nsink \"probe\" \"a\" {}": `A source yields bytes`,
	} {
		if ds := r.plans(body); !strings.Contains(ds.Err().Error(), want) {
			t.Errorf("%s: %v", body, ds.Err())
		}
	}
}
