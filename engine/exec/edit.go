package exec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"weir/engine/plan"
	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/state"
)

// Decoder returns the decoder of p that reads its refused rows again.
func Decoder(p *plan.Pipeline) (*plan.Node, plugin.RawDecoder, error) {
	n := (&run{Options: Options{Pipeline: p}}).decoderFor()
	if n == nil {
		return nil, nil, fmt.Errorf("pipeline %s has no single decoder that could read its refused rows again", p.Address)
	}
	dec, ok := n.Decoder.(plugin.RawDecoder)
	if !ok {
		return nil, nil, fmt.Errorf("%s: this decoder cannot read single rows again. weir files retry reads a whole file again", n.Address)
	}
	return n, dec, nil
}

// DecodeText decodes text as the one that is kept of x, as a replay would. It returns how many
// rows the decoder n takes it for, and why it refuses some of them.
func DecodeText(ctx context.Context, n *plan.Node, dec plugin.RawDecoder, x *state.Reject, text []byte) (rows int, refused []record.Reject, err error) {
	origin := &record.Origin{Name: x.Object, ID: x.ObjectID, Header: x.Header}
	rd, err := dec.OpenRaw(ctx, plugin.Object{Name: x.Object, Size: int64(len(text)), Body: bytes.NewReader(text), Origin: origin}, x.Header, want(n))
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = rd.Close() }() // holds nothing that could fail to be written
	var c plugin.Chunk
	if err := rd.Split(ctx, &c, len(text)+1); err != nil {
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return 0, nil, err
	}
	c.FirstLine = max(x.Line, 1)
	var b record.Batch
	if err := rd.Parse(ctx, &c, &b); err != nil {
		return 0, nil, err
	}
	refusedBy(&b, n.Address)
	return b.N, b.Rejects, nil
}

// carryEdits gives x, a row refused again, what is known of the edits of the letter that is
// replayed: the text that it had first, and each that it had since.
func (u *unit) carryEdits(x *state.Reject) {
	y := u.edited[x.Row]
	if y == nil || !bytes.Equal(bytes.TrimRight(x.Raw, "\r\n"), bytes.TrimRight(y.Text(), "\r\n")) {
		return
	}
	x.Raw, x.Edits = y.Raw, y.Edits
}
