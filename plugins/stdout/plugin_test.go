package stdout

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/spec"
)

func rows(n int) *record.Batch {
	b := new(record.Batch)
	b.Reset(record.NewSchema([]record.Field{{Name: "x", Type: record.NullableOf(record.Float)}, {Name: "meta", Type: record.Of(record.Int), Hidden: true}}), n)
	for i := range n {
		b.Cols[0].Floats[i] = float64(i)
	}
	return b
}

func open(t *testing.T, w io.Writer) plugin.Writer {
	t.Helper()
	s := Plugin(w).Sink()
	if _, ds := s.Spec().Decode(hcl.EmptyBody(), nil); ds.HasErrors() {
		t.Fatal(ds.Err())
	}
	if ds := s.Bind(rows(0).Schema, spec.Ranges{}, nil); ds.HasErrors() {
		t.Fatal(ds.Err())
	}
	out, err := s.Open(t.Context(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRowsArePrinted(t *testing.T) {
	var out bytes.Buffer
	w := open(t, &out)
	b := rows(4)
	b.Cols[0].Floats[1] = math.NaN()
	b.Cols[0].SetNull(3)
	b.Sel = []int32{0, 1, 3}
	rejected, err := w.Deliver(t.Context(), &plugin.Delivery{Rows: b})
	if err != nil || len(rejected) != 1 || rejected[0].Row != 1 || out.String() != "{\"x\":0}\n{\"x\":null}\n" {
		t.Errorf("printed %q, rejected %v, error %v", out.String(), rejected, err)
	}
	out.Reset()
	e := w.(plugin.Encoder)
	data, err := e.NewEncode()(nil, rows(2))
	if err := errors.Join(err, e.WriteEncoded(t.Context(), data, 2), w.Close(t.Context())); err != nil || out.String() != "{\"x\":0}\n{\"x\":1}\n" {
		t.Errorf("printed %q, %v", out.String(), err)
	}
}

func TestClosedOutput(t *testing.T) {
	r, p := io.Pipe()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := open(t, p).Deliver(t.Context(), &plugin.Delivery{Rows: rows(1)})
	var f *plugin.Failure
	if !errors.As(err, &f) || f.Code != "env.output_closed" {
		t.Errorf("error %v", err)
	}
}

// lines fails when a Write holds a part of a line.
type lines struct {
	t *testing.T
	n int
}

func (l *lines) Write(p []byte) (int, error) {
	if !strings.HasSuffix(string(p), "\n") || p[0] != '{' {
		l.t.Errorf("a write holds %q", p)
	}
	l.n++
	return len(p), nil
}

func TestSinksTakeTurns(t *testing.T) {
	out := &lines{t: t}
	p := Plugin(out)
	var wg sync.WaitGroup
	for range 4 {
		s := p.Sink()
		s.Bind(rows(0).Schema, spec.Ranges{}, nil)
		w, err := s.Open(t.Context(), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			for range 50 {
				if _, err := w.Deliver(t.Context(), &plugin.Delivery{Rows: rows(3)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if out.n != 200 || p.Sink().Guarantee() == "" || p.Sink().Batching() != (plugin.Batching{}) {
		t.Errorf("%d writes", out.n)
	}
}
