package engine

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"strings"
	"syscall"

	"weir/engine/diag"
	"weir/engine/plugin"
)

// FailureDiagnostics returns what err, the end of a run, carries as diagnostics;
// summary says in a line what ended.
func FailureDiagnostics(summary string, err error) diag.List {
	var skipped *SkippedError
	if errors.As(err, &skipped) {
		return diag.List{{Code: "run.skipped", Summary: strings.TrimSuffix(summary, " stopped") + " was " + skipped.Error()}}
	}
	if ds := diag.FromError("run.failed", err); len(ds) != 1 || ds[0].Summary != err.Error() {
		return ds
	}
	if errors.Is(err, context.Canceled) {
		return diag.List{diag.Errorf("run.interrupted", nil, summary, "It was interrupted. What was committed stays; the next run goes on from there.")}
	}
	code := diag.Code("run.failed")
	if Environmental(err) {
		code = "env.failed"
	}
	var pf *plugin.Failure
	if errors.As(err, &pf) && pf.Code != "" {
		code = pf.Code
	}
	return diag.List{{Code: code, Summary: summary, Detail: err.Error()}}
}

// Environmental reports whether err lies in what surrounds weir (network, disk,
// credentials) rather than in the configuration or in the data.
func Environmental(err error) bool {
	var pf *plugin.Failure
	var ne net.Error
	var pe *fs.PathError
	if errors.As(err, &pf) {
		return pf.Class != plugin.Data
	}
	return errors.As(err, &ne) || errors.As(err, &pe) || errors.Is(err, syscall.ENOSPC)
}
