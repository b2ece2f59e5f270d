package plan

import (
	"fmt"
	"slices"
	"strings"

	"weir/engine/record"
)

// unlike says in what the fields of a and b differ: those that only one has, those of
// different types, each with its path, or their order. It names a few, not all.
func unlike(a, b *record.Schema, nameA, nameB string) string {
	var out []string
	compareFields(shownFields(a), shownFields(b), nameA, nameB, "", &out)
	if len(out) == 0 {
		return fmt.Sprintf("%s has its fields in the order %s; %s has them in the order %s", nameA, order(a), nameB, order(b))
	}
	const most = 4
	if n := len(out) - most; n > 0 {
		out = append(out[:most], fmt.Sprintf("and %d more", n))
	}
	return strings.Join(out, "; ")
}

func shownFields(s *record.Schema) []record.Field {
	return slices.DeleteFunc(slices.Clone(s.Fields()), func(f record.Field) bool { return f.Hidden })
}

func order(s *record.Schema) string {
	var names []string
	for _, f := range shownFields(s) {
		names = append(names, f.Name)
	}
	return strings.Join(names, ", ")
}

// compareFields appends the differences of the fields below path to out.
func compareFields(a, b []record.Field, nameA, nameB, path string, out *[]string) {
	find := func(fs []record.Field, name string) int {
		return slices.IndexFunc(fs, func(f record.Field) bool { return f.Name == name })
	}
	for _, f := range a {
		i := find(b, f.Name)
		if i < 0 {
			*out = append(*out, fmt.Sprintf("only %s has %s (%s)", nameA, path+f.Name, f.Type))
			continue
		}
		compareTypes(f.Type, b[i].Type, nameA, nameB, path+f.Name, out)
	}
	for _, f := range b {
		if find(a, f.Name) < 0 {
			*out = append(*out, fmt.Sprintf("only %s has %s (%s)", nameB, path+f.Name, f.Type))
		}
	}
}

func compareTypes(a, b record.Type, nameA, nameB, path string, out *[]string) {
	switch {
	case a.Equal(b):
	case a.Kind == record.Object && b.Kind == record.Object && a.Nullable == b.Nullable:
		before := len(*out)
		if compareFields(a.Fields, b.Fields, nameA, nameB, path+".", out); len(*out) == before {
			*out = append(*out, fmt.Sprintf("%s has its fields in another order", path))
		}
	case a.Kind == record.List && b.Kind == record.List && a.Nullable == b.Nullable:
		compareTypes(*a.Elem, *b.Elem, nameA, nameB, path+"[]", out)
	case a.Kind == b.Kind && a.Kind == record.Time && a.Nullable == b.Nullable:
		*out = append(*out, fmt.Sprintf("%s is a datetime in the zone %s in %s and %s in %s", path, a.Location(), nameA, b.Location(), nameB))
	default:
		*out = append(*out, fmt.Sprintf("%s is %s in %s and %s in %s", path, a, nameA, b, nameB))
	}
}
