package config

import (
	"strings"

	"weir/engine/diag"
)

// Faults says which parts of a configuration the errors found while loading it
// concern, so that the rest can still be used.
type Faults struct {
	// Files holds the errors of files that could not be read whole: what they
	// declare may be incomplete.
	Files map[string]diag.List
	// Modules holds the errors in what all blocks of a module depend on, its
	// variables and locals, by the module's address. They concern the modules inside it too.
	Modules map[string]diag.List
	// Calls holds the errors of blocks that could not be followed: modules, and pipelines
	// whose for_each is wrong, by the address that they would have.
	Calls map[string]diag.List
	// Everywhere holds errors that cannot be narrowed down.
	Everywhere diag.List
}

func newFaults() Faults {
	return Faults{Files: map[string]diag.List{}, Modules: map[string]diag.List{}, Calls: map[string]diag.List{}}
}

// OfModule returns the errors that concern everything in the module at address.
func (f *Faults) OfModule(address string) diag.List {
	out := f.Everywhere
	for a, ds := range f.Modules {
		if within(address, a) {
			out = append(out[:len(out):len(out)], ds...)
		}
	}
	return out
}

// Unclear returns the errors because of which it cannot be told whether the
// pipeline at address, which was last read from files, is still declared.
func (f *Faults) Unclear(address string, files []string) diag.List {
	out := f.Everywhere
	for _, name := range files {
		out = append(out[:len(out):len(out)], f.Files[name]...)
	}
	for a, ds := range f.Modules { // which instances for_each makes depends on variables and locals
		if strings.Contains(address, "[") && within(address, a) {
			out = append(out[:len(out):len(out)], ds...)
		}
	}
	for a, ds := range f.Calls {
		if within(address, a) {
			out = append(out[:len(out):len(out)], ds...)
		}
	}
	return out
}

// within reports whether address is that of the module, of something in it, or of one of
// its instances.
func within(address, module string) bool {
	rest, ok := strings.CutPrefix(address, module)
	return ok && (module == "" || rest == "" || rest[0] == '.' || rest[0] == '[')
}

// errorsOnly returns the errors of ds.
func errorsOnly(ds diag.List) diag.List {
	var out diag.List
	for _, d := range ds {
		if d.Severity == diag.Error {
			out = append(out, d)
		}
	}
	return out
}

// since returns the errors reported after the first n diagnostics.
func (l *loader) since(n int) diag.List { return errorsOnly(l.diags[n:]) }
