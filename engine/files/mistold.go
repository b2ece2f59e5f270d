package files

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/cespare/xxhash/v2"

	"weir/engine/plugin"
)

// mistold reports whether c is as it was listed, though the server, asked for the file
// alone, tells another size, as now has it: its listing says the same as before then, and
// is wrong. A server that will never agree with itself is not waited for. c has what the
// listing says now; found is false when it is not in it.
func (s *Set) mistold(ctx context.Context, c *candidate, now plugin.FileInfo) (yes, found bool, err error) {
	was := c.info
	if found, err = s.relist(ctx, c); err != nil || !found {
		return false, false, err
	}
	return c.info.Size == was.Size && c.info.ModTime.Equal(was.ModTime) && sameTime(now, was), true, nil
}

// confirm decides about a file of which another number of bytes came than the server
// tells, while it calls the transfer complete: the file is taken when it comes twice alike.
func (s *Set) confirm(ctx context.Context, c *candidate, size int64, hash uint64, gone bool) (bool, error) {
	told := fmt.Sprintf("the server says that it has %d bytes, and ends it after %d", c.info.Size, size)
	if gone {
		s.notice("run.file_size", "A file has another size than the server says", "%s: %s. It was gone after that, so what came is read.", c.info.Path, told)
		return true, nil
	}
	again, sum := int64(0), xxhash.New()
	in, err := s.FS.Open(ctx, c.info.Path, 0)
	if err == nil {
		again, err = io.Copy(sum, io.LimitReader(in, size+1))
		if cerr := in.Close(); err == nil {
			err = cerr
		}
	}
	var told2 *plugin.SizeError
	if errors.As(err, &told2) {
		err = nil
	}
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case err != nil:
		s.setAside(c.info.Path, fmt.Errorf("%s; a second transfer failed: %w", told, err))
		return false, nil
	case again != size || sum.Sum64() != hash:
		s.wait(c, told+"; a second transfer brought something else")
		return false, nil
	}
	what := "What came is read."
	if size < c.info.Size && s.o.AfterMode != plugin.AfterKeep {
		what += " It is not put away, as it may have been cut both times: " + shortAdvice
	}
	s.notice("run.file_size", "A file has another size than the server says", "%s: %s, twice alike. %s", c.info.Path, told, what)
	return true, nil
}
