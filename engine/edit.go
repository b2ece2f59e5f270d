package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"weir/engine/exec"
	"weir/engine/plan"
	"weir/engine/plugin"
	"weir/engine/state"
)

// EditOptions are a change to the text of a refused row.
type EditOptions struct {
	ID     uint64
	Text   []byte        // the whole text anew; nil when cells are set
	Set    []plugin.Cell // other values for some columns
	By     string        // who asks for it
	Reason string        // why
	Seen   int           // how many edits its author knew of
}

// EditError tells why a refused row was not edited; it is as it was.
type EditError struct {
	Pipeline string
	ID       uint64
	Reason   string
}

// Error implements error.
func (e *EditError) Error() string {
	return fmt.Sprintf("refused row %d of pipeline %s was not edited: %s", e.ID, e.Pipeline, e.Reason)
}

// EditReject changes a copy of the text of a refused row, which a replay then takes instead of
// the text that the row came with; that is kept beside it. The new text must be what the old
// one was, a row (or the rows of a group), and no decoder may refuse it. An *EditError says
// why it is not taken, a *state.ChangedError that the row is not any more as its author
// saw it. No run of the pipeline may be active.
func EditReject(ctx context.Context, s *state.Store, p *plan.Pipeline, o EditOptions) (state.Reject, error) {
	letters, err := s.RejectReader(p.Address)
	if err != nil {
		return state.Reject{}, err
	}
	x, ok, err := letters.Get(o.ID)
	if err != nil {
		return x, err
	}
	edit := state.Edit{Text: o.Text, By: o.By, Reason: o.Reason}
	if !ok || len(x.Edits) != o.Seen {
		return s.EditReject(p.Address, o.ID, o.Seen, edit) // it says what came first
	}
	if edit.Text, err = edited(ctx, p, &x, &o); err != nil {
		return x, &EditError{p.Address, o.ID, err.Error()}
	}
	return s.EditReject(p.Address, o.ID, o.Seen, edit)
}

// edited returns the new text of x, when it is one that can be replayed.
func edited(ctx context.Context, p *plan.Pipeline, x *state.Reject, o *EditOptions) ([]byte, error) {
	switch {
	case strings.TrimSpace(o.By) == "":
		return nil, errors.New("it is not said who edits it")
	case strings.TrimSpace(o.Reason) == "":
		return nil, errors.New("it is not said why it is edited")
	case o.Text != nil && len(o.Set) > 0:
		return nil, errors.New("its text is given anew, and cells of it are set; only one of both is possible")
	case o.Text == nil && len(o.Set) == 0:
		return nil, errors.New("there is no new text")
	}
	n, dec, err := exec.Decoder(p)
	if err != nil {
		return nil, err
	}
	text := o.Text
	if len(o.Set) > 0 {
		ed, ok := dec.(plugin.RawEditor)
		if !ok {
			return nil, fmt.Errorf("%s cannot set single columns; give the whole text anew", n.Address)
		}
		if x.Raw == nil {
			return nil, errors.New("no text of it is kept; give the whole text")
		}
		if text, err = ed.EditRaw(ctx, x.Header, x.Text(), o.Set); err != nil {
			return nil, err
		}
	}
	was := x.Text()
	if !bytes.HasSuffix(was, []byte("\n")) { // what editors and shells add
		text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
	}
	if bytes.Equal(text, was) {
		return nil, errors.New("its text is as it was")
	}
	expected := 1
	if rows, _, err := exec.DecodeText(ctx, n, dec, x, x.Raw); err == nil && rows > 1 {
		expected = rows
	}
	rows, refused, err := exec.DecodeText(ctx, n, dec, x, text)
	switch {
	case err != nil:
		return nil, err
	case rows == 0:
		return nil, fmt.Errorf("the new text is no row for %s", n.Address)
	case rows != expected:
		return nil, fmt.Errorf("the new text is %d rows for %s, and it was %d; a row that is to go out of it, or to come besides it, is not an edit", rows, n.Address, expected)
	case len(refused) > 0:
		f := &refused[0]
		at := f.Step
		if f.Column != "" {
			at += ", " + f.Column
		}
		return nil, fmt.Errorf("%s: %s", at, f.Reason)
	}
	return text, nil
}
