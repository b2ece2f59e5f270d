package config

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"weir/engine/diag"
	"weir/engine/spec"
)

// Limits on for_each: how long a key may be, and how many instances there may be of
// one block. That of all modules together is maxInstances.
const (
	maxKey      = 64
	maxForEach  = 20_000
	keyUnknown  = "*" // of the one instance that stands for all when the value is not known
	forEachAttr = "for_each"
)

// instance is what a block makes: one without for_each makes one.
type instance struct {
	name  string // the block's own, with the key if it has one
	scope *hcl.EvalContext
}

// instances evaluates for_each of the block called name in m; e is nil when it has none.
// It reports false when it cannot be told which instances there are, which was reported then.
func (l *loader) instances(m *Module, name string, e hcl.Expression) ([]instance, bool) {
	if e == nil {
		return []instance{{name, m.Scope}}, true
	}
	before := len(l.diags)
	v, hd := e.Value(m.Scope)
	if hd.HasErrors() {
		l.add(spec.FromHCL(hd)...)
		return nil, false
	}
	rng := e.Range()
	fail := func(summary, detail string, args ...any) ([]instance, bool) {
		l.add(diag.Errorf("config.invalid_for_each", &rng, summary, detail, args...))
		return nil, false
	}
	u, marks := v.Unmark()
	_, sensitive := marks[spec.Sensitive]
	ty := u.Type()
	keyed := ty.IsMapType() || ty.IsObjectType()
	switch {
	case sensitive:
		return fail("for_each is sensitive", "Its keys become part of addresses, which are shown everywhere. Make it of values that are no secret; what a secret is needed for can call secret() with each.key in the block.")
	case !u.IsKnown() && l.in.AllowMissing:
		return []instance{l.unknownInstance(m, name, ty)}, true
	case !u.IsKnown():
		if len(l.since(before)) == 0 && len(errorsOnly(l.diags)) == 0 {
			return fail("for_each is not known", "It depends on a value that is not known while planning. Give that value, or name the keys here.")
		}
		return nil, false
	case u.IsNull():
		return fail("for_each is null", "It takes a map or a set of strings. An empty one, {}, makes no instance.")
	case ty.IsListType() || ty.IsTupleType():
		return fail("for_each is a list", "%s", listHint(ty))
	case !keyed && !(ty.IsSetType() && (ty.ElementType() == cty.String || u.LengthInt() == 0)):
		return fail("for_each takes a map or a set of strings", "This is %s.", article(ty.FriendlyName()))
	case u.LengthInt() > maxForEach:
		return fail("for_each has too many keys", "It has %d; there may be %d.", u.LengthInt(), maxForEach)
	}
	out := make([]instance, 0, u.LengthInt())
	for it := u.ElementIterator(); it.Next(); {
		kv, ev := it.Element()
		if !keyed {
			kv = ev
		}
		if !kv.IsKnown() || kv.IsNull() {
			return fail("A key of for_each is not known or null", "Keys name the instances, so that each must be a text.")
		}
		key := kv.AsString()
		if what := badKey(key); what != "" {
			at := entryRange(e, key, rng)
			l.add(diag.Errorf("config.invalid_for_each", &at, fmt.Sprintf("The key %q of for_each cannot be part of an address", key),
				"%s. A key has letters, digits, spaces and . _ - + : @ in it, %d characters at most; make one with replace() or lower().", what, maxKey))
			return nil, false
		}
		out = append(out, instance{Instance(name, key), eachScope(m.Scope, kv, ev)})
	}
	slices.SortFunc(out, func(a, b instance) int { return strings.Compare(a.name, b.name) })
	return out, true
}

// unknownInstance is what takes the place of all instances while what they are made from
// is not known, so that what does not depend on it can be checked.
func (l *loader) unknownInstance(m *Module, name string, ty cty.Type) instance {
	value := cty.DynamicVal
	if ty.IsCollectionType() {
		value = cty.UnknownVal(ty.ElementType())
	}
	return instance{Instance(name, keyUnknown), eachScope(m.Scope, cty.UnknownVal(cty.String), value)}
}

// eachScope is what the expressions of an instance see: what others see, and each.
func eachScope(outer *hcl.EvalContext, key, value cty.Value) *hcl.EvalContext {
	c := outer.NewChild()
	c.Variables = map[string]cty.Value{"each": cty.ObjectVal(map[string]cty.Value{"key": key, "value": value})}
	return c
}

// listHint says how to make of a list what for_each takes.
func listHint(ty cty.Type) string {
	if of := ty; of.IsListType() && of.ElementType().IsObjectType() || of.IsTupleType() && of.Length() > 0 && of.TupleElementType(0).IsObjectType() {
		return "It takes a map or a set, whose keys name the instances: by its place in a list another would get the state of one that was removed. Write { for x in LIST : x.COLUMN => x }, with the column that tells them apart."
	}
	return "It takes a map or a set, whose keys name the instances: by its place in a list another would get the state of one that was removed. For a list of strings write toset(LIST)."
}

func article(name string) string {
	if name != "" && strings.IndexByte("aeio", name[0]) >= 0 {
		return "an " + name
	}
	return "a " + name
}

// badKey says what keeps a key from being part of an address, "" when nothing does.
// Nothing that is allowed needs to be escaped, within quotes or elsewhere.
func badKey(key string) string {
	switch {
	case key == "":
		return "It is empty"
	case utf8.RuneCountInString(key) > maxKey:
		return fmt.Sprintf("It has %d characters", utf8.RuneCountInString(key))
	case strings.TrimSpace(key) != key:
		return "It begins or ends with a space"
	}
	for _, r := range key {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) && !strings.ContainsRune(" ._-+:@", r) {
			return fmt.Sprintf("It has %q in it", r)
		}
	}
	return ""
}

// entryRange returns where the key of an entry of a map that is written out stands,
// otherwise the whole.
func entryRange(e hcl.Expression, key string, whole hcl.Range) hcl.Range {
	if at := spec.EntryOf(e, key); at != nil {
		return at.Key.Range()
	}
	return whole
}

// Instance returns the name of the instance with the given key of a block with
// for_each: orders["nl"]. It is the same wherever an address is given or shown.
func Instance(name, key string) string { return name + `["` + key + `"]` }

// Canonical returns the address that a person means by s: the quotes of a key may be
// left out, as they are after a shell has taken them: acme[nl].orders.
func Canonical(s string) string {
	if !strings.Contains(s, "[") {
		return s
	}
	var out strings.Builder
	for s != "" {
		open := strings.IndexByte(s, '[')
		end := strings.IndexByte(s, ']')
		if open < 0 || end < open {
			break
		}
		key := strings.Trim(s[open+1:end], `"'`)
		out.WriteString(Instance(s[:open], key))
		s = s[end+1:]
	}
	return out.String() + s
}

// pipelines makes the pipelines of one block of m.
func (l *loader) pipelines(m *Module, b *hcl.Block) {
	name := b.Labels[0]
	c, rest, hd := b.Body.PartialContent(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: forEachAttr}}})
	l.add(spec.FromHCL(hd)...)
	a := c.Attributes[forEachAttr]
	if a == nil {
		m.Pipelines = append(m.Pipelines, newBlock(m, b))
		return
	}
	before := len(l.diags)
	all, ok := l.instances(m, name, a.Expr)
	if !ok {
		l.faults.Calls[m.Qualify(name)] = l.since(before)
		return
	}
	for _, i := range all {
		blk := newBlock(m, b)
		blk.Name, blk.Body, blk.scope = i.name, rest, i.scope
		m.Pipelines = append(m.Pipelines, blk)
	}
}
