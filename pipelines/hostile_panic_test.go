package pipelines_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"weir/engine"
	"weir/engine/diag"
	"weir/engine/exec"
	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/spec"
	"weir/plugins/all"
	csvplugin "weir/plugins/csv"
)

// boom is a decoder and a sink that panic with the secret they were given, at
// the place that where names.
type boom struct {
	plugin.Decoder
	where string
	key   spec.Secret
}

func (b *boom) burst(where string) {
	if b.where == where {
		panic("no luck with " + b.key.Reveal())
	}
}

// Spec implements plugin.Config.
func (b *boom) Spec() spec.Body {
	var own spec.Body
	if b.Decoder != nil {
		own = b.Decoder.Spec()
	}
	return append(own, spec.String("where", &b.where).Doc("Where."), spec.Credential("key", &b.key).Doc("Key."))
}

// Check implements plugin.Config.
func (b *boom) Check(at spec.Ranges) diag.List {
	if b.Decoder != nil {
		return b.Decoder.Check(at)
	}
	return nil
}

// Open implements plugin.Decoder.
func (b *boom) Open(ctx context.Context, o plugin.Object, want []record.Slot) (plugin.Reader, error) {
	b.burst("open")
	r, err := b.Decoder.Open(ctx, o, want)
	return &boomReader{r, b}, err
}

type boomReader struct {
	plugin.Reader
	b *boom
}

// Split implements plugin.Reader.
func (r *boomReader) Split(ctx context.Context, c *plugin.Chunk, target int) error {
	r.b.burst("split")
	return r.Reader.Split(ctx, c, target)
}

// Parse implements plugin.Reader.
func (r *boomReader) Parse(ctx context.Context, c *plugin.Chunk, out *record.Batch) error {
	r.b.burst("parse")
	return r.Reader.Parse(ctx, c, out)
}

// boomSink is boom as a sink.
type boomSink struct{ boom }

// Bind implements plugin.Sink.
func (s *boomSink) Bind(*record.Schema, spec.Ranges, plugin.Compiler) diag.List { return nil }

// Batching implements plugin.Sink.
func (s *boomSink) Batching() plugin.Batching { return plugin.Batching{Rows: 2} }

// Guarantee implements plugin.Sink.
func (s *boomSink) Guarantee() string { return "none" }

// Open implements plugin.Sink.
func (s *boomSink) Open(context.Context, plugin.Host, []byte) (plugin.Writer, error) {
	s.burst("sink open")
	return s, nil
}

// Deliver implements plugin.Writer.
func (s *boomSink) Deliver(context.Context, *plugin.Delivery) ([]plugin.Rejected, error) {
	s.burst("deliver")
	return nil, nil
}

// Close implements plugin.Writer.
func (s *boomSink) Close(context.Context) error { return nil }

// TestPanicsAreContained (I9): a defect in a decoder sets its file aside, one in a sink
// ends its pipeline's run. Neither concerns another, shows anything of what was thrown,
// or loses anything.
func TestPanicsAreContained(t *testing.T) {
	mine := plugin.Plugin{Name: "boom", Summary: "Panics.",
		Decoder: func() plugin.Decoder { return &boom{Decoder: csvplugin.Plugin().Decoder()} },
		Sink:    func() plugin.Sink { return &boomSink{} },
	}
	for _, where := range []string{"open", "split", "parse", "sink open", "deliver"} {
		t.Run(where, func(t *testing.T) {
			b := newBench(t, "")
			in := writeFile(t, b.dir, "in.csv", []byte("id\n1\n2\n3\n4\n5\n"), time.Time{})
			config := func(where string) string {
				return fmt.Sprintf(`
pipeline "p" {
  source "file" "in" {
    path  = %[1]q
    ready = "now"
  }
  decode "boom" {
    columns = { id = "text" }
    where   = %[2]q
    key     = %[3]q
  }
  sink "boom" "out" {
    where = %[2]q
    key   = %[3]q
  }
}
pipeline "q" {
  source "file" "in" {
    path  = %[1]q
    ready = "now"
  }
  decode "csv" {
    columns = { id = "text" }
  }
  sink "stdout" "out" {}
}
`, in, where, hiddenPassword)
			}
			run := func(where string) *engine.RunReport {
				b.configure(config(where))
				log := zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(&b.log), zap.DebugLevel))
				e, ds := engine.New(engine.Options{Plugins: append(all.Plugins(&b.out), mine), Log: log, Clock: b.clock})
				l, found := e.Load(t.Context(), b.dir, engine.Inputs{})
				if ds = append(ds, found...); ds.HasErrors() {
					t.Fatal(ds.Err())
				}
				rep, err := e.Run(t.Context(), l, engine.RunOptions{StateDir: b.state})
				if err != nil {
					t.Fatal(err)
				}
				return rep
			}
			rep := run(where)
			p := rep.Pipelines[0]
			var pe *exec.PanicError
			var aside *exec.QuarantineError
			logged := "a defect in the program ended the run"
			switch atSink := where == "deliver" || where == "sink open"; {
			case atSink && errors.As(p.Err, &pe) && p.Ledger.Balanced():
				says(t, p.Err.Error(), "a defect in the program ended the run: a panic with a value of type string in ", "hostile_panic_test.go:", "please report")
			case !atSink && errors.As(p.Err, &aside) && p.Ledger.Balanced():
				says(t, p.Err.Error(), "1 file could not be read and was set aside: "+in)
				logged = "a defect in the program ended the reading of a file"
				writeFile(t, b.dir, "in.csv", []byte("id\n1\n2\n3\n4\n5"), time.Time{}) // a file that changed is read again
			default:
				t.Fatalf("%v, %+v", p.Err, p.Ledger)
			}
			if rep.Pipelines[1].Err != nil {
				t.Errorf("another pipeline failed too: %v", rep.Pipelines[1].Err)
			}
			b.exactly([]string{"1", "2", "3", "4", "5"})
			says(t, b.log.String(), logged, "stack", "hostile_panic_test.go:")
			if all := fmt.Sprintf("%+v %#v %s %s", rep, p.Err, b.log.String(), kept(t, b.state)); strings.Contains(all, hiddenPassword) {
				t.Errorf("the secret is shown: %.500s", all)
			}
			if p = run("nowhere").Pipelines[0]; p.Err != nil || p.Ledger.Delivered+rep.Pipelines[0].Ledger.Delivered != 5 {
				t.Errorf("afterwards: %v, %+v", p.Err, p.Ledger)
			}
		})
	}
}

// kept is everything in the files of a state folder.
func kept(t *testing.T, dir string) string {
	t.Helper()
	var sb strings.Builder
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close() //nolint:errcheck // opened for reading
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if b, err := root.ReadFile(e.Name()); err == nil {
			sb.Write(b)
		}
	}
	return sb.String()
}
