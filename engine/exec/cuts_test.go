package exec

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"pgregory.net/rapid"

	"weir/engine/diag"
	"weir/engine/plan"
	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/spec"
	"weir/engine/state"
	"weir/engine/state/memkv"
)

// cutSink remembers what it is given, by deliveries.
type cutSink struct {
	batching plugin.Batching
	got      []cut
}

// cut is a delivery: its key and the row numbers and texts of its rows.
type cut struct {
	Key  string
	Rows []int64
	Text []string
}

func (s *cutSink) Spec() spec.Body             { return nil }
func (s *cutSink) Check(spec.Ranges) diag.List { return nil }
func (s *cutSink) Batching() plugin.Batching   { return s.batching }
func (s *cutSink) Guarantee() string           { return "" }
func (s *cutSink) Close(context.Context) error { return nil }
func (s *cutSink) Bind(*record.Schema, spec.Ranges, plugin.Compiler) diag.List {
	return nil
}

func (s *cutSink) Open(context.Context, plugin.Host, []byte) (plugin.Writer, error) { return s, nil }

func (s *cutSink) Deliver(_ context.Context, d *plugin.Delivery) ([]plugin.Rejected, error) {
	c := cut{Key: d.Key}
	for k := range d.Rows.Live() {
		i := d.Rows.Row(k)
		c.Rows = append(c.Rows, d.Rows.RowNo(i))
		c.Text = append(c.Text, string(d.Rows.Cols[0].Bytes(i))+"/"+string(d.Rows.RawText(i)))
	}
	s.got = append(s.got, c)
	return nil, nil
}

// handClock is moved by hand.
type handClock struct{ now time.Time }

func (c *handClock) Now() time.Time                             { return c.now }
func (c *handClock) Sleep(context.Context, time.Duration) error { return nil }

type noHost struct{ c plugin.Clock }

func (h noHost) Log() *zap.Logger        { return zap.NewNop() }
func (h noHost) Clock() plugin.Clock     { return h.c }
func (h noHost) Machine() plugin.Machine { return plugin.SystemMachine{} }
func (h noHost) Share(string, func() (any, func(), error)) (any, func(), error) {
	return nil, func() {}, nil
}

var cutSchema = record.NewSchema([]record.Field{{Name: "t", Type: record.Of(record.String)}})

// cutRig is a sink node without a pipeline around it, in which recorded cuts are known.
func cutRig(t rapid.TB, b plugin.Batching, recorded []int64) (*sinkNode, *cutSink, *handClock) {
	clk := &handClock{time.Date(2024, 7, 1, 12, 0, 0, 0, time.UTC)}
	store, err := state.New(memkv.New(), state.Options{Clock: clk})
	if err != nil {
		t.Fatal(err)
	}
	ses, err := store.Pipeline(context.Background(), "p", 1, "r")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range recorded {
		if err := ses.RecordCut("sink.out", n); err != nil {
			t.Fatal(err)
		}
	}
	sink := &cutSink{batching: b}
	r := &run{Options: Options{
		Pipeline: &plan.Pipeline{Address: "p"}, Session: ses, Clock: clk, Point: func(string) {},
		Host: func(string) plugin.Host { return noHost{clk} },
	}}
	r.boundStaged()
	return newSinkNode(r, &plan.Node{Address: "sink.out", In: cutSchema, Sink: sink}), sink, clk
}

// rowsOf makes a batch of the texts, whose first row has the given number; rows of
// other sinks lie between them when gaps is set.
func rowsOf(first int64, texts []string, gaps bool) *record.Batch {
	b := new(record.Batch)
	step := 1
	if gaps {
		step = 2
	}
	b.Reset(cutSchema, step*len(texts))
	b.Origin = &record.Origin{Name: "o", ID: "object"}
	for k, s := range texts {
		for i := step * k; i < step*(k+1); i++ {
			b.Cols[0].SetString(i, []byte(s))
			b.RowNos = append(b.RowNos, first+int64(k))
			b.Raw = append(b.Raw, record.View{Off: uint32(len(b.RawData)), Len: uint32(len(s))})
			b.RawData = append(b.RawData, s...)
		}
		if gaps {
			b.Sel = append(b.Sel, int32(step*k+1))
		}
	}
	return b
}

// rowByRow is the rule of cutting: what deliveries rows become that come one by
// one, given the bytes of each as JSON.
func rowByRow(b plugin.Batching, recorded []int64, sizes []int64) (ends []int) {
	rows, size := 0, int64(0)
	for i, n := range sizes {
		if b.Bytes > 0 && rows > 0 && size+n > b.Bytes {
			ends, rows, size = append(ends, i), 0, 0
		}
		rows, size = rows+1, size+n
		if b.Rows > 0 && rows >= b.Rows || slices.Contains(recorded, int64(i+1)) {
			ends, rows, size = append(ends, i+1), 0, 0
		}
	}
	if rows > 0 {
		ends = append(ends, len(sizes))
	}
	return ends
}

