package lineage_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"weir/engine/lineage"
	"weir/engine/plan"
	"weir/engine/state"
	"weir/engine/state/memkv"
)

// described is a pipeline with one source and one dedupe step of its own keys.
func described(address, location, key string) plan.PipelineDescription {
	space := address + "/dedupe/" + address + "/dedupe.once"
	d := plan.PipelineDescription{Address: address, Fingerprint: digest(location + key)}
	d.Nodes = []plan.NodeDescription{{Address: "source.in", Kind: "source"}, {Address: "dedupe.once", Kind: "dedupe", Stateful: true}}
	d.Shape = plan.Shape{
		Sources: []plan.SourceShape{{Step: "source.in", Type: "ftp", Location: location, Path: "/in/*.csv"}},
		Steps:   []plan.StepShape{{Step: "dedupe.once", Kind: "dedupe", Space: space, Keys: []plan.Key{{Name: "id", Digest: digest(key)}}}},
	}
	return d
}

func digest(s string) (d plan.Digest) {
	copy(d[:], s)
	return d
}

// stored is a store in which the pipeline p has one file and two keys.
func stored(t *testing.T) (*state.Store, *lineage.Book) {
	t.Helper()
	s, err := state.New(memkv.New(), state.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ses, err := s.Pipeline(t.Context(), "p", 1, "rev")
	if err != nil {
		t.Fatal(err)
	}
	if err := ses.StartRun(state.Run{ID: "r", Started: time.Unix(1, 0)}); err != nil {
		t.Fatal(err)
	}
	if err := ses.PutFile(state.FileEntry{Source: "source.in", Path: "/in/a.csv", ID: "f", State: state.FileCommitted, Rows: 2}); err != nil {
		t.Fatal(err)
	}
	for _, k := range []string{"x", "y"} {
		ses.Space("dedupe/p/dedupe.once").Put([]byte("kid\x00"+k), []byte{1})
	}
	if err := ses.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	b := lineage.Open(s, zap.NewNop())
	if err := b.Write(&lineage.Record{Description: described("p", "ftp://one", "id"), Meaning: 1}, 7); err != nil {
		t.Fatal(err)
	}
	return s, b
}

func judge(t *testing.T, b *lineage.Book, is *plan.PipelineDescription, answer string) (plan.Action, string) {
	t.Helper()
	orphans, err := b.Orphans(func(a string) bool { return a == is.Address })
	if err != nil {
		t.Fatal(err)
	}
	a := plan.Action{Pipeline: is.Address, Kind: plan.Add}
	if err := b.Since(&a, is, 1, orphans); err != nil {
		t.Fatal(err)
	}
	var sb strings.Builder
	for _, d := range b.Judge(&a, answer, "it waits") {
		sb.WriteString(d.Summary + ": " + d.Detail + "\n")
	}
	return a, sb.String()
}

// What breaks state that is there is refused with numbers; an answer, or nothing stored, lets it pass.
func TestJudge(t *testing.T) {
	s, b := stored(t)
	for _, c := range []struct {
		is   plan.PipelineDescription
		want []string // nothing: it may run
	}{
		{described("p", "ftp://one", "id"), nil},
		{described("p", "ftp://two", "id"), []string{"1 file is in the ledger of source.in", "reads from ftp://two instead of ftp://one", "count as read", "it waits"}},
		{described("p", "ftp://one", "upper"), []string{"2 keys are stored in p/dedupe/p/dedupe.once", "p would lose what it knows"}},
		{described("q", "ftp://one", "id"), []string{"1 run is recorded", "as q the pipeline begins anew"}},
	} {
		_, got := judge(t, b, &c.is, "")
		if (got == "") != (len(c.want) == 0) {
			t.Errorf("%s: %q", c.is.Address, got)
		}
		for _, w := range c.want {
			if !strings.Contains(got, w) {
				t.Errorf("no %q in %q", w, got)
			}
		}
		if _, got := judge(t, b, &c.is, lineage.Keep); got != "" {
			t.Errorf("answered, and refused: %s", got)
		}
	}
	if err := s.Drop(t.Context(), "p"); err != nil {
		t.Fatal(err)
	}
	is := described("p", "ftp://two", "upper")
	if _, got := judge(t, b, &is, ""); got != "" {
		t.Errorf("nothing is stored, and it is refused: %s", got)
	}
}

// Keeping what was stored under another address makes it that of the new one, with
// the keys of its steps, and leaves no record behind.
func TestAnswerKeepsUnderAnotherAddress(t *testing.T) {
	s, b := stored(t)
	is := described("q", "ftp://one", "id")
	a, _ := judge(t, b, &is, "")
	if a.From != "p" {
		t.Fatalf("action %+v", a)
	}
	if _, err := b.Answer(&a, &is, "drop"); err == nil {
		t.Error("an unknown answer was taken")
	}
	if _, err := b.Answer(&a, &is, ""); !errors.Is(err, lineage.ErrUnanswered) || !strings.Contains(err.Error(), "q would lose what it knows") {
		t.Errorf("without an answer: %v", err)
	}
	did, err := b.Answer(&a, &is, lineage.Keep)
	if err != nil || did != "what was stored for p is that of q now" {
		t.Fatal(did, err)
	}
	if n, err := s.CountSpace(is.Shape.Steps[0].Space); n != 2 || err != nil {
		t.Errorf("%d keys, %v", n, err)
	}
	if list, err := s.Files("q", false); len(list) != 1 || err != nil {
		t.Errorf("files %v, %v", list, err)
	}
	if r, err := b.Record("p"); r != nil || err != nil {
		t.Errorf("record of p: %v, %v", r, err)
	}
}

// What is stored under a former name is not left there, whatever the answer.
func TestAnswerOfRename(t *testing.T) {
	for answer, want := range map[string]struct {
		names string
		files int // of q
		runs  int // likewise
		keys  int
		did   string
	}{
		lineage.Rebuild: {"q", 0, 1, 0, "the runs, totals and refused rows of p are those of q now"},
		lineage.Fork:    {"p~1", 0, 0, 0, "laid aside as p~1"},
	} {
		s, b := stored(t)
		is := described("q", "ftp://one", "id")
		a, _ := judge(t, b, &is, "")
		did, err := b.Answer(&a, &is, answer)
		if err != nil || !strings.Contains(did, want.did) {
			t.Fatalf("%s: %q, %v", answer, did, err)
		}
		list, _ := s.Pipelines()
		if len(list) != 1 || list[0].Address != want.names {
			t.Errorf("%s: pipelines %+v", answer, list)
		}
		files, _ := s.Files("q", false)
		runs, _ := s.Runs("q", 10)
		keys, _ := s.CountSpace(is.Shape.Steps[0].Space)
		if len(files) != want.files || len(runs) != want.runs || keys != want.keys {
			t.Errorf("%s: %d files, %d runs, %d keys", answer, len(files), len(runs), keys)
		}
		if r, err := b.Record("p"); r != nil || err != nil {
			t.Errorf("%s: record of p: %v, %v", answer, r, err)
		}
	}
}

// The key is made once; a record that says nothing new is not written, nor is the generation with it.
func TestWrite(t *testing.T) {
	_, b := stored(t)
	one, err := b.Key()
	if err != nil {
		t.Fatal(err)
	}
	if two, err := b.Key(); err != nil || len(one) != 32 || !bytes.Equal(one, two) {
		t.Error("the key is another one, or none", err)
	}
	r := &lineage.Record{Description: described("p", "ftp://one", "id"), Meaning: 1}
	for _, c := range []struct {
		removed bool
		want    uint64
	}{{false, 7}, {true, 9}} {
		r.Removed = c.removed
		if err := b.Write(r, 9); err != nil {
			t.Fatal(err)
		}
		if g, err := b.Generation(); g != c.want || err != nil {
			t.Errorf("generation %d, want %d; %v", g, c.want, err)
		}
		if got, err := b.Record("p"); err != nil || got == nil || got.Removed != c.removed {
			t.Errorf("record %+v, %v", got, err)
		}
	}
}
