package bytestream

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zip"

	"weir/engine/plugin"
)

type part struct{ f *zip.File }

// checkPattern says whether p can be used as a pattern of names.
func checkPattern(p string) error {
	if !doublestar.ValidatePattern(p) {
		return fmt.Errorf("must be a pattern of names such as \"*.csv\", not %q", p)
	}
	return nil
}

func (s *Stream) openZip(body io.Reader, head []byte) error {
	s.what = "zip"
	at, size, err := s.randomAccess(body, head)
	if err != nil {
		return err
	}
	z, err := zip.NewReader(at, size)
	if err != nil {
		return errors.Join(s.fail(err), s.Close())
	}
	z.RegisterDecompressor(zip.Store, func(r io.Reader) io.ReadCloser { return io.NopCloser(memberSource{r, s}) })
	z.RegisterDecompressor(zip.Deflate, func(r io.Reader) io.ReadCloser { return flate.NewReader(memberSource{r, s}) })
	if err := s.choose(z); err != nil {
		return errors.Join(err, s.Close())
	}
	return nil
}

// memberSource counts the compressed bytes that are read of the present member: what an
// archive says of its members may be a lie.
type memberSource struct {
	r io.Reader
	s *Stream
}

// Read implements io.Reader.
func (m memberSource) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.s.member.in += int64(n)
	return n, err
}

// randomAccess returns the whole archive, in place or spooled.
func (s *Stream) randomAccess(body io.Reader, head []byte) (io.ReaderAt, int64, error) {
	at, canRead := body.(io.ReaderAt)
	seeker, canSeek := body.(io.Seeker)
	if canRead && canSeek {
		pos, err := seeker.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, 0, err
		}
		end, err := seeker.Seek(0, io.SeekEnd)
		if err != nil {
			return nil, 0, err
		}
		base := pos - int64(len(head))
		return io.NewSectionReader(at, base, end-base), end - base, nil
	}
	f, err := os.CreateTemp("", "weir-*.zip")
	if err != nil {
		return nil, 0, plugin.Fail(plugin.Environment, "env.temp_file", err, "A zip archive from a remote place is copied to the folder for temporary files first")
	}
	s.closed = f.Close
	// Without a name it is gone with the process, whatever ends that.
	if err := os.Remove(f.Name()); err != nil {
		return nil, 0, plugin.Fail(plugin.Environment, "env.temp_file", errors.Join(err, s.Close()), "")
	}
	n, err := io.Copy(f, io.MultiReader(bytes.NewReader(head), s.src))
	if err == nil {
		return f, n, nil
	}
	if s.src.err == nil {
		err = plugin.Fail(plugin.Environment, "env.temp_file", err, "")
	}
	return nil, 0, errors.Join(err, s.Close())
}

// choose sets the parts to be read.
func (s *Stream) choose(z *zip.Reader) error {
	var names []string
	s.parts = []part{}
	for _, f := range z.File {
		// What macOS adds to an archive is not part of the data.
		if f.FileInfo().IsDir() || strings.HasPrefix(f.Name, "__MACOSX/") || path.Base(f.Name) == ".DS_Store" {
			continue
		}
		names = append(names, f.Name)
		if s.o.Member == "" || matches(s.o.Member, f.Name) {
			s.parts = append(s.parts, part{f})
		}
	}
	listed := strings.Join(names[:min(len(names), 10)], ", ")
	switch {
	case len(names) == 0:
		return plugin.Fail(plugin.Data, "run.archive", errors.New("the zip archive holds no files"), "")
	case len(s.parts) == 0:
		return plugin.Fail(plugin.Data, "run.archive", fmt.Errorf("no member of the zip archive matches %q; it holds %s", s.o.Member, listed), "")
	case len(s.parts) > 1 && s.o.Member == "":
		return plugin.Fail(plugin.Data, "run.archive", fmt.Errorf("the zip archive holds %d files: %s", len(names), listed), `Say which to read, such as member = "*.csv"`)
	}
	for _, p := range s.parts {
		if p.f.Flags&1 != 0 {
			return plugin.Fail(plugin.Data, "run.archive", fmt.Errorf("member %q of the zip archive is encrypted, which is not supported", p.f.Name), "")
		}
	}
	return nil
}

// matches applies a pattern without a slash to the name alone, another to the whole path.
func matches(pattern, name string) bool {
	if !strings.Contains(pattern, "/") {
		name = path.Base(name)
	}
	return doublestar.MatchUnvalidated(pattern, name)
}

func (s *Stream) nextMember() (Part, error) {
	if s.closer != nil {
		if err := s.closer(); err != nil {
			return Part{}, s.fail(err)
		}
		s.r, s.closer = nil, nil
	}
	if len(s.parts) == 0 {
		return Part{}, io.EOF
	}
	f := s.parts[0].f
	s.parts = s.parts[1:]
	s.what = fmt.Sprintf("zip member %q", f.Name)
	s.packed, s.member = s.packed+s.member.in, expansion{}
	r, err := f.Open()
	if err != nil {
		return Part{}, s.fail(err)
	}
	s.r, s.closer = r, r.Close
	return Part{Name: f.Name}, nil
}
