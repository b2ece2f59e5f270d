package reference

import (
	"encoding/json"
	"strings"

	"weir/engine/plugin"
	"weir/engine/spec"
)

const draft = "https://json-schema.org/draft/2020-12/schema"

// Schemas returns a JSON Schema of each block's body, by the name of its file. They
// describe the JSON form of the language, in which expressions and references
// are strings.
func Schemas(plugins []plugin.Plugin) map[string][]byte {
	out := map[string][]byte{}
	for _, b := range Blocks(plugins) {
		s := object(b.All())
		s["$schema"], s["title"], s["description"] = draft, b.Name(), b.Doc
		text, err := json.MarshalIndent(s, "", "  ") // keys are sorted
		if err != nil {
			continue // maps of strings, lists and maps cannot fail
		}
		out[b.Name()+".json"] = append(text, '\n')
	}
	return out
}

func object(list []spec.Option) map[string]any {
	props, required := map[string]any{}, []string{}
	for _, o := range list {
		props[o.Name] = property(o)
		if o.Required {
			required = append(required, o.Name)
		}
	}
	s := map[string]any{"type": "object", "properties": props, "additionalProperties": false}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

func property(o spec.Option) map[string]any {
	if o.Block {
		s := object(o.Body)
		if o.Repeated {
			s = map[string]any{"type": []string{"object", "array"}}
		}
		s["description"] = o.Doc
		return s
	}
	s := valueType(o.Type)
	s["description"] = o.Doc
	if len(o.Choices) > 0 {
		s["enum"] = o.Choices
	}
	if o.Sensitive {
		s["writeOnly"] = true
	}
	var def any
	if o.Default != "" && json.Unmarshal([]byte(o.Default), &def) == nil {
		s["default"] = def
	}
	return s
}

// valueType is the JSON type of an option's type in the words of package spec.
func valueType(t string) map[string]any {
	text := map[string]any{"type": "string"}
	switch {
	case t == "int":
		return map[string]any{"type": "integer"}
	case t == "bool":
		return map[string]any{"type": "boolean"}
	case t == "duration":
		return map[string]any{"type": "string", "pattern": `^([0-9.]+(ns|us|ms|s|m|h|d|w))+$`}
	case t == "size":
		return map[string]any{"type": []string{"string", "integer"}}
	case strings.HasPrefix(t, "list of ") && !strings.Contains(t, ", or a map"):
		return map[string]any{"anyOf": []any{text, map[string]any{"type": "array", "items": text}}}
	case strings.HasSuffix(t, ", or a list of them"):
		return map[string]any{"anyOf": []any{text, map[string]any{"type": "array", "items": text}}}
	case strings.HasPrefix(t, "map of "):
		return map[string]any{"anyOf": []any{text, map[string]any{"type": "object", "additionalProperties": text}}}
	case t == "string", t == "expression", strings.HasSuffix(t, "reference"):
		return text
	}
	return map[string]any{} // any value
}
