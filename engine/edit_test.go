package engine_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/engine"
	"weir/engine/plugin"
	"weir/engine/state"
)

// edit changes a refused row, and returns it as it is then.
func (r *replayTest) edit(o engine.EditOptions) (state.Reject, error) {
	r.t.Helper()
	s, err := state.Open(r.state(), state.Options{})
	if err != nil {
		r.t.Fatal(err)
	}
	x, err := engine.EditReject(r.t.Context(), s, r.l.Plan.Pipelines[0], o)
	if cerr := s.Close(); cerr != nil {
		r.t.Fatal(cerr)
	}
	return x, err
}

// stored returns the refused rows, and those that were edited and are none any more.
func (r *replayTest) stored() (open []state.Reject, ended []state.Ended) {
	r.t.Helper()
	s, err := state.Open(r.state(), state.Options{ReadOnly: true})
	if err != nil {
		r.t.Fatal(err)
	}
	err = errors.Join(s.Rejects("p", 1, func(x state.Reject) bool { open = append(open, x); return true }),
		s.Ended("p", func(x state.Ended) bool { ended = append(ended, x); return true }), s.Close())
	if err != nil {
		r.t.Fatal(err)
	}
	return open, ended
}

const outSink = "sink \"box\" \"out\" {\nname = \"out\"\n}\n"

// An edited row keeps its number and the text that it came with, goes out as edited, once,
// and what was done to it stays known; refused again, it is still known.
func TestEditedRow(t *testing.T) {
	r := newReplay(t, replayCase{steps: outSink, data: "id,n\na,1\nb,x\n"})
	ids, _ := r.letters()
	x, err := r.edit(engine.EditOptions{ID: ids[0], Text: []byte("b,7\n"), By: "ann", Reason: "a typing error"})
	if err != nil || x.ID != ids[0] || string(x.Raw) != "b,x" || string(x.Text()) != "b,7" {
		t.Fatalf("%+v, %v", x, err)
	}
	r.box.rows, r.box.refuse = nil, []string{"7"}
	r.replay(ids, nil)
	open, ended := r.stored()
	if len(open) != 1 || string(open[0].Raw) != "b,x" || len(open[0].Edits) != 1 || open[0].Edits[0].By != "ann" || open[0].Replays != 1 {
		t.Fatalf("refused again: %+v", open)
	}
	if len(ended) != 1 || ended[0].ID != ids[0] || ended[0].Outcome != state.Replayed || ended[0].RunID == "" || string(ended[0].Edits[0].Text) != "b,7" {
		t.Errorf("what is known of the replay: %+v", ended)
	}
	r.box.refuse = nil
	if _, err := r.edit(engine.EditOptions{ID: open[0].ID, Seen: 1, Set: []plugin.Cell{{Column: "n", Value: "8"}}, By: "bob", Reason: "not 7"}); err != nil {
		t.Fatal(err)
	}
	r.replay([]uint64{open[0].ID}, nil)
	if d := cmp.Diff([]string{`out {"id":"b","n":8}`}, r.box.rows); d != "" {
		t.Errorf("delivered (-want +got):\n%s", d)
	}
	open, ended = r.stored()
	if len(open) != 0 || len(ended) != 2 || string(ended[1].Raw) != "b,x" || len(ended[1].Edits) != 2 || ended[1].Edits[1].Reason != "not 7" {
		t.Errorf("%d are refused, %+v ended", len(open), ended)
	}
}

