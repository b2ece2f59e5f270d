//go:build !linux

package plugin

import "errors"

// renameNew tells that this system does not rename in one step with the look.
func renameNew(_, _ string) error { return errors.ErrUnsupported }
