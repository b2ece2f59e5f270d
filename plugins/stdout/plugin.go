// Package stdout writes rows as newline-delimited JSON to the output of the process.
package stdout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"syscall"

	"weir/engine/diag"
	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/spec"
)

// Plugin returns the plugin "stdout", whose sinks write to w. Each delivery is
// one Write; sinks of several pipelines take turns.
func Plugin(w io.Writer) plugin.Plugin {
	out := &output{w: w}
	return plugin.Plugin{
		Name:    "stdout",
		Summary: "Prints rows as NDJSON.",
		Example: example,
		Sink:    func() plugin.Sink { return &Sink{out: out} },
	}
}

const example = `pipeline "show" {
  source "file" "in" {
    path = "/data/in/*.csv"
  }
  decode "csv" {
    columns = {
      id   = "text"
      name = "text"
    }
  }
  sink "stdout" "rows" {
    nulls = "omit"
  }
}
`

// output is the writer shared by all sinks of one plugin value.
type output struct {
	mu sync.Mutex
	w  io.Writer
}

func (o *output) write(data []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, err := o.w.Write(data); err != nil {
		if errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe) {
			return plugin.Fail(plugin.Environment, "env.output_closed", fmt.Errorf("whoever read the output has gone: %w", err), "")
		}
		return plugin.Fail(plugin.Environment, "env.output", fmt.Errorf("write the output: %w", err), "")
	}
	return nil
}

// Sink is the configuration of the sink "stdout".
type Sink struct {
	out    *output
	nulls  string
	schema *record.Schema
}

var _ plugin.Sink = (*Sink)(nil)

// Spec implements plugin.Config.
func (s *Sink) Spec() spec.Body {
	return spec.Body{
		spec.Choice("nulls", &s.nulls, "keep", "omit").Default("keep", `"keep"`).Doc("Whether object fields that are null are printed as null or left out."),
	}
}

// Check implements plugin.Config.
func (s *Sink) Check(spec.Ranges) diag.List { return nil }

// Bind implements plugin.Sink.
func (s *Sink) Bind(in *record.Schema, _ spec.Ranges, _ plugin.Compiler) diag.List {
	s.schema = in
	return nil
}

// Batching implements plugin.Sink: rows are printed as they come.
func (s *Sink) Batching() plugin.Batching { return plugin.Batching{} }

// Guarantee implements plugin.Sink.
func (s *Sink) Guarantee() string {
	return "at least once: rows printed before a crash are printed again"
}

// Open implements plugin.Sink.
func (s *Sink) Open(context.Context, plugin.Host, []byte) (plugin.Writer, error) {
	return &writer{out: s.out, enc: s.encoder(), encoder: s.encoder}, nil
}

func (s *Sink) encoder() *record.Encoder {
	return record.NewEncoder(s.schema, record.JSONOptions{OmitNull: s.nulls == "omit"})
}

// writer is the running sink.
type writer struct {
	out     *output
	enc     *record.Encoder
	encoder func() *record.Encoder
	buf     []byte
}

var (
	_ plugin.Writer  = (*writer)(nil)
	_ plugin.Encoder = (*writer)(nil)
)

// Deliver implements plugin.Writer. Rows that JSON cannot express are rejected.
func (w *writer) Deliver(_ context.Context, d *plugin.Delivery) ([]plugin.Rejected, error) {
	w.buf = w.buf[:0]
	var rejected []plugin.Rejected
	for k := range d.Rows.Live() {
		i := d.Rows.Row(k)
		var err error
		if w.buf, err = w.enc.AppendRow(w.buf, d.Rows, i); err != nil {
			rejected = append(rejected, plugin.Rejected{Row: i, Code: "row.bad_value", Reason: err.Error()})
			continue
		}
		w.buf = append(w.buf, '\n')
	}
	if len(w.buf) == 0 {
		return rejected, nil
	}
	if err := w.out.write(w.buf); err != nil {
		return nil, err
	}
	return rejected, nil
}

// NewEncode implements plugin.Encoder. The function fails for a batch that has a
// row which JSON cannot express; Deliver finds and rejects that row.
func (w *writer) NewEncode() func(dst []byte, b *record.Batch) ([]byte, error) {
	return w.encoder().AppendLines
}

// WriteEncoded implements plugin.Encoder.
func (w *writer) WriteEncoded(_ context.Context, data []byte, _ int) error { return w.out.write(data) }

// Close implements plugin.Writer.
func (w *writer) Close(context.Context) error { return nil }
