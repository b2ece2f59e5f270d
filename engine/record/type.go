package record

import (
	"strings"
	"time"
)

// Kind is the physical kind of a column.
type Kind uint8

// The column kinds.
const (
	Invalid Kind = iota
	Null         // every value is null; the type of the literal nil
	Bool
	Int     // 64-bit signed
	Float   // IEEE 754 double
	Decimal // exact: coefficient and number of digits after the point, per value
	String  // UTF-8
	Time    // an instant, microseconds since the Unix epoch; Type.Zone says how it is shown
	Date    // a calendar day, days since 1970-01-01, without a zone
	List    // ordered values of one element type
	Object  // named fields
	Any     // values whose type is known only while rows flow
)

var kindNames = [...]string{"invalid", "null", "bool", "int", "float", "decimal", "string", "datetime", "date", "list", "object", "any"}

// String returns the word that diagnostics and documentation use for k.
func (k Kind) String() string { return kindNames[k] }

// Type is the type of a column. The zero value is invalid. Types are immutable
// once they are part of a Schema; copies share Elem and Fields.
type Type struct {
	Kind     Kind
	Nullable bool           // a value may be null
	Zone     *time.Location // Time only: the zone values are shown in; nil means UTC
	Elem     *Type          // List only
	Fields   []Field        // Object only
}

// Field is a named column of a Schema or of an Object type.
type Field struct {
	Name   string
	Type   Type
	Hidden bool // seen by expressions under its name, but not part of the row: meta, dedupe
}

// Of returns the plain, non-nullable type of kind k.
func Of(k Kind) Type { return Type{Kind: k} }

// NullableOf returns the nullable type of kind k.
func NullableOf(k Kind) Type { return Type{Kind: k, Nullable: true} }

// ListOf returns the type of a list of elem.
func ListOf(elem Type) Type { return Type{Kind: List, Elem: &elem} }

// ObjectOf returns the type of an object with the given fields.
func ObjectOf(fields []Field) Type { return Type{Kind: Object, Fields: fields} }

// Equal reports whether t and u describe the same values, zone included. Zones are
// compared by name, since each time one is loaded it is another *time.Location.
func (t Type) Equal(u Type) bool {
	if t.Kind != u.Kind || t.Nullable != u.Nullable || t.Zone != u.Zone && t.Location().String() != u.Location().String() {
		return false
	}
	if (t.Elem == nil) != (u.Elem == nil) || t.Elem != nil && !t.Elem.Equal(*u.Elem) || len(t.Fields) != len(u.Fields) {
		return false
	}
	for i := range t.Fields {
		if t.Fields[i].Name != u.Fields[i].Name || !t.Fields[i].Type.Equal(u.Fields[i].Type) {
			return false
		}
	}
	return true
}

// Location returns the zone in which values of t are shown, UTC by default.
func (t Type) Location() *time.Location {
	if t.Zone == nil {
		return time.UTC
	}
	return t.Zone
}

// String returns t in the words of the language, for example "list of {id string, price decimal}".
func (t Type) String() string {
	var s string
	switch t.Kind {
	case List:
		s = "list of " + t.Elem.String()
	case Object:
		var sb strings.Builder
		sb.WriteByte('{')
		for i, f := range t.Fields {
			if i > 0 {
				sb.WriteString(", ")
			}
			sb.WriteString(f.Name + " " + f.Type.String())
		}
		sb.WriteByte('}')
		s = sb.String()
	default:
		s = t.Kind.String()
	}
	if t.Nullable && t.Kind != Null {
		s += " or nil"
	}
	return s
}

// Slot is a field's position in its Schema. Names are resolved to slots when a
// plan is built; nothing looks a name up while rows flow.
type Slot int

// Schema is an immutable, ordered set of fields.
type Schema struct {
	fields []Field
	byName map[string]Slot
}

// NewSchema returns the schema of fields, whose names must be distinct.
func NewSchema(fields []Field) *Schema {
	s := &Schema{fields: fields, byName: make(map[string]Slot, len(fields))}
	for i, f := range fields {
		s.byName[f.Name] = Slot(i)
	}
	return s
}

// Slot returns the slot of the named field.
func (s *Schema) Slot(name string) (Slot, bool) { v, ok := s.byName[name]; return v, ok }

// Fields returns the fields in slot order; the caller must not change them.
func (s *Schema) Fields() []Field { return s.fields }

// Len returns the number of fields.
func (s *Schema) Len() int { return len(s.fields) }

// Names returns the field names in slot order.
func (s *Schema) Names() []string {
	out := make([]string, len(s.fields))
	for i, f := range s.fields {
		out[i] = f.Name
	}
	return out
}

// Visible returns the slots of the fields that are part of the row, in order.
func (s *Schema) Visible() []Slot {
	var out []Slot
	for i, f := range s.fields {
		if !f.Hidden {
			out = append(out, Slot(i))
		}
	}
	return out
}

// RowType returns the Object type of one row: its visible fields.
func (s *Schema) RowType() Type {
	var fs []Field
	for _, i := range s.Visible() {
		fs = append(fs, s.fields[i])
	}
	return ObjectOf(fs)
}
