package scenario

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"weir/engine/testkit/restserver"
)

// Limits of what a failure shows, so that it stays readable.
const (
	maxShownRequests = 10
	maxShownLines    = 60
)

// pretty returns v as JSON on several lines, or on one when it is short.
func pretty(v any) string {
	short, err := encode(v, "")
	if err != nil {
		return fmt.Sprint(v)
	}
	if len(short) <= 80 {
		return short
	}
	long, _ := encode(v, "  ") // what could be encoded once can be again
	return shorten(long)
}

// encode writes v as JSON for people: < and & stay as they are.
func encode(v any, indent string) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	err := e.Encode(v)
	return strings.TrimSpace(b.String()), err
}

func shorten(s string) string {
	lines := strings.Split(s, "\n")
	if len(lines) <= maxShownLines {
		return s
	}
	return strings.Join(lines[:maxShownLines], "\n") + fmt.Sprintf("\n... %d more lines", len(lines)-maxShownLines)
}

func indent(s, by string) string {
	return by + strings.ReplaceAll(strings.TrimRight(s, "\n"), "\n", "\n"+by) + "\n"
}

// showRequests lists requests with their bodies.
func showRequests(name string, rs []restserver.Request) string {
	var sb strings.Builder
	switch len(rs) {
	case 0:
		fmt.Fprintf(&sb, "%s got no requests\n", name)
	case 1:
		fmt.Fprintf(&sb, "%s got 1 request:\n", name)
	default:
		fmt.Fprintf(&sb, "%s got %d requests:\n", name, len(rs))
	}
	for i, r := range rs[:min(len(rs), maxShownRequests)] {
		fmt.Fprintf(&sb, "  %d. %s %s -> %s\n", i, r.Method, r.Path, statusText(r.Status))
		switch {
		case r.Body != nil:
			sb.WriteString(indent(pretty(r.Body), "     "))
		case len(r.Raw) > 0:
			sb.WriteString(indent(shorten(fmt.Sprintf("%q", r.Raw[:min(len(r.Raw), 2000)])), "     "))
		}
	}
	if more := len(rs) - maxShownRequests; more > 0 {
		fmt.Fprintf(&sb, "  ... %d more\n", more)
	}
	return sb.String()
}

func statusText(status int) string {
	if status == 0 {
		return "no answer"
	}
	return fmt.Sprint(status)
}

// lineDiff compares two texts line by line: lines only in a begin with "-",
// those only in b with "+".
func lineDiff(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	// common[i][j] is the length of the longest common subsequence of x[i:] and y[j:].
	common := make([][]int, len(x)+1)
	for i := range common {
		common[i] = make([]int, len(y)+1)
	}
	for i := len(x) - 1; i >= 0; i-- {
		for j := len(y) - 1; j >= 0; j-- {
			if x[i] == y[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var sb strings.Builder
	for i, j := 0, 0; i < len(x) || j < len(y); {
		switch {
		case i < len(x) && j < len(y) && x[i] == y[j]:
			sb.WriteString("  " + x[i] + "\n")
			i, j = i+1, j+1
		case j == len(y) || i < len(x) && common[i+1][j] >= common[i][j+1]:
			sb.WriteString("- " + x[i] + "\n")
			i++
		default:
			sb.WriteString("+ " + y[j] + "\n")
			j++
		}
	}
	return sb.String()
}

// showLedger lists the counts that are not zero.
func showLedger(counts map[string]int64) string {
	order := []string{"read", "expanded", "delivered", "filtered", "deduplicated", "grouped", "rejected", "held"}
	rank := func(k string) int {
		head, _, _ := strings.Cut(k, ".")
		return slices.Index(order, head)
	}
	keys := slices.SortedStableFunc(maps.Keys(counts), func(a, b string) int {
		if c := rank(a) - rank(b); c != 0 {
			return c
		}
		return strings.Compare(a, b)
	})
	var parts []string
	for _, k := range keys {
		if n := counts[k]; n != 0 || k == "read" || k == "delivered" {
			parts = append(parts, fmt.Sprintf("%s %d", k, n))
		}
	}
	return strings.Join(parts, ", ")
}
