package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"weir/engine/spec"
)

// Inputs are the values and surroundings a configuration is evaluated with.
type Inputs struct {
	Vars     []VarFlag // from flags, the last of a name wins
	VarFiles []string
	Values   map[string]cty.Value             // given as values, with the marks of where they were written; they win over Vars
	Env      func(name string) (string, bool) // nil: the process's environment
	// AllowMissing treats required variables and secrets without a value as
	// unknown instead of reporting them, for validating a connector by itself.
	AllowMissing bool
	// Sealed keeps secrets and what lies elsewhere out, for tests: secret() reads no file,
	// and what it would return is unknown; file() reads only below the folder of the module
	// and that of the root.
	Sealed bool
	// Cache, when not nil, is what an earlier Load of the same folder left.
	Cache *Cache
	// Edited has texts that take the place of files, by their names as Paths has them;
	// nil stands for a file that is not there. It is read while a configuration is loaded.
	Edited map[string][]byte
	// Had reports whether a file held something when it was last read; one that did and is
	// empty is refused, since it may be in the middle of being written. nil: none did.
	Had func(name string) bool
	// Stop is asked between blocks; once it is true the rest is left out. nil never stops.
	Stop func() bool
}

func (in Inputs) stopped() bool { return in.Stop != nil && in.Stop() }

// VarFlag is one --var name=value.
type VarFlag struct{ Name, Value string }

func (in Inputs) env(name string) (string, bool) {
	if in.Env != nil {
		return in.Env(name)
	}
	return os.LookupEnv(name)
}

// functions returns what expressions of a module in dir may call: the pure
// functions that Terraform users know, and env, file and secret, whose results
// are fixed for the life of the plan.
func functions(dir string, s *Snapshot, in Inputs, r *reads) map[string]function.Function {
	out := map[string]function.Function{
		"abs": stdlib.AbsoluteFunc, "ceil": stdlib.CeilFunc, "floor": stdlib.FloorFunc, "max": stdlib.MaxFunc, "min": stdlib.MinFunc,
		"pow": stdlib.PowFunc, "signum": stdlib.SignumFunc, "parseint": stdlib.ParseIntFunc,
		"chomp": stdlib.ChompFunc, "format": stdlib.FormatFunc, "formatlist": stdlib.FormatListFunc, "indent": stdlib.IndentFunc,
		"join": stdlib.JoinFunc, "lower": stdlib.LowerFunc, "upper": stdlib.UpperFunc, "title": stdlib.TitleFunc,
		"regex": stdlib.RegexFunc, "regexall": stdlib.RegexAllFunc, "replace": stdlib.ReplaceFunc, "split": stdlib.SplitFunc,
		"strrev": stdlib.ReverseFunc, "substr": stdlib.SubstrFunc, "trim": stdlib.TrimFunc, "trimprefix": stdlib.TrimPrefixFunc,
		"trimsuffix": stdlib.TrimSuffixFunc, "trimspace": stdlib.TrimSpaceFunc,
		"chunklist": stdlib.ChunklistFunc, "coalesce": stdlib.CoalesceFunc, "coalescelist": stdlib.CoalesceListFunc,
		"compact": stdlib.CompactFunc, "concat": stdlib.ConcatFunc, "contains": stdlib.ContainsFunc, "distinct": stdlib.DistinctFunc,
		"element": stdlib.ElementFunc, "flatten": stdlib.FlattenFunc, "keys": stdlib.KeysFunc, "length": stdlib.LengthFunc,
		"lookup": stdlib.LookupFunc, "merge": stdlib.MergeFunc, "range": stdlib.RangeFunc, "reverse": stdlib.ReverseListFunc,
		"setunion": stdlib.SetUnionFunc, "setsubtract": stdlib.SetSubtractFunc, "setintersection": stdlib.SetIntersectionFunc,
		"slice": stdlib.SliceFunc, "sort": stdlib.SortFunc, "values": stdlib.ValuesFunc, "zipmap": stdlib.ZipmapFunc,
		"jsondecode": stdlib.JSONDecodeFunc, "jsonencode": stdlib.JSONEncodeFunc, "csvdecode": stdlib.CSVDecodeFunc,
		"formatdate": stdlib.FormatDateFunc,
		"tostring":   stdlib.MakeToFunc(cty.String), "tonumber": stdlib.MakeToFunc(cty.Number), "tobool": stdlib.MakeToFunc(cty.Bool),
		"tolist": stdlib.MakeToFunc(cty.List(cty.DynamicPseudoType)), "toset": stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType)),
		"tomap": stdlib.MakeToFunc(cty.Map(cty.DynamicPseudoType)),
	}
	for name, f := range out {
		out[name] = s.budget.bounded(name, f)
	}
	for name, f := range out {
		out[name] = unquoting(f)
	}
	out["env"] = oneString("the name of an environment variable", func(name string) (cty.Value, error) {
		v, ok := in.env(name)
		s.env[name] = envValue{v, ok}
		r.env[name] = envValue{v, ok}
		return cty.StringVal(v), nil
	})
	out["file"] = oneString("the name of a file, relative to the folder of the module", func(name string) (cty.Value, error) {
		if in.Sealed && !insideFolders(name, dir, s.root) {
			return cty.UnknownVal(cty.String), fmt.Errorf("a test reads only files of the folder that it tests, and %s is none: copy it there, such as to testdata", name)
		}
		b, err := s.readShown(dir, name)
		r.others[fileName(dir, name)], r.shown[fileName(dir, name)] = b, true
		return cty.StringVal(string(b)), err
	})
	out["secret"] = oneString("the name of an environment variable, or file: and a path", func(name string) (cty.Value, error) {
		v, err := readSecret(dir, name, s, in, r)
		return v.Mark(spec.Sensitive), err
	})
	return out
}