// keyOf is the documented key of rows first to last, made after before others.
func keyOf(first, last, n, before int64) string {
	h := sha256.New()
	for _, s := range []string{"p", "sink.out", "object"} {
		h.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(s))), s...))
	}
	for _, v := range []int64{first, last, n, before} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(v)))
	}
	return "weir-" + hex.EncodeToString(h.Sum(nil)[:16])
}

// TestCutsDoNotDependOnBatches: in whatever batches rows come, they are cut as if
// they came one by one, with the same keys (I7).
func TestCutsDoNotDependOnBatches(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SampledFrom([]plugin.Batching{{Rows: 1}, {Rows: 7}, {Bytes: 60}, {Rows: 5, Bytes: 90}, {Rows: 100, Wait: time.Hour}, {Bytes: 1}}).Draw(t, "batching")
		texts := rapid.SliceOfN(rapid.StringMatching(`[a-z"]{0,20}`), 1, 60).Draw(t, "rows")
		var recorded []int64
		for n := range int64(len(texts)) {
			if rapid.IntRange(0, 19).Draw(t, "cut") == 0 {
				recorded = append(recorded, n+1)
			}
		}
		s, sink, _ := cutRig(t, b, recorded)
		for from := 0; from < len(texts); {
			to := from + rapid.IntRange(1, 25).Draw(t, "batch")
			to = min(to, len(texts))
			if err := s.add(context.Background(), rowsOf(int64(from)+1, texts[from:to], rapid.Bool().Draw(t, "gaps"))); err != nil {
				t.Fatal(err)
			}
			from = to
		}
		if err := s.flush(context.Background()); err != nil {
			t.Fatal(err)
		}
		sizes := make([]int64, len(texts))
		enc := record.NewEncoder(cutSchema, record.JSONOptions{})
		for i, x := range texts {
			line, err := enc.AppendRow(nil, rowsOf(1, []string{x}, false), 0)
			if err != nil {
				t.Fatal(err)
			}
			sizes[i] = int64(len(line))
		}
		var want []cut
		from := 0
		for _, to := range rowByRow(b, recorded, sizes) {
			c := cut{Key: keyOf(int64(from)+1, int64(to), int64(to-from), int64(from))}
			for i := from; i < to; i++ {
				c.Rows, c.Text = append(c.Rows, int64(i)+1), append(c.Text, texts[i]+"/"+texts[i])
			}
			want, from = append(want, c), to
		}
		if d := cmp.Diff(want, sink.got); d != "" {
			t.Fatalf("%+v, recorded %v:\n%s", b, recorded, d)
		}
	})
}

// TestCutByTime: rows wait as long as batch.wait says, over several batches, and
// the cut is recorded with the number of rows up to it.
func TestCutByTime(t *testing.T) {
	s, sink, clk := cutRig(t, plugin.Batching{Rows: 4, Wait: 2 * time.Second}, nil)
	texts := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	for i, n := range []int{0, 5, 6, 7} { // rows 1-4 go at once; 5 waits for 6 and 7
		if i == 0 {
			continue
		}
		from := []int{0, 0, 5, 6}[i]
		if err := s.add(context.Background(), rowsOf(int64(from)+1, texts[from:n], false)); err != nil {
			t.Fatal(err)
		}
		clk.now = clk.now.Add(time.Second)
	}
	if got := fmt.Sprint(len(sink.got), sink.got[1].Rows, s.r.Session.Cuts("sink.out")); got != "2 [5 6 7] [7]" {
		t.Errorf("deliveries, rows of the second, recorded cuts: %s", got)
	}
}

// TestWholeDeliveriesAreNotCopied: rows that fill deliveries cost nothing, those
// that wait cost what copying costs.
func TestWholeDeliveriesAreNotCopied(t *testing.T) {
	s, sink, _ := cutRig(t, plugin.Batching{Rows: 10}, nil)
	texts := slices.Repeat([]string{"some text"}, 105)
	if err := s.add(context.Background(), rowsOf(1, texts, false)); err != nil {
		t.Fatal(err)
	}
	if len(sink.got) != 10 || s.pending.N != 5 || cap(s.pending.RowNos) > 16 {
		t.Errorf("%d deliveries, %d rows wait, memory for %d", len(sink.got), s.pending.N, cap(s.pending.RowNos))
	}
}
