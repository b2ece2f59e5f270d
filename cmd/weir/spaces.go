package main

import (
	"fmt"
	"strings"

	"go.uber.org/zap"

	"weir/engine/lineage"
	"weir/engine/state"
)

// jsonSpace says how much is kept in a space.
type jsonSpace struct {
	Name     string `json:"name"`
	Entities int    `json:"entities"`
	Keys     int    `json:"keys"`   // of all entities; each has one or more
	Passed   int    `json:"passed"` // entities of a shared space of which the step let rows pass
}

// spaceOf counts what is in a space, which takes as long as reading it.
func spaceOf(s *state.Store, name string) (jsonSpace, error) {
	c, err := lineage.Open(s, zap.NewNop()).CountSpace(name)
	return jsonSpace{Name: name, Entities: c.Entities, Keys: c.Keys, Passed: c.Marked}, err
}

// spacesOf counts what is in those of the spaces whose name has the prefix.
func spacesOf(s *state.Store, names []string, prefix string) ([]jsonSpace, error) {
	out := []jsonSpace{}
	for _, n := range names {
		if strings.HasPrefix(n, prefix) {
			sp, err := spaceOf(s, n)
			if err != nil {
				return nil, err
			}
			out = append(out, sp)
		}
	}
	return out, nil
}

// storedKeys adds up the keys of spaces.
func storedKeys(spaces []jsonSpace) (n int64) {
	for _, sp := range spaces {
		n += int64(sp.Keys)
	}
	return n
}

// String says how much is in the space.
func (sp jsonSpace) String() string {
	keys := count(int64(sp.Keys), "key")
	switch {
	case sp.Keys == 0 && sp.Passed > 0:
		return "marks of " + entities(sp.Passed)
	case sp.Keys == sp.Entities:
		return keys
	}
	return entities(sp.Entities) + " with " + keys
}

func entities(n int) string {
	if n == 1 {
		return "1 entity"
	}
	return fmt.Sprintf("%d entities", n)
}