func oneString(what string, f func(string) (cty.Value, error)) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "name", Description: what, Type: cty.String, AllowMarked: true}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			name, marks := args[0].Unmark()
			if args[0].HasMark(spec.Sensitive) {
				return cty.UnknownVal(cty.String), function.NewArgError(0, errors.New(spec.SecretName))
			}
			v, err := f(name.AsString())
			if err != nil && !spec.Quotable(args[0]) {
				err = errors.New("what is named here cannot be read; the name comes from a file of variables and is not shown")
			}
			if err != nil {
				return cty.UnknownVal(cty.String), function.NewArgError(0, err)
			}
			return v.WithMarks(marks), nil
		},
	})
}

// unquoting keeps what f says of values that must not be quoted to itself: the errors of
// functions quote their arguments, whole or in parts (I9).
func unquoting(f function.Function) function.Function {
	params := slices.Clone(f.Params())
	for i := range params {
		params[i].AllowMarked = true
	}
	rest := f.VarParam()
	if rest != nil {
		p := *rest
		p.AllowMarked = true
		rest = &p
	}
	checked := func(args []cty.Value, err error) error {
		for i, a := range args {
			if err != nil && !spec.Quotable(a) {
				return function.NewArgErrorf(i, "%s", strings.TrimSuffix(spec.NotQuoted, "."))
			}
		}
		return err
	}
	return function.New(&function.Spec{
		Description: f.Description(), Params: params, VarParam: rest,
		Type: func(args []cty.Value) (cty.Type, error) {
			ty, err := f.ReturnTypeForValues(args)
			return ty, checked(args, err)
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			v, err := f.Call(args)
			return v, checked(args, err)
		},
	})
}

// insideFolders reports whether a file that a module in dir reads is below dir or root.
func insideFolders(name, dir, root string) bool {
	name = canonical(fileName(dir, name))
	for _, top := range []string{dir, root} {
		if rel, err := filepath.Rel(canonical(top), name); err == nil && top != "" && filepath.IsLocal(rel) {
			return true
		}
	}
	return false
}

func readSecret(dir, name string, s *Snapshot, in Inputs, r *reads) (cty.Value, error) {
	if path, ok := strings.CutPrefix(name, "file:"); ok {
		if in.Sealed {
			return cty.UnknownVal(cty.String), nil
		}
		b, err := s.readOther(dir, path)
		r.others[fileName(dir, path)] = b
		return cty.StringVal(strings.TrimRight(string(b), "\r\n")), err
	}
	v, ok := in.env(strings.TrimPrefix(name, "env:"))
	s.secretEnv[strings.TrimPrefix(name, "env:")] = envValue{v, ok}
	r.secretEnv[strings.TrimPrefix(name, "env:")] = envValue{v, ok}
	switch {
	case ok && v == "":
		return cty.UnknownVal(cty.String), fmt.Errorf("the secret is set and empty, which is mostly a slip: give %s its value. Where none is meant, leave the call out", name)
	case ok:
		return cty.StringVal(v), nil
	case in.AllowMissing:
		return cty.UnknownVal(cty.String), nil
	}
	return cty.UnknownVal(cty.String), fmt.Errorf("the secret is not set: give it in the environment variable %s, or write secret(\"file:PATH\")", name)
}
