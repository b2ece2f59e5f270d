package exec

import (
	"context"
	"errors"
	"fmt"

	"go.uber.org/zap"

	"weir/engine/plugin"
	"weir/engine/record"
)

// PanicError is a defect of a step, a sink or the engine that ended a run.
// What the run did not commit is read again.
type PanicError struct{ *plugin.Broken }

// Error implements error.
func (e *PanicError) Error() string {
	return fmt.Sprintf("a defect in the program ended the run: %s. Nothing of what was not committed is lost, the next run reads it again; please report this with the lines that the log has about it", e.Broken)
}

// panicked makes an error of what a deferred function recovered. The deferred
// function must call it directly.
func panicked(v any) *PanicError { return &PanicError{plugin.Recovered(v, 1)} }

// decoderCaught is deferred around what a decoder does with a file: a defect there is
// the failure of that file, which is set aside, and the files after it are read.
func decoderCaught(err *error) {
	if v := recover(); v != nil {
		*err = plugin.Fail(plugin.Data, "run.decoder_defect", fmt.Errorf("a defect in the program came to light over what it holds: %w", plugin.Recovered(v, 0)),
			"Please report this with the lines that the log has about it; weir files retry has the file read again, once that is mended")
	}
}

func openReader(ctx context.Context, d plugin.Decoder, o plugin.Object, want []record.Slot) (rd plugin.Reader, err error) {
	defer decoderCaught(&err)
	return d.Open(ctx, o, want)
}

func openRows(ctx context.Context, c plugin.RowContent, origin *record.Origin, want []record.Slot) (rd plugin.Reader, err error) {
	defer decoderCaught(&err)
	return c.Rows(ctx, origin, want)
}

func split(ctx context.Context, rd plugin.Reader, c *plugin.Chunk, target int) (err error) {
	defer decoderCaught(&err)
	return rd.Split(ctx, c, target)
}

func parse(ctx context.Context, rd plugin.Reader, c *plugin.Chunk, out *record.Batch) (err error) {
	defer decoderCaught(&err)
	return rd.Parse(ctx, c, out)
}

// logDefect puts the callers of a defect into the log, where err is about one.
func (r *run) logDefect(file string, err error) {
	var b *plugin.Broken
	if errors.As(err, &b) {
		r.Log.Error("a defect in the program ended the reading of a file", zap.String("file", file), zap.String("what", b.What), zap.Strings("stack", b.Stack))
	}
}
