package bytestream

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"weir/engine/plugin"
)

// A member that expands beyond measure is found although the archive holds much that
// does not, wherever it stands; so are many small ones that are sound by themselves.
func TestBombBesideSoundMembers(t *testing.T) {
	random := make([]byte, 3<<20)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(random) // never fails
	sound, bomb := string(random), strings.Repeat("\x00", 20<<20)
	many := []string{"sound", sound[:256<<10]}
	for range 24 {
		many = append(many, "small", bomb[:4<<20])
	}
	for name, tt := range map[string]struct {
		entries []string
		want    string
	}{
		"bomb last":          {[]string{"sound", sound, "bomb", bomb}, `zip member "bomb" data expands to more than 200 times`},
		"bomb first":         {[]string{"bomb", bomb, "sound", sound}, `zip member "bomb" data expands to more than 200 times`},
		"bomb in the middle": {[]string{"one", sound, "bomb", bomb, "two", sound}, `zip member "bomb" data expands to more than 200 times`},
		"many small ones":    {many, "the zip archive expands to more than 200 times its size"},
		"sound":              {[]string{"one", sound, "two", strings.Repeat(sound[:1<<20], 20)}, ""},
		"below the floor":    {[]string{"one", sound, "two", bomb[:15<<20]}, ""},
	} {
		s, err := Open(bytes.NewReader(zipped(t, tt.entries...)), Options{Member: "*", MaxRatio: 200})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for err == nil {
			if _, err = s.Next(); err == nil {
				_, err = io.Copy(io.Discard, s)
			}
		}
		if !errors.Is(err, io.EOF) {
			got = err.Error()
			var f *plugin.Failure
			if !errors.As(err, &f) || f.Class != plugin.Data || f.Code != "run.archive_limit" {
				t.Errorf("%s: %v", name, err)
			}
		}
		if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// An archive that gives a member the size of all others does not get more room for it.
func TestBombThatLies(t *testing.T) {
	random := make([]byte, 3<<20)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(random) // never fails
	data := zipped(t, "bomb", strings.Repeat("\x00", 20<<20), "sound", string(random))
	at := bytes.Index(data, []byte("PK\x01\x02"))
	copy(data[at+20:], []byte{0, 0, 0x20, 0}) // the compressed size in the directory: 2 MiB
	s, err := Open(bytes.NewReader(data), Options{Member: "*", MaxRatio: 200})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if _, err := s.Next(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, s); err == nil || !strings.Contains(err.Error(), "more than 200 times its size") {
		t.Error(err)
	}
}
