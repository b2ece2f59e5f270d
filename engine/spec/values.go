package spec

import (
	"crypto/hmac"
	"crypto/sha256"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// Value is one decoded value of a block as data. Two configurations that mean
// the same have equal values, whatever their layout, comments, order of
// attributes, and the way a value took through variables and locals.
type Value struct {
	// Name is the path of the value in its block: "path", "batch.rows",
	// "fields.total", "rule.has_name.that", "connection.host". The value of a map
	// or of a repeated block itself is the list of its names, in order.
	Name string
	// Text is the value in one canonical form; "(secret)" for one that may be sensitive.
	Text string
	// Unset tells that it was not written, where that means something of its own.
	Unset bool
	// Prose tells that it is said to people and changes nothing that runs.
	Prose bool
	// Range is where it is written, else the header of its block.
	Range hcl.Range
	// Ref is the block that a reference names, whose Values belong to this one
	// under its name: "connection.host". nil for other values.
	Ref *Ref

	secret   Secret
	isSecret bool
}

// secretText is what is shown in the place of a secret.
const secretText = "(secret)"

// IsSecret reports whether the value may be sensitive, so that Text does not tell it.
func (v *Value) IsSecret() bool { return v.isSecret }

// Append adds the whole value, without its name, to b, for a digest. A secret is
// added as its HMAC with key, so that whoever sees the digest without the key
// cannot try guesses (I9).
func (v *Value) Append(b, key []byte) []byte {
	switch {
	case v.Unset:
		return append(b, 'u')
	case v.isSecret:
		mac := hmac.New(sha256.New, key)
		_, _ = mac.Write([]byte(v.secret.Reveal())) // a hash takes everything
		return mac.Sum(append(b, 's'))
	}
	return append(append(b, 'v'), v.Text...)
}

// SameAs reports whether v and w are the same value, whatever their names.
func (v *Value) SameAs(w *Value) bool {
	return v.Text == w.Text && v.Unset == w.Unset && v.isSecret == w.isSecret && v.secret == w.secret
}

// Values returns what b decoded, in the order of the declarations. It is called on
// the Body that Decode was called on, with the ranges that Decode returned. A
// reference stands for its address; see Value.Ref for what is behind it. One that
// is not written has no value.
func (b Body) Values(at Ranges) []Value {
	c := collector{at: at, out: make([]Value, 0, len(b)+len(b)/2+4)}
	for _, it := range b {
		it.values(&c)
	}
	return c.out
}

// collector gathers the values of a body.
type collector struct {
	at     Ranges
	prefix string
	out    []Value
}

func (c *collector) add(v Value) {
	v.Name = c.prefix + v.Name
	c.out = append(c.out, v)
}

// within gathers the values of a nested body under a name.
func (c *collector) within(name string, b Body) {
	outer := c.prefix
	c.prefix += name + "."
	for _, it := range b {
		it.values(c)
	}
	c.prefix = outer
}

func (a *Attr[T]) values(c *collector) {
	v := Value{Name: a.o.Name, Prose: a.prose}
	if r, ok := c.at[a.p]; ok {
		v.Range = r
	}
	if a.present != nil && !*a.present {
		v.Unset = true
		c.add(v)
		return
	}
	switch t := any(*a.p).(type) {
	case string:
		v.Text = t
	case int:
		v.Text = strconv.Itoa(t)
	case int64:
		v.Text = strconv.FormatInt(t, 10)
	case bool:
		v.Text = strconv.FormatBool(t)
	case time.Duration:
		v.Text = t.String()
	case []string:
		v.Text = listText(t)
	case Secret:
		v.setSecret(t)
	case map[string]Secret:
		c.secrets(v, t)
		return
	case Text:
		v.Text, v.Range = t.S, rangeOr(t.Range, v.Range)
	case []Text:
		c.texts(v, t)
		return
	case []NamedText:
		c.named(v, t)
		return
	case *Ref:
		c.reference(v, t)
		return
	case cty.Value:
		c.raw(v, t)
		return
	}
	c.add(v)
}

func (v *Value) setSecret(s Secret) {
	v.Text, v.secret, v.isSecret = secretText, s, true
	if !s.IsSet() {
		v.Text = "" // that there is none is no secret, and worth saying
	}
}

func rangeOr(r, or hcl.Range) hcl.Range {
	if r == (hcl.Range{}) {
		return or
	}
	return r
}

func (c *collector) secrets(v Value, m map[string]Secret) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		e := v
		e.Name += "." + k
		e.setSecret(m[k])
		c.add(e)
	}
}

