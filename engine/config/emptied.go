package config

import (
	"bytes"
	"fmt"
	"maps"
	"path/filepath"

	"github.com/hashicorp/hcl/v2"

	"weir/engine/diag"
)

// Texts returns what the files held that the configuration was read from: its own and
// those that file() and secret() read, by name. It may hold secrets.
func (s *Snapshot) Texts() map[string][]byte {
	out := maps.Clone(s.Sources)
	maps.Copy(out, s.Others)
	return out
}

// Lost returns a file that has less than before, an earlier Texts: it is gone or empty,
// or holds the beginning of what it held. It may be in the middle of being written.
func (s *Snapshot) Lost(before map[string][]byte) (name string, lost bool) {
	for _, n := range sortedKeys(before) {
		if _, ok := s.edited[n]; ok || len(before[n]) == 0 {
			continue
		}
		now, ok := s.Sources[n]
		if !ok {
			now, ok = s.Others[n]
		}
		looked := s.found[n] != nil || ok
		if _, asked := s.found[n]; !asked && !s.within(n) {
			continue // nothing refers to it any more
		}
		if !looked || len(now) < len(before[n]) && bytes.HasPrefix(before[n], now) {
			return n, true
		}
	}
	return "", false
}

// within reports whether the file called name would be seen in a folder that was listed.
func (s *Snapshot) within(name string) bool {
	_, ok := s.listed[filepath.Dir(name)]
	return ok && Listed(filepath.Base(name))
}

// HoldsNothing reports whether there is nothing in a file but blanks and the mark that some
// editors begin a file with.
func HoldsNothing(src []byte) bool {
	return len(bytes.TrimSpace(bytes.TrimPrefix(src, []byte("\xef\xbb\xbf")))) == 0
}

// Empty returns the configuration files that hold nothing. Each may have lost what it held,
// in a crash or on a full disk.
func (s *Snapshot) Empty() []string {
	var out []string
	for _, name := range sortedKeys(s.Sources) {
		if isSource(name) && HoldsNothing(s.Sources[name]) {
			out = append(out, name)
		}
	}
	return out
}

// empty warns of the files that Empty returns.
func (s *Snapshot) empty() diag.List {
	var ds diag.List
	for _, name := range s.Empty() {
		rng := hcl.Range{Filename: name, Start: hcl.InitialPos, End: hcl.InitialPos}
		ds = append(ds, diag.Warnf("config.empty_file", &rng, "The file is empty",
			"It declares nothing. If it lost what it held, put that back; if nothing is meant, delete the file, or leave a comment in it."))
	}
	return ds
}

// emptied reports a file that held something when it was last read and is empty.
func (s *Snapshot) emptied(name string, src []byte) diag.List {
	if s.had == nil || !HoldsNothing(src) || !s.had(name) {
		return nil
	}
	rng := hcl.Range{Filename: name, Start: hcl.InitialPos, End: hcl.InitialPos}
	return diag.List{diag.Errorf("config.emptied", &rng, "The file is empty",
		"It held something when it was last read, so it may be in the middle of being written: what it declared goes on as it was. If that is to go, delete the file, or leave a comment in it.")}
}

// errEmptied is emptied for a file that file() or secret() reads.
func (s *Snapshot) errEmptied(name string, src []byte) error {
	if s.emptied(name, src) == nil {
		return nil
	}
	return fmt.Errorf("%s is empty, and held something when it was last read: it may be in the middle of being written. If that is meant, delete it and make it anew", name)
}
