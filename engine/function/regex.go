package function

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"weir/engine/record"
)

// maxBuilt bounds the text that one call makes, in bytes.
const maxBuilt = 64 << 20

func (l *library) regexFunctions() []Function {
	return []Function{{
		Name:  "match_re",
		Usage: "match_re(x, pattern[, group])",
		Summary: "The part of the text x that matches the regular expression pattern (RE2): the first match, or a group of it by number or name. " +
			"nil when nothing matches or the group took no part. In a string of single quotes a backslash is written twice; in backticks once. " +
			"`x matches pattern` only asks whether there is a match.",
		Examples: []Example{
			{"match_re('order 4711, 2 pcs', `\\d+`)", `"4711"`},
			{"match_re('NL-1234 AB', `^(\\w+)-(\\d+)`, 2)", `"1234"`},
			{"match_re('2024-07', `(?P<year>\\d{4})-(?P<month>\\d\\d)`, 'month')", `"07"`},
			{"match_re('none', `\\d+`)", "null"},
		},
		Types: []any{
			new(func(string, string) *string), new(func(string, string, int) *string), new(func(string, string, string) *string),
		},
		Returns: maybe(record.String),
		Call:    coreCall("match_re", l.matchCore),
		Prepare: func(args []any) (Fast, error) { return prepareAll(args, l.matchCore) },
	}, {
		Name:  "replace_re",
		Usage: "replace_re(x, pattern, replacement)",
		Summary: "The text x with every match of the regular expression pattern (RE2) replaced. In the replacement `$1` or `${1}` is the first group, `${name}` a named one, " +
			"and `$$` a dollar sign.",
		Examples: []Example{
			{"replace_re('06-12 34 56', `\\D`, '')", `"06123456"`},
			{"replace_re('Jansen, Jan', `^(\\w+), (\\w+)$`, '$2 $1')", `"Jan Jansen"`},
			{"replace_re('5 kg', `(?P<n>\\d+) kg`, '${n}000 g')", `"5000 g"`},
			{"replace_re('none', `\\d`, 'x')", `"none"`},
		},
		Types:   []any{new(func(string, string, string) *string)},
		Returns: asArgs(record.String),
		Call:    coreCall("replace_re", l.replaceCore),
		Prepare: func(args []any) (Fast, error) { return prepareAll(args, l.replaceCore) },
	}}
}

// prepareAll is Prepare for a function whose arguments behind the first are all
// constants or make no form for columns.
func prepareAll(args []any, make func(args []any) (core, error)) (Fast, error) {
	for _, a := range args[1:] {
		if _, not := a.(NotConst); not || a == nil {
			return Fast{}, nil
		}
	}
	c, err := make(args)
	return Fast{Str: c}, err
}

// compileRE compiles a pattern, with an error that quotes it.
func compileRE(pattern string) (*regexp.Regexp, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		why := strings.TrimPrefix(err.Error(), "error parsing regexp: ")
		return nil, fmt.Errorf("%q is not a regular expression: %s", pattern, why)
	}
	return re, nil
}

func (l *library) pattern(name string, args []any) (*regexp.Regexp, error) {
	s, err := textArg(name, args, 1)
	if err != nil {
		return nil, err
	}
	return l.patterns.get(s)
}

func (l *library) matchCore(args []any) (core, error) {
	re, err := l.pattern("match_re", args)
	if err != nil {
		return nil, err
	}
	group := 0
	if len(args) > 2 {
		if group, err = groupOf(re, args); err != nil {
			return nil, err
		}
	}
	return func(dst, s []byte) ([]byte, bool, error) {
		if group == 0 {
			at := re.FindIndex(s)
			if at == nil {
				return dst, false, nil
			}
			return append(dst, s[at[0]:at[1]]...), true, nil
		}
		at := re.FindSubmatchIndex(s)
		if at == nil || at[2*group] < 0 {
			return dst, false, nil
		}
		return append(dst, s[at[2*group]:at[2*group+1]]...), true, nil
	}, nil
}

// groupOf is the number of the group that argument 2 names.
func groupOf(re *regexp.Regexp, args []any) (int, error) {
	if name, isText := args[2].(string); isText {
		if i := re.SubexpIndex(name); i >= 0 {
			return i, nil
		}
		return 0, fmt.Errorf("the pattern has no group %q", name)
	}
	n, err := intArg("match_re", args, 2)
	if err != nil {
		return 0, wrongKind("match_re", 2, "the number or the name of a group", args[2])
	}
	if n < 0 || n > re.NumSubexp() {
		return 0, fmt.Errorf("the pattern has groups 0, which is the whole match, to %d; there is no group %d", re.NumSubexp(), n)
	}
	return n, nil
}

func (l *library) replaceCore(args []any) (core, error) {
	re, err := l.pattern("replace_re", args)
	if err != nil {
		return nil, err
	}
	with, err := textArg("replace_re", args, 2)
	if err == nil {
		err = checkReplacement(re, with)
	}
	if err != nil {
		return nil, err
	}
	template := []byte(with)
	plain := !strings.Contains(with, "$")
	return func(dst, s []byte) ([]byte, bool, error) {
		start, end := len(dst), 0
		for _, at := range re.FindAllSubmatchIndex(s, -1) {
			dst = append(dst, s[end:at[0]]...)
			if plain {
				dst = append(dst, template...)
			} else {
				dst = re.Expand(dst, template, s, at)
			}
			if end = at[1]; len(dst)-start > maxBuilt {
				return dst[:start], false, fmt.Errorf("replace_re() makes texts of at most %d bytes", maxBuilt)
			}
		}
		return append(dst, s[end:]...), true, nil
	}, nil
}

// checkReplacement refuses a reference to a group that the pattern does not have,
// which would stand for nothing.
func checkReplacement(re *regexp.Regexp, with string) error {
	for i := 0; i < len(with); i++ {
		if with[i] != '$' {
			continue
		}
		rest := with[i+1:]
		if strings.HasPrefix(rest, "$") {
			i++
			continue
		}
		name := rest
		braces := strings.HasPrefix(rest, "{")
		if braces {
			var closed bool
			if name, _, closed = strings.Cut(rest[1:], "}"); !closed {
				return fmt.Errorf("the replacement has a ${ that no } closes; write $$ for a dollar sign")
			}
		} else {
			name = rest[:nameEnd(rest)]
		}
		n, err := strconv.Atoi(name)
		switch {
		case name == "":
			return fmt.Errorf("a $ of the replacement names no group; write $$ for a dollar sign")
		case err == nil && n <= re.NumSubexp(), re.SubexpIndex(name) >= 0:
		case !braces && err != nil && name[0] >= '0' && name[0] <= '9':
			return fmt.Errorf("the pattern has no group %q; write ${%s} for group %[2]s with text behind it", name, name[:leadingDigits(name)])
		default:
			return fmt.Errorf("the pattern has no group %q", name)
		}
	}
	return nil
}

func leadingDigits(s string) int { return len(s) - len(strings.TrimLeft(s, "0123456789")) }

// nameEnd is the length of the name that s begins with.
func nameEnd(s string) int {
	for i := range len(s) {
		if c := s[i]; c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return i
		}
	}
	return len(s)
}