func (c *collector) texts(v Value, ts []Text) {
	all := make([]string, len(ts))
	for i, t := range ts {
		all[i] = t.S
	}
	v.Text = listText(all)
	if len(ts) > 0 {
		v.Range = rangeOr(ts[0].Range, v.Range)
	}
	c.add(v)
}

func (c *collector) named(v Value, ts []NamedText) {
	names := make([]string, len(ts))
	for i, t := range ts {
		names[i] = t.Name
	}
	v.Text = listText(names)
	c.add(v)
	for _, t := range ts {
		c.add(Value{Name: v.Name + "." + t.Name, Text: t.Text.S, Prose: v.Prose, Range: rangeOr(t.Text.Range, v.Range)})
	}
}

func (c *collector) reference(v Value, r *Ref) {
	if r != nil { // else there is nothing to tell
		v.Text, v.Ref = r.Kind+"."+r.Address(), r
		c.add(v)
	}
}

// raw adds a value of any type. One that is a map is taken apart like a map of
// expressions, so that each entry has a place of its own.
func (c *collector) raw(v Value, cv cty.Value) {
	u, _ := cv.Unmark()
	if u == cty.NilVal || u.IsNull() || !u.IsKnown() || !u.Type().IsMapType() && !u.Type().IsObjectType() {
		v.Text = canonical(u)
		c.add(v)
		return
	}
	var entries []NamedText
	for it := u.ElementIterator(); it.Next(); {
		kv, ev := it.Element()
		k, _ := kv.Unmark()
		e, _ := ev.Unmark()
		t := Text{S: canonical(ev), Range: v.Range}
		if e.IsKnown() && !e.IsNull() && e.Type() == cty.String {
			if written, err := NewText(ev, v.Range); err == nil {
				t = written
				t.S = strconv.Quote(t.S)
			}
		}
		entries = append(entries, NamedText{k.AsString(), t})
	}
	slices.SortStableFunc(entries, func(a, b NamedText) int { return compareOrigin(a.Text, b.Text, v.Range.Filename) })
	first := len(c.out)
	c.named(v, entries)
	names := c.out[first].Text
	c.out[first].Text = "{" + names[1:len(names)-1] + "}" // unlike a list of those strings
}

// listText writes strings so that no two lists have the same text.
func listText(ss []string) string {
	b := []byte{'['}
	for i, s := range ss {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = strconv.AppendQuote(b, s)
	}
	return string(append(b, ']'))
}

// canonical writes a value so that no two have the same text, whatever marks they carry.
func canonical(v cty.Value) string {
	if v == cty.NilVal {
		return "null"
	}
	u, _ := v.Unmark()
	switch ty := u.Type(); {
	case !u.IsKnown():
		return "unknown"
	case u.IsNull():
		return "null"
	case ty == cty.String:
		return strconv.Quote(u.AsString())
	case ty == cty.Bool:
		return strconv.FormatBool(u.True())
	case ty == cty.Number:
		return u.AsBigFloat().Text('g', -1)
	case ty == RefType:
		r, _ := u.EncapsulatedValue().(*Ref)
		return r.Kind + "." + r.Address()
	case !u.CanIterateElements():
		return ty.FriendlyName()
	}
	keyed := u.Type().IsMapType() || u.Type().IsObjectType()
	var sb strings.Builder
	sb.WriteByte("[{"[btoi(keyed)])
	for it, n := u.ElementIterator(), 0; it.Next(); n++ {
		if n > 0 {
			sb.WriteString(", ")
		}
		k, e := it.Element()
		if keyed {
			sb.WriteString(canonical(k) + " = ")
		}
		sb.WriteString(canonical(e))
	}
	sb.WriteByte("]}"[btoi(keyed)])
	return sb.String()
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (b *block) values(c *collector) {
	if b.each == nil {
		if b.present != nil {
			c.add(Value{Name: b.name, Text: strconv.FormatBool(*b.present), Range: b.at})
		}
		c.within(b.name, b.body)
		return
	}
	names := make([]string, len(b.decoded))
	seen := map[string]int{}
	for i, d := range b.decoded {
		names[i] = strings.Join(d.labels, ".")
		if n := seen[names[i]]; n > 0 || len(d.labels) == 0 {
			names[i] += "[" + strconv.Itoa(n) + "]"
		}
		seen[strings.Join(d.labels, ".")]++
	}
	c.add(Value{Name: b.name, Text: listText(names), Range: b.at})
	for i, d := range b.decoded {
		sep := "."
		if strings.HasPrefix(names[i], "[") {
			sep = ""
		}
		c.within(b.name+sep+names[i], d.body)
	}
}

// decodedBlock is one block of a repeated kind, with the declaration it was decoded with.
type decodedBlock struct {
	labels []string
	body   Body
}
