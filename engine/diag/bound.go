package diag

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// CodeMore is the code of a diagnostic that stands for those that Bounded leaves out.
const CodeMore Code = "config.more"

const (
	longText  = 2 << 10 // bytes of a text that Bounded keeps
	kindsTold = 5       // kinds of what it leaves out that it names
)

// Bounded returns at most n of l, whose texts have at most size bytes together: the first
// errors and, when these are few, the first of the rest, in order. One more of each severity
// tells how many there are besides, by kind. Long texts are cut. It is l itself when nothing is left out or cut.
//
// It is for what is kept, sent or logged again and again: one mistake in a template that
// makes ten thousand pipelines is ten thousand diagnostics.
func (l List) Bounded(n, size int) List {
	if told, bytes := l.told(); told <= n && bytes <= size && !slices.ContainsFunc(l, isLong) {
		return l
	}
	kept := make([]bool, len(l))
	for _, severity := range []Severity{Error, Warning} {
		for i := range l {
			if l[i].Severity != severity || kept[i] || l[i].More > 0 {
				continue
			}
			d := l[i].cut()
			if n--; n < 0 || size < d.size() {
				n, size = 0, 0 // so that those kept are the first ones
				break
			}
			size -= d.size()
			kept[i] = true
		}
	}
	var out List
	var rest [2]List
	for i := range l {
		if kept[i] {
			out = append(out, l[i].cut())
		} else {
			rest[l[i].Severity] = append(rest[l[i].Severity], l[i])
		}
	}
	for _, severity := range []Severity{Error, Warning} {
		if more := rest[severity]; len(more) > 0 {
			out = append(out, more.more(severity))
		}
	}
	return out
}

// more stands for l, all of one severity.
func (l List) more(severity Severity) Diagnostic {
	counts, n := map[Code]int{}, 0
	for i := range l {
		of := max(1, l[i].More)
		counts[l[i].Code] += of
		n += of
	}
	codes := slices.SortedFunc(maps.Keys(counts), func(a, b Code) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	var kinds []string
	for i, c := range codes {
		if i == kindsTold {
			kinds = append(kinds, fmt.Sprintf("%d other kinds", len(codes)-i))
			break
		}
		kinds = append(kinds, fmt.Sprintf("%d %s", counts[c], c))
	}
	plural := "s"
	if n == 1 {
		plural = ""
	}
	return Diagnostic{
		Code: CodeMore, Severity: severity, Summary: fmt.Sprintf("and %d more %s%s", n, severity, plural),
		Detail: strings.Join(kinds, ", ") + ". weir validate --json shows every one.", More: n,
	}
}

// told returns how many of l stand for themselves alone, and their size.
func (l List) told() (n, size int) {
	for i := range l {
		if l[i].More == 0 {
			n, size = n+1, size+l[i].size()
		}
	}
	return n, size
}

// size is about how many bytes d takes in JSON.
func (d *Diagnostic) size() int {
	n := 100 + len(d.Code) + len(d.Summary) + len(d.Detail) + len(d.Fix)
	if d.Subject != nil {
		n += 120 + len(d.Subject.Filename)
	}
	if d.Context != nil {
		n += 120 + len(d.Context.Filename)
	}
	if d.Row != nil {
		n += 60 + len(d.Row.Object) + len(d.Row.Column)
	}
	return n
}

func isLong(d Diagnostic) bool { return max(len(d.Summary), len(d.Detail), len(d.Fix)) > longText }

// cut returns d with long texts cut. A fix is whole or not there.
func (d Diagnostic) cut() Diagnostic {
	d.Summary, d.Detail = Cut(d.Summary), Cut(d.Detail)
	if len(d.Fix) > longText {
		d.Fix = ""
	}
	return d
}

// Cut returns s, or as much of it as is kept of a text that is for people, with a mark that it goes on.
func Cut(s string) string {
	if len(s) <= longText {
		return s
	}
	n := longText
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
