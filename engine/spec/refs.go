package spec

// Refs returns the references that b's attributes were decoded to, those in
// nested blocks excepted.
func (b Body) Refs() []*Ref {
	var out []*Ref
	for _, it := range b {
		if a, ok := it.(*Attr[*Ref]); ok && *a.p != nil {
			out = append(out, *a.p)
		}
	}
	return out
}
