package config

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"maps"
	"path/filepath"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"weir/engine/spec"
)

// envValue is what an environment variable held.
type envValue struct {
	text string
	set  bool
}

// Revision is a digest of what the configuration was made from: the content of
// its files and of those that file() read, what env() returned, and the values
// of the root's variables wherever they came from. It does not depend on the order in which things were
// read, nor on where the folder lies, so that it is the same for the same
// configuration on every machine and in every process. Planning reads more
// files; ask after that.
//
// Revisions are logged, stored and shown, and a short password can be guessed
// from its digest when everything else is known. So what is secret has no part
// in it (I9): neither what secret() returned, nor the value of a sensitive
// variable, also where a variable file spells it out. A key of the process in
// the digest would hide them too, but then no two processes would agree on a
// revision. Use Same to find out whether a secret changed.
func (s *Snapshot) Revision() string {
	h := sha256.New()
	for _, n := range sortedKeys(s.Sources) {
		field(h, "source", s.label(n), s.withoutSecrets(n))
	}
	for _, n := range sortedKeys(s.Others) {
		if s.shown[n] {
			field(h, "file", s.label(n), s.Others[n])
		} else {
			field(h, "secret file", s.label(n), nil)
		}
	}
	for _, n := range sortedKeys(s.env) {
		v := s.env[n]
		field(h, "env", n, fmt.Appendf(nil, "%t %s", v.set, v.text))
	}
	for _, n := range sortedKeys(s.vars) {
		field(h, "var", n, shownValue(s.vars[n]))
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}

// field writes one part, with lengths so that no two lists of parts are written alike.
func field(h hash.Hash, kind, name string, content []byte) {
	fmt.Fprintf(h, "%s %d:%s%d:", kind, len(name), name, len(content)) //nolint:errcheck // a hash never fails
	h.Write(content)
}

// label is the name of a file as seen from the folder of the configuration.
func (s *Snapshot) label(name string) string {
	root, err := filepath.Abs(s.root)
	if err != nil {
		return filepath.ToSlash(name)
	}
	abs, err := filepath.Abs(name)
	if err != nil {
		return filepath.ToSlash(name)
	}
	rel, err := filepath.Rel(root, abs)
	if err != nil {
		return filepath.ToSlash(name)
	}
	return filepath.ToSlash(rel)
}

// hide leaves the text of e out of the revision: it is the value of a sensitive
// variable. A call such as secret("NAME") only names it, and stays.
func (s *Snapshot) hide(e hcl.Expression) {
	if _, ok := e.(*hclsyntax.FunctionCallExpr); !ok {
		r := e.Range()
		s.hidden[r.Filename] = append(s.hidden[r.Filename], r)
	}
}

// withoutSecrets returns the content of a source without the ranges that are hidden in it.
func (s *Snapshot) withoutSecrets(name string) []byte {
	src := s.Sources[name]
	ranges := slices.Clone(s.hidden[name])
	slices.SortFunc(ranges, func(a, b hcl.Range) int { return b.Start.Byte - a.Start.Byte })
	for _, r := range ranges { // from the end, so that offsets stay right
		if r.Start.Byte <= r.End.Byte && r.End.Byte <= len(src) {
			src = slices.Concat(src[:r.Start.Byte], src[r.End.Byte:])
		}
	}
	return src
}

// shownValue is the text of a variable's value; nothing of one that is sensitive in any part.
func shownValue(v cty.Value) []byte {
	plain, marks := v.UnmarkDeep()
	if _, ok := marks[spec.Sensitive]; ok {
		return nil
	}
	return fmt.Appendf(nil, "%#v", plain)
}

// Same reports whether o was made from exactly the same: all that the revision
// covers, and the secrets. Two configurations that are the same have the same
// plan. A changed secret alone makes a new configuration under the same revision.
func (s *Snapshot) Same(o *Snapshot) bool {
	return maps.EqualFunc(s.Sources, o.Sources, bytes.Equal) && maps.EqualFunc(s.Others, o.Others, bytes.Equal) &&
		maps.Equal(s.env, o.env) && maps.Equal(s.secretEnv, o.secretEnv) &&
		maps.EqualFunc(s.vars, o.vars, func(a, b cty.Value) bool {
			x, _ := a.UnmarkDeep()
			y, _ := b.UnmarkDeep()
			return x.RawEquals(y)
		})
}
