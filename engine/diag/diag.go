// Package diag carries problems back to the place in the source that caused them.
//
// Every problem a user can cause is a Diagnostic, never a bare error: it has a
// stable code, a severity, a range in a configuration file (or a place in the
// data), and says what to do. Plain errors stay inside a package; they become
// Diagnostics where the range is known. Nothing in a Diagnostic may hold a secret (I9).
package diag

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// Code is a stable, documented identifier such as "config.unknown_plugin". The
// part before the dot is one of config, env, expr, plan, row, run, serve, sink,
// state, test. Codes lists them all.
type Code string

// Severity tells whether a problem stops what was asked for.
type Severity uint8

// The severities.
const (
	Error Severity = iota
	Warning
)

// String returns "error" or "warning".
func (s Severity) String() string {
	if s == Warning {
		return "warning"
	}
	return "error"
}

// Diagnostic is one problem.
type Diagnostic struct {
	Code     Code
	Severity Severity
	Summary  string     // one line, without a full stop
	Detail   string     // what happened and what to do about it; may be empty
	Subject  *hcl.Range // the exact text at fault; nil for problems of the process
	Context  *hcl.Range // wider text to show around Subject; nil for none
	Row      *RowRef    // set when the problem is in data, not in configuration
	Fix      string     // replacement text for Subject, when it is certain
	More     int        // of those that Bounded left out, how many it stands for; 0 for any other
}

// RowRef points at one row of input.
type RowRef struct {
	Object string // such as "/srs/klanten_1.csv"
	Row    int64  // the first data row is 1
	Line   int64  // in the file, 0 when unknown
	Column string
}

// List is a set of diagnostics; nil is "no problems".
type List []Diagnostic

// HasErrors reports whether l holds at least one error.
func (l List) HasErrors() bool {
	return slices.ContainsFunc(l, func(d Diagnostic) bool { return d.Severity == Error })
}

// Err returns l as an error, nil when it holds no errors.
func (l List) Err() error {
	if !l.HasErrors() {
		return nil
	}
	return &listError{l}
}

type listError struct{ list List }

// Error returns the summaries, with their places, one a line.
func (e *listError) Error() string {
	var sb strings.Builder
	for i, d := range e.list {
		if i > 0 {
			sb.WriteByte('\n')
		}
		if d.Subject != nil {
			fmt.Fprintf(&sb, "%s:%d:%d: ", d.Subject.Filename, d.Subject.Start.Line, d.Subject.Start.Column)
		}
		sb.WriteString(d.Summary)
		if d.Detail != "" {
			sb.WriteString(": " + d.Detail)
		}
	}
	return sb.String()
}

// FromError returns the diagnostics that err carries (see List.Err), or one
// diagnostic with the given code whose summary is the text of err. nil gives nil.
func FromError(code Code, err error) List {
	if err == nil {
		return nil
	}
	var le *listError
	if errors.As(err, &le) {
		return le.list
	}
	return List{{Code: code, Summary: err.Error()}}
}

// Errorf returns an error diagnostic about the text at rng; rng may be nil.
func Errorf(code Code, rng *hcl.Range, summary, detail string, args ...any) Diagnostic {
	if len(args) > 0 {
		detail = fmt.Sprintf(detail, args...)
	}
	return Diagnostic{Code: code, Severity: Error, Summary: summary, Detail: detail, Subject: rng}
}

// Warnf is Errorf for a warning.
func Warnf(code Code, rng *hcl.Range, summary, detail string, args ...any) Diagnostic {
	d := Errorf(code, rng, summary, detail, args...)
	d.Severity = Warning
	return d
}

// Sort orders l by file, position and code, and removes exact repeats.
func (l List) Sort() List {
	key := func(d Diagnostic) (string, int) {
		if d.Subject == nil {
			return "", 0
		}
		return d.Subject.Filename, d.Subject.Start.Byte
	}
	slices.SortStableFunc(l, func(a, b Diagnostic) int {
		af, ab := key(a)
		bf, bb := key(b)
		if c := strings.Compare(af, bf); c != 0 {
			return c
		}
		if ab != bb {
			return ab - bb
		}
		return strings.Compare(string(a.Code), string(b.Code))
	})
	return slices.CompactFunc(l, func(a, b Diagnostic) bool {
		return a.Code == b.Code && a.Summary == b.Summary && a.Detail == b.Detail && a.Severity == b.Severity &&
			a.Subject != nil && b.Subject != nil && *a.Subject == *b.Subject
	})
}

// FromHCL converts the diagnostics of the hcl library.
func FromHCL(code Code, ds hcl.Diagnostics) List {
	var out List
	for i, d := range ds {
		if i > 0 && d == ds[i-1] {
			continue // one problem met by every round of a loop
		}
		sev := Error
		if d.Severity == hcl.DiagWarning {
			sev = Warning
		}
		out = append(out, Diagnostic{
			Code: code, Severity: sev, Summary: strings.TrimSuffix(d.Summary, "."), Detail: d.Detail,
			Subject: d.Subject, Context: d.Context,
		})
	}
	return out
}

// Suggest returns the name in known nearest to name, for "did you mean", or ""
// when none is near: at most a third of its letters, and at least one, may differ, and not all of them.
func Suggest(name string, known []string) string {
	letters := len([]rune(name))
	best, bestD := "", min(max(1, letters/3), letters-1)+1
	for _, k := range known {
		if d := distance([]rune(strings.ToLower(name)), []rune(strings.ToLower(k)), bestD); d < bestD {
			best, bestD = k, d
		}
	}
	return best
}

// Names lists names for the detail of a problem, of many only the first.
func Names(names []string) string {
	const most = 20
	if more := len(names) - most; more > 0 {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(names, ", ")
}

// distance is the optimal string alignment distance of a and b: insertions,
// deletions, substitutions and swaps of neighbours. It may stop early at limit.
func distance(a, b []rune, limit int) int {
	if n := len(a) - len(b); n >= limit || -n >= limit {
		return limit
	}
	prev2, prev, cur := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := range a {
		cur[0] = i + 1
		for j := range b {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			cur[j+1] = min(prev[j+1]+1, cur[j]+1, prev[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				cur[j+1] = min(cur[j+1], prev2[j-1]+1)
			}
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return prev[len(b)]
}
