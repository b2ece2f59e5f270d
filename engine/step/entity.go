package step

import (
	"weir/engine/spec"
)

// Entity is an identity space: the keys by which things of one sort are known.
// Dedupe steps that name the same entity share what they learn, also across
// pipelines and runs.
type Entity struct {
	Name        string // address in the whole configuration
	Description string
}

// Spec declares the entity block.
func (e *Entity) Spec() spec.Body {
	return spec.Body{
		spec.String("description", &e.Description).Doc("What one entity is, such as \"a customer of the shop\"."),
	}
}
