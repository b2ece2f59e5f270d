package files

import (
	"context"

	"weir/engine/plugin"
)

// missingFolder makes the folder of the source, or decides that it may be missing, or
// returns a Failure that says what is there instead.
func (s *Set) missingFolder(ctx context.Context, dir string) error {
	var cause error
	if s.o.Create {
		if cause = s.FS.MakeDir(ctx, dir); cause == nil {
			s.Log.Info("the folder was made: " + dir)
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	news := s.memory.missing(true)
	if s.o.Missing == "empty" {
		if news {
			s.Log.Info("the folder does not exist yet, so there are no files: " + dir)
		}
		return nil
	}
	return plugin.MissingFolder(ctx, s.FS, dir, cause)
}
