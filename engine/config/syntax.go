package config

import (
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"weir/engine/diag"
)

// CheckSyntax parses src as a file of HCL's native syntax and returns the
// problems of its form alone. A file without any can be formatted.
func CheckSyntax(name string, src []byte) diag.List {
	for n := 0; n < len(src); {
		r, w := utf8.DecodeRune(src[n:])
		if r == utf8.RuneError && w == 1 {
			at := posAt(name, src, n)
			return diag.List{diag.Errorf("config.not_utf8", &at, "File is not UTF-8",
				"Byte %d of %s is not part of a character.%s Save the file as UTF-8.", n+1, name, otherEncoding(src))}
		}
		n += w
	}
	if ds := tooDeep(name, src); ds != nil {
		return ds
	}
	_, hd := hclsyntax.ParseConfig(src, name, hcl.InitialPos)
	return syntaxProblems(name, src, hd)
}
