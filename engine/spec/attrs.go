package spec

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unique"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"weir/engine/diag"
)

type sensitiveMark struct{}

// Sensitive is the cty mark of a value that must never be shown (I9).
var Sensitive = sensitiveMark{} //nolint:gochecknoglobals // a mark is a constant of a struct type

// ContainsSensitive tells whether v, or anything within it, is marked Sensitive.
func ContainsSensitive(v cty.Value) bool { return contains(v, Sensitive) }

// contains tells whether v, or anything within it, has one of the marks.
func contains(v cty.Value, marks ...any) bool {
	_, pvm := v.UnmarkDeepWithPaths()
	for _, p := range pvm {
		for _, m := range marks {
			if _, ok := p.Marks[m]; ok {
				return true
			}
		}
	}
	return false
}

// Secret is a credential. Its text is reached only through Reveal; every way of
// printing it shows "(secret)". Secrets with equal text are equal.
type Secret struct {
	// A handle, not the text: fmt cannot call the methods of an unexported
	// field, so it would print the text of a secret inside a printed struct (I9).
	h unique.Handle[string]

	unknown bool
}

// UnknownSecret returns a secret that is set and whose text is not known: what secret()
// gives while a configuration is validated or tested where the secret is not.
func UnknownSecret() Secret {
	return Secret{h: unique.Make("(unknown secret)"), unknown: true}
}

// Known reports whether the text is known, so that its form can be checked. That of a
// secret that is not set is.
func (s Secret) Known() bool { return !s.unknown }

// NewSecret returns a secret with the given text.
func NewSecret(s string) Secret {
	if s == "" {
		return Secret{}
	}
	return Secret{h: unique.Make(s)}
}

// Reveal returns the text, for the one call that sends it.
func (s Secret) Reveal() string {
	if !s.IsSet() {
		return ""
	}
	return s.h.Value()
}

// IsSet reports whether the text is not empty.
func (s Secret) IsSet() bool { return s != Secret{} }

// String implements fmt.Stringer without showing the text.
func (s Secret) String() string { return "(secret)" }

// GoString implements fmt.GoStringer without showing the text.
func (s Secret) GoString() string { return "(secret)" }

// MarshalText implements encoding.TextMarshaler without showing the text.
func (s Secret) MarshalText() ([]byte, error) { return []byte("(secret)"), nil }

func newAttr[T any](name, typ string, p *T, conv func(cty.Value, hcl.Range) (T, error)) *Attr[T] {
	return &Attr[T]{o: Option{Name: name, Type: typ}, p: p, conv: conv}
}

// errNoString is about values that are no text, such as an object.
var errNoString = errors.New("must be a string")

func asString(v cty.Value) (string, error) {
	u, _ := v.Unmark()
	c, err := convert.Convert(u, cty.String)
	if err != nil || c.IsNull() || !c.IsKnown() {
		return "", errNoString
	}
	return c.AsString(), nil
}

// String binds a string.
func String(name string, p *string) *Attr[string] {
	return newAttr(name, "string", p, func(v cty.Value, _ hcl.Range) (string, error) { return asString(v) })
}

// Choice binds a string that is one of the given words.
func Choice(name string, p *string, words ...string) *Attr[string] {
	a := String(name, p)
	a.o.Choices = words
	return a.Check(func(s string) error {
		if slices.Contains(words, s) {
			return nil
		}
		msg := fmt.Sprintf("must be one of %s, not %q", strings.Join(words, ", "), s)
		if m := diag.Suggest(s, words); m != "" {
			msg += fmt.Sprintf(". Did you mean %q?", m)
		}
		return errors.New(strings.TrimSuffix(msg, "."))
	})
}

// Int binds a whole number.
func Int(name string, p *int) *Attr[int] {
	return newAttr(name, "int", p, func(v cty.Value, _ hcl.Range) (int, error) {
		u, _ := v.Unmark()
		c, err := convert.Convert(u, cty.Number)
		if err != nil || c.IsNull() || !c.IsKnown() {
			return 0, errors.New("must be a whole number")
		}
		i, acc := c.AsBigFloat().Int64()
		if acc != 0 || i > math.MaxInt32*1024 || i < math.MinInt32*1024 {
			return 0, errors.New("must be a whole number of reasonable size")
		}
		return int(i), nil
	})
}

// Between checks lo <= v <= hi.
func Between(lo, hi int) func(int) error {
	return func(v int) error {
		if v < lo || v > hi {
			return fmt.Errorf("must be between %d and %d, not %d", lo, hi, v)
		}
		return nil
	}
}

