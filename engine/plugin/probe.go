package plugin

import (
	"context"
	"errors"
	"io/fs"
)

// Prober is implemented by configurations of sources and sinks that can verify
// that what the step needs is there, before it is started.
type Prober interface {
	// Probe connects, logs in and looks as far as it can without leaving any
	// effect, within the connection's timeout. Its error is a Failure as Open or
	// OpenFS return it. It is called after Check, and Bind where there is one; it
	// may be called while another generation of the step runs.
	Probe(ctx context.Context, h Host) error
}

// ProbeFiles verifies that the folder in which a source looks for files can be
// listed. One that is missing is a failure, as it is one for a run, unless the source
// makes it or does without.
func ProbeFiles(ctx context.Context, s FileSource, h Host) error {
	fsys, err := s.OpenFS(ctx, h)
	if err != nil {
		return err
	}
	o := s.Files()
	_, err = fsys.List(ctx, o.Base())
	if errors.Is(err, fs.ErrNotExist) {
		if err = nil; !o.Create && o.Missing != "empty" {
			err = MissingFolder(ctx, fsys, o.Base(), nil)
		}
	}
	if cerr := fsys.Close(); err == nil {
		err = cerr
	}
	return err
}
