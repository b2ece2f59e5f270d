package function

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"strings"

	"weir/engine/record"
)

func tableFunctions() []Function {
	return []Function{{
		Name:  "lookup",
		Usage: "lookup(table, key[, default])",
		Summary: "What the object table has under the name key, a text or a whole number; default, nil unless given, when it has no such name or key is nil. " +
			"A table is usually a variable: `lookup(var.countries, country, 'unknown')`.",
		Examples: []Example{
			{"lookup({NL: 'Netherlands', PL: 'Poland'}, 'PL')", `"Poland"`},
			{"lookup({NL: 'Netherlands'}, 'SE')", "null"},
			{"lookup({NL: 'Netherlands'}, nil, 'unknown')", `"unknown"`},
			{"lookup({'8': 'confirmed'}, 8)", `"confirmed"`},
		},
		Types:   []any{new(func(map[string]any, any) any), new(func(map[string]any, any, any) any)},
		Returns: lookupType,
		Call:    lookup,
	}, {
		Name:  "uuid5",
		Usage: "uuid5(namespace, x)",
		Summary: "The UUID of version 5 (RFC 9562) made of x in a namespace: the same for the same arguments, always. " +
			"The namespace is `dns`, `url`, `oid`, `x500` or a UUID.",
		Examples: []Example{
			{"uuid5('dns', 'www.example.com')", `"2ed6657d-e927-568b-95e1-2665a8aea6a2"`},
			{"uuid5('6ba7b811-9dad-11d1-80b4-00c04fd430c8', 'x') == uuid5('url', 'x')", "true"},
		},
		Types:   []any{new(func(string, string) *string)},
		Returns: asArgs(record.String),
		Call: strict(func(args []any) (any, error) {
			ns, err := textArg("uuid5", args, 0)
			if err != nil {
				return nil, err
			}
			x, err := textArg("uuid5", args, 1)
			if err != nil {
				return nil, err
			}
			space, err := namespace(ns)
			if err != nil {
				return nil, err
			}
			return uuid5(space, x), nil
		}),
	}}
}

// lookupType is the common type of the table's values and the default.
func lookupType(args []record.Type) record.Type {
	other := record.Of(record.Null)
	if len(args) > 2 {
		other = args[2]
	}
	if args[0].Kind != record.Object || args[0].Nullable {
		return record.NullableOf(record.Any)
	}
	for _, f := range args[0].Fields {
		other = common(other, f.Type)
	}
	return other
}

func lookup(args ...any) (any, error) {
	var other any
	if len(args) > 2 {
		other = args[2]
	}
	if args[0] == nil || args[1] == nil {
		return other, nil
	}
	table, isObject := args[0].(map[string]any)
	if !isObject {
		return nil, wrongKind("lookup", 0, "an object", args[0])
	}
	key, isText := args[1].(string)
	if !isText {
		n, err := intArg("lookup", args, 1)
		if err != nil {
			return nil, wrongKind("lookup", 1, "text or a whole number", args[1])
		}
		key = fmt.Sprint(n)
	}
	if v, found := table[key]; found {
		return v, nil
	}
	return other, nil
}

// namespace returns the 16 bytes of a UUID or of a namespace of RFC 9562.
func namespace(s string) ([16]byte, error) {
	text := s
	switch s {
	case "dns":
		text = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
	case "url":
		text = "6ba7b811-9dad-11d1-80b4-00c04fd430c8"
	case "oid":
		text = "6ba7b812-9dad-11d1-80b4-00c04fd430c8"
	case "x500":
		text = "6ba7b814-9dad-11d1-80b4-00c04fd430c8"
	}
	var out [16]byte
	hexes := strings.ReplaceAll(text, "-", "")
	if len(text) == 36 && len(hexes) == 32 && text[8] == '-' && text[13] == '-' && text[18] == '-' && text[23] == '-' {
		if _, err := hex.Decode(out[:], []byte(hexes)); err == nil {
			return out, nil
		}
	}
	return out, fmt.Errorf("%q is not a namespace of uuid5(); write dns, url, oid, x500 or a UUID", s)
}

func uuid5(space [16]byte, x string) string {
	h := sha1.New()
	h.Write(space[:])
	h.Write([]byte(x))
	u := h.Sum(nil)[:16]
	u[6] = u[6]&0x0f | 0x50
	u[8] = u[8]&0x3f | 0x80
	t := hex.EncodeToString(u)
	return t[:8] + "-" + t[8:12] + "-" + t[12:16] + "-" + t[16:20] + "-" + t[20:]
}
