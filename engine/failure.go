package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"syscall"

	"weir/engine/diag"
	"weir/engine/exec"
	"weir/engine/plugin"
)

// FailureDiagnostics returns what err, the end of a run, carries as diagnostics;
// summary says in a line what ended.
func FailureDiagnostics(summary string, err error) diag.List {
	var skipped *SkippedError
	if errors.As(err, &skipped) {
		return diag.List{{Code: "run.skipped", Summary: strings.TrimSuffix(summary, " stopped") + " was " + skipped.Error()}}
	}
	var aside *exec.QuarantineError
	var drained *DrainError
	if errors.As(err, &aside) {
		what := "1 file"
		if n := len(aside.Files) + len(aside.Unread); n != 1 {
			what = fmt.Sprintf("%d files", n)
		}
		advice := ""
		if len(aside.Files) > 0 {
			advice += " A file that was set aside for what it holds is read again when it changes; when the cause was in the configuration, correct that and use weir files retry."
		}
		if len(aside.Unread) > 0 {
			advice += " What could not be fetched is tried again by the next run."
		}
		return diag.List{diag.Errorf("run.files_aside", nil, strings.TrimSuffix(summary, " stopped")+" left "+what+" unread",
			"%s. Everything else is delivered and committed.%s", plugin.Clause(err), advice)}
	}
	if ds := diag.FromError("run.failed", err); len(ds) != 1 || ds[0].Summary != err.Error() {
		return ds
	}
	switch {
	case errors.Is(err, ErrNotBegun):
		return diag.List{diag.Errorf("run.interrupted", nil, strings.TrimSuffix(summary, " stopped")+" was not run", "The run was asked to stop before it began. The next run takes it.")}
	case errors.Is(err, exec.ErrStopped):
		return diag.List{diag.Errorf("run.interrupted", nil, summary, "It was asked to. What was under way is finished and committed; the next run goes on from there.")}
	case errors.As(err, &drained):
		return diag.List{diag.Errorf("run.interrupted", nil, summary, "%s. What it delivered since its last commit the next run delivers again, with the same keys.", strings.ToUpper(err.Error()[:1])+err.Error()[1:])}
	case errors.Is(err, context.Canceled):
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

// Ending says in a few words how a pipeline ended; err is the end of its run, not nil.
func Ending(err error) string {
	var skipped *SkippedError
	var aside *exec.QuarantineError
	switch {
	case errors.As(err, &skipped):
		return "not run"
	case errors.As(err, &aside):
		return "complete but for what was set aside"
	case errors.Is(err, ErrNotBegun):
		return "not run"
	}
	return "stopped before its end"
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
	return errors.As(err, &ne) || errors.As(err, &pe) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}