// An edit between an attempt that got lost and the next one has a key of its own: a
// receiver that honours keys would else answer for the former text (I7).
func TestKeyOfAnEditedRow(t *testing.T) {
	r := newReplay(t, replayCase{steps: outSink, data: "id,n\nb,1\n", refuse: []string{"out"}})
	ids, _ := r.letters()
	r.box.refuse = nil
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if _, err := r.e.Replay(ctx, r.l, engine.ReplayOptions{StateDir: r.state(), Pipeline: "p", IDs: ids, Point: func(name string) {
		if name == "committing" {
			cancel()
		}
	}}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.edit(engine.EditOptions{ID: ids[0], Text: []byte("b,2"), By: "ann", Reason: "r"}); err != nil {
		t.Fatal(err)
	}
	if p := r.replay(ids, nil); p.Err != nil || len(r.box.repeat) != 0 {
		t.Errorf("%v, taken for repeated: %q", p.Err, r.box.repeat)
	}
	if d := cmp.Diff([]string{`out {"id":"b","n":1}`, `out {"id":"b","n":2}`}, r.box.rows); d != "" {
		t.Errorf("delivered (-want +got):\n%s", d)
	}
}

// A row of an order is mended, and the order goes out whole, once.
func TestEditMendsAHalfOrder(t *testing.T) {
	for _, within := range []string{"object", "adjacent"} {
		r := newReplay(t, replayCase{data: "id,n\na,1\na,x\na,3\nb,4\n", steps: "group \"g\" {\nby = [\"id\"]\nwithin = \"" + within + "\"\non_reject = \"group\"\n" +
			"fields = {\nid = \"first(rows).id\"\nn = \"join(map(rows, string(.n ?? 0)), ' ')\"\n}\n}\n" + outSink})
		ids, _ := r.letters()
		if len(ids) != 3 {
			t.Fatalf("refused: %d", ids)
		}
		if _, err := r.edit(engine.EditOptions{ID: ids[0], Set: []plugin.Cell{{Column: "n", Value: "2"}}, By: "ann", Reason: "r"}); err != nil {
			t.Fatal(err)
		}
		r.box.rows = nil
		p := r.replay(ids[:1], nil)
		if d := cmp.Diff([]string{`out {"id":"a","n":"1 2 3"}`}, r.box.rows); d != "" || p.Err != nil {
			t.Errorf("%s: %v, delivered (-want +got):\n%s", within, p.Err, d)
		}
		if left, _ := r.letters(); len(left) != 0 {
			t.Errorf("%s: refused still: %d", within, left)
		}
	}
}

// What is no edit of the row is refused with the reason, and changes nothing; so is one of
// a row that is not any more as its author saw it.
func TestEditRefused(t *testing.T) {
	r := newReplay(t, replayCase{steps: outSink, data: "id,n\na,1\nb,x\nc,y\n"})
	ids, _ := r.letters()
	who := engine.EditOptions{ID: ids[0], By: "ann", Reason: "r"}
	for name, c := range map[string]struct {
		change func(o *engine.EditOptions)
		want   string
	}{
		"no row":       {func(o *engine.EditOptions) { o.Text = []byte("") }, "the new text is no row for decode.csv"},
		"several rows": {func(o *engine.EditOptions) { o.Text = []byte("b,1\nb,2") }, "the new text is 2 rows for decode.csv, and it was 1"},
		"still bad":    {func(o *engine.EditOptions) { o.Text = []byte("b,z") }, `decode.csv, n: "z" is not a whole number`},
		"cut":          {func(o *engine.EditOptions) { o.Text = []byte("b") }, "decode.csv"},
		"the same":     {func(o *engine.EditOptions) { o.Text = []byte("b,x\n") }, "its text is as it was"},
		"no column":    {func(o *engine.EditOptions) { o.Set = []plugin.Cell{{Column: "m", Value: "1"}} }, "there is no column m; there is id, n"},
		"nothing":      {func(*engine.EditOptions) {}, "there is no new text"},
		"nobody":       {func(o *engine.EditOptions) { o.Text, o.By = []byte("b,1"), " " }, "it is not said who edits it"},
		"no reason":    {func(o *engine.EditOptions) { o.Text, o.Reason = []byte("b,1"), "" }, "it is not said why"},
		"unknown":      {func(o *engine.EditOptions) { o.Text, o.ID = []byte("b,1"), 99 }, "has no refused row 99; it may have been replayed or discarded"},
	} {
		o := who
		c.change(&o)
		if _, err := r.edit(o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
	if open, _ := r.stored(); len(open) != 2 || len(open[0].Edits) != 0 {
		t.Fatalf("refused edits changed something: %+v", open)
	}
	first, second := who, who
	first.Text, second.Text, second.By = []byte("b,1"), []byte("b,2"), "bob"
	if _, err := r.edit(first); err != nil {
		t.Fatal(err)
	}
	if _, err := r.edit(second); err == nil || !strings.Contains(err.Error(), "was edited meanwhile, by ann at ") {
		t.Errorf("the second edit: %v", err)
	}
	second.Seen = 1
	if _, err := r.edit(second); err != nil {
		t.Errorf("after another look: %v", err)
	}
	second.Seen, second.Text = 2, []byte("b,3")
	r.replay(ids[:1], nil)
	if _, err := r.edit(second); err == nil || !strings.Contains(err.Error(), "it was replayed at ") {
		t.Errorf("after a replay: %v", err)
	}
	second.ID, second.Seen, second.Text = ids[1], 0, []byte("c,3")
	if _, err := r.edit(second); err != nil {
		t.Fatal(err)
	}
	r.discard(ids[1])
	second.Seen = 1
	if _, err := r.edit(second); err == nil || !strings.Contains(err.Error(), "it was discarded at ") {
		t.Errorf("after it was discarded: %v", err)
	}
}
