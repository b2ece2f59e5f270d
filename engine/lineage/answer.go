package lineage

import (
	"errors"
	"fmt"

	"go.uber.org/zap"

	"weir/engine/plan"
	"weir/engine/state"
)

// ErrUnanswered says that an action breaks stored state, and that nobody said what is
// to become of that. The diagnostics of Judge are with it.
var ErrUnanswered = errors.New("it would lose what is stored")

// Answer does with stored state that an action breaks what answer says is to become
// of it, and returns that in words, "" for nothing. No run of the pipeline is active,
// nor of one whose name it takes over. ErrUnanswered says that nothing was changed.
//
// What is stored under a former name is never left there: keep makes it that of the
// present name; rebuild does, too, and drops of it what makes that everything is read again;
// fork lays it aside under its former name.
func (b *Book) Answer(a *plan.Action, is *plan.PipelineDescription, answer string) (did string, err error) {
	broken := b.broken(a)
	if len(broken) == 0 {
		return "", nil
	}
	if did, err = b.do(a, is, broken, answer); err == nil {
		b.log.Info("stored state was treated as was said", zap.String("pipeline", a.Pipeline), zap.String("state", answer), zap.String("done", did))
	}
	return did, err
}

func (b *Book) do(a *plan.Action, is *plan.PipelineDescription, broken []plan.Effect, answer string) (string, error) {
	switch answer {
	case "": // it came to be there since the action was judged
		return "", fmt.Errorf("%w: %w", ErrUnanswered, b.Judge(a, "", "the pipeline goes on as it was").Err())
	case Keep:
		return b.keep(a, is)
	case Rebuild:
		return b.rebuild(a, spacesOf(broken))
	case Fork:
		return b.fork(a, spacesOf(broken))
	}
	return "", errors.New("state cannot be \"" + answer + "\"; it is keep, rebuild or fork")
}

// keep makes what is stored that of the pipeline and its steps as they are called now.
func (b *Book) keep(a *plan.Action, is *plan.PipelineDescription) (string, error) {
	spaces := renames(a.Effects, &is.Shape)
	if a.From == "" {
		return "what is stored is used on as it is", b.store.Keep("", a.Pipeline, spaces)
	}
	r, err := b.Record(a.From)
	if err != nil {
		return "", err
	}
	if r != nil {
		moved(spaces, &r.Description.Shape, &is.Shape)
	}
	if err := b.store.Keep(a.From, a.Pipeline, spaces); err != nil {
		return "", err
	}
	return "what was stored for " + a.From + " is that of " + a.Pipeline + " now", b.Forget(a.From)
}

func (b *Book) rebuild(a *plan.Action, spaces []string) (string, error) {
	const dropped = "file ledger, cursors and keys were dropped: everything is read again"
	if a.From == "" {
		return dropped, b.store.Rebuild(a.Pipeline, spaces)
	}
	if err := b.store.KeepAnew(a.From, a.Pipeline, spaces); err != nil {
		return "", err
	}
	return "the runs, totals and refused rows of " + a.From + " are those of " + a.Pipeline + " now; " + dropped, b.Forget(a.From)
}

func (b *Book) fork(a *plan.Action, spaces []string) (string, error) {
	var name string
	if a.From != "" {
		n, err := b.store.Fork(a.From, nil)
		if err != nil {
			return "", err
		}
		name = aside(a.From, n)
	}
	n, err := b.store.Fork(a.Pipeline, spaces)
	if err != nil {
		return "", err
	}
	if name == "" {
		name = aside(a.Pipeline, n)
	}
	did := ""
	if name != "" {
		did = "what was stored is laid aside as " + name + " until weir state prune; everything is read again"
	}
	if a.From == "" {
		return did, nil
	}
	return did, b.Forget(a.From)
}

// aside returns the name under which what was stored is laid aside, "" when n is 0.
func aside(name string, n uint64) string {
	if n == 0 {
		return ""
	}
	return state.AsideName(name, n)
}