// Bool binds true or false.
func Bool(name string, p *bool) *Attr[bool] {
	return newAttr(name, "bool", p, func(v cty.Value, _ hcl.Range) (bool, error) {
		u, _ := v.Unmark()
		c, err := convert.Convert(u, cty.Bool)
		if err != nil || c.IsNull() || !c.IsKnown() {
			return false, errors.New("must be true or false")
		}
		return c.True(), nil
	})
}

// Duration binds a duration such as "30s" or "7d".
func Duration(name string, p *time.Duration) *Attr[time.Duration] {
	return newAttr(name, "duration", p, func(v cty.Value, _ hcl.Range) (time.Duration, error) {
		s, err := asString(v)
		if err != nil {
			return 0, errors.New("must be a duration such as \"30s\"")
		}
		return ParseDuration(s)
	})
}

// Size binds a number of bytes, written as a number or as "64KiB", "10MB".
func Size(name string, p *int64) *Attr[int64] {
	return newAttr(name, "size", p, func(v cty.Value, _ hcl.Range) (int64, error) {
		s, err := asString(v)
		if err != nil {
			return 0, errors.New("must be a size such as \"10MB\"")
		}
		return ParseSize(s)
	})
}

// ParseSize reads a number of bytes with an optional unit: B, kB, KB, MB, GB (powers of 1000), KiB, MiB, GiB (powers of 1024).
func ParseSize(s string) (int64, error) {
	i := strings.LastIndexAny(s, "0123456789.") + 1
	units := map[string]float64{"": 1, "B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30}
	f, err := strconv.ParseFloat(s[:i], 64)
	u, ok := units[strings.ToUpper(strings.TrimSpace(s[i:]))]
	if err != nil || !ok || f < 0 || f*u > 1<<62 {
		return 0, fmt.Errorf("must be a size such as \"64KiB\" or \"10MB\", not %q", s)
	}
	return int64(f * u), nil
}

// Strings binds a list of strings; one string alone is a list of one.
func Strings(name string, p *[]string) *Attr[[]string] {
	return newAttr(name, "list of strings", p, func(v cty.Value, _ hcl.Range) ([]string, error) {
		u, _ := v.Unmark()
		if !u.CanIterateElements() || u.Type().IsMapType() || u.Type().IsObjectType() {
			s, err := asString(v)
			if err != nil {
				return nil, errors.New("must be a list of strings")
			}
			return []string{s}, nil
		}
		out := []string{}
		for it := u.ElementIterator(); it.Next(); {
			_, ev := it.Element()
			s, err := asString(ev)
			if err != nil {
				return nil, errors.New("must be a list of strings")
			}
			out = append(out, s)
		}
		return out, nil
	})
}

// Credential binds a value that may be sensitive.
func Credential(name string, p *Secret) *Attr[Secret] {
	a := newAttr(name, "string", p, func(v cty.Value, _ hcl.Range) (Secret, error) { return asSecret(v) })
	a.secret, a.o.Sensitive = true, true
	return a
}

// CredentialMap binds a map of strings whose values may be sensitive, such as request headers.
func CredentialMap(name string, p *map[string]Secret) *Attr[map[string]Secret] {
	a := newAttr(name, "map of strings", p, func(v cty.Value, rng hcl.Range) (map[string]Secret, error) {
		out := map[string]Secret{}
		err := eachEntry(v, rng, func(k string, ev cty.Value) error {
			var err error
			out[k], err = asSecret(ev)
			return err
		})
		return out, err
	})
	a.secret, a.o.Sensitive = true, true
	return a
}

// NewText returns the text of v, which must be a string, with the place it was written.
func NewText(v cty.Value, use hcl.Range) (Text, error) {
	_, marks := v.Unmark()
	s, err := asString(v)
	if err != nil {
		return Text{}, err
	}
	t := Text{S: s, Range: use}
	for m := range marks {
		if o, ok := m.(*Origin); ok && o.Text == s {
			// The same text may have come along two ways; the place of use decides, else the first in the file.
			inUse := o.Range.Filename == use.Filename && o.Range.Start.Byte >= use.Start.Byte && o.Range.End.Byte <= use.End.Byte
			if t.Origin == nil || inUse || o.Range.Start.Byte < t.Origin.Range.Start.Byte {
				t.Origin, t.Range = o, o.Range
			}
			if inUse {
				break
			}
		}
	}
	return t, nil
}

// Expr binds a row expression.
func Expr(name string, p *Text) *Attr[Text] {
	return newAttr(name, "expression", p, func(v cty.Value, rng hcl.Range) (Text, error) {
		t, err := NewText(v, rng)
		if err != nil {
			return Text{}, errors.New("must be an expression in quotes, such as \"trim(name)\"")
		}
		if strings.TrimSpace(t.S) == "" {
			return Text{}, errors.New("must not be empty")
		}
		return t, nil
	})
}

// ExprList binds a list of row expressions; one expression alone is a list of one.
func ExprList(name string, p *[]Text) *Attr[[]Text] {
	return newAttr(name, "list of expressions", p, func(v cty.Value, rng hcl.Range) ([]Text, error) {
		u, marks := v.Unmark()
		if !u.CanIterateElements() || u.Type().IsMapType() || u.Type().IsObjectType() {
			u = cty.TupleVal([]cty.Value{u.WithMarks(marks)})
		}
		out := make([]Text, 0, u.LengthInt())
		for it := u.ElementIterator(); it.Next(); {
			_, ev := it.Element()
			t, err := NewText(ev, rng)
			if err != nil || strings.TrimSpace(t.S) == "" {
				return nil, errors.New("must be a list of expressions in quotes, such as [\"order_id\"]")
			}
			out = append(out, t)
		}
		return out, nil
	})
}

// Exprs binds a map of row expressions, in the order of their names or, where the map is written out, of the file.
func Exprs(name string, p *[]NamedText) *Attr[[]NamedText] {
	return newAttr(name, "map of expressions", p, func(v cty.Value, rng hcl.Range) ([]NamedText, error) {
		return NamedTexts(v, rng)
	})
}

// NamedTexts reads a map of strings, ordered by where each was written, then by name.
func NamedTexts(v cty.Value, rng hcl.Range) ([]NamedText, error) {
	var out []NamedText
	err := eachEntry(v, rng, func(k string, ev cty.Value) error {
		if u, _ := ev.Unmark(); u.Type() == cty.Number || u.Type() == cty.Bool {
			return fmt.Errorf("must be an expression in quotes, such as %q", "trim(name)")
		}
		t, err := NewText(ev, rng)
		if err != nil {
			return errors.New("must be an expression in quotes, such as \"trim(name)\"")
		}
		out = append(out, NamedText{k, t})
		return nil
	})
	slices.SortStableFunc(out, func(a, b NamedText) int { return compareOrigin(a.Text, b.Text, rng.Filename) })
	return out, err
}

// compareOrigin orders texts written in the file first, then those of other
// files by name, then computed ones; within a file by position.
func compareOrigin(a, b Text, first string) int {
	rank := func(t Text) (int, string, int) {
		switch {
		case t.Origin == nil:
			return 2, "", 0
		case t.Origin.Range.Filename == first:
			return 0, "", t.Origin.Range.Start.Byte
		}
		return 1, t.Origin.Range.Filename, t.Origin.Range.Start.Byte
	}
	ar, af, ab := rank(a)
	br, bf, bb := rank(b)
	return cmp.Or(cmp.Compare(ar, br), cmp.Compare(af, bf), cmp.Compare(ab, bb))
}

// Ref is a reference to a named block, such as connection.ftp.activate.
type Ref struct {
	Kind   string  // "connection", "entity", "schema", "mapping"
	Module string  // address of the module it lives in, "" at the top
	Name   string  // "ftp.activate", "profile"
	Value  any     // what the configuration resolved it to
	Values []Value // the same as data, with the names that it has in its own block
}

// Address returns the name of the block in the whole configuration, such as
// "acme_srs.ftp.activate".
func (r *Ref) Address() string {
	if r.Module == "" {
		return r.Name
	}
	return r.Module + "." + r.Name
}

// RefType is the cty type of a reference.
var RefType = cty.Capsule("reference", reflect.TypeFor[Ref]()) //nolint:gochecknoglobals // a type

// Reference binds a reference to a block of the given kind.
func Reference(name, kind string, p **Ref) *Attr[*Ref] {
	return newAttr(name, kind+" reference", p, func(v cty.Value, _ hcl.Range) (*Ref, error) {
		u, _ := v.Unmark()
		if u.Type() != RefType {
			return nil, fmt.Errorf("must be a reference such as %s", exampleRef(kind))
		}
		r, _ := u.EncapsulatedValue().(*Ref)
		if r.Kind != kind {
			return nil, fmt.Errorf("must refer to a %s, not to a %s", kind, r.Kind)
		}
		return r, nil
	})
}

func exampleRef(kind string) string {
	if kind == "connection" {
		return "connection.TYPE.NAME"
	}
	return kind + ".NAME"
}

// Raw binds any value, unconverted and with its marks.
func Raw(name, typ string, p *cty.Value) *Attr[cty.Value] {
	return newAttr(name, typ, p, func(v cty.Value, _ hcl.Range) (cty.Value, error) { return v, nil })
}
