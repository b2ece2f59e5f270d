package pebblekv

import (
	"errors"
	"fmt"

	"weir/engine/diag"
	"weir/engine/plugin"
)

// damage says that files of the database are not as they were written.
type damage struct {
	what string
	err  error
}

// Error implements error.
func (d *damage) Error() string {
	if d.err != nil {
		return d.what + ": " + d.err.Error()
	}
	return d.what
}

// Unwrap gives errors.Is the cause.
func (d *damage) Unwrap() error { return d.err }

const damageAdvice = "Its files were changed, cut or damaged by something other than weir. Restore the folder from a backup; without one, " +
	"'weir state repair' says what can still be read and what that would drop, and goes on from there when you wish it"

func damaged(dir string, err error) error {
	return plugin.Fail(plugin.Environment, "state.damaged", fmt.Errorf("state folder %s is damaged: %w", dir, err), damageAdvice)
}

// isDamaged reports whether err says that a folder is damaged.
func isDamaged(err error) bool { return hasCode(err, "state.damaged") }

func hasCode(err error, code diag.Code) bool {
	var f *plugin.Failure
	return errors.As(err, &f) && f.Code == code
}
