package diag

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// merged is what problems of instances have in common that are one mistake.
type merged struct {
	code            Code
	severity        Severity
	subject         hcl.Range
	summary, detail string // with a mark in the place of the instance's address
}

// Merge reports once what was found alike in several instances of a block or a module,
// with how many and which. at has for each of l the address of the instance it was found
// in, "" for those of none. The first of a kind stays where it is.
func (l List) Merge(at []string) List {
	first := map[merged]int{}    // where in out
	others := map[int][]string{} // by place in out, the instances
	seen := map[[2]string]bool{} // an instance counts once
	out := make(List, 0, len(l))
	for i, d := range l {
		if i >= len(at) || at[i] == "" || d.Subject == nil {
			out = append(out, d)
			continue
		}
		k := merged{d.Code, d.Severity, *d.Subject, strings.ReplaceAll(d.Summary, at[i], "\x00"), strings.ReplaceAll(d.Detail, at[i], "\x00")}
		n, ok := first[k]
		if !ok {
			n = len(out)
			first[k] = n
			out = append(out, d)
		}
		if by := [2]string{fmt.Sprint(n), at[i]}; !seen[by] {
			seen[by] = true
			others[n] = append(others[n], at[i])
		}
	}
	for n, names := range others {
		if len(names) < 2 {
			if strings.HasSuffix(names[0], "]") { // its siblings are not concerned
				out[n].Detail = strings.TrimSpace(out[n].Detail + " In " + names[0] + ".")
			}
			continue
		}
		shown := strings.Join(names[:min(3, len(names))], ", ")
		if more := len(names) - 3; more > 0 {
			shown += fmt.Sprintf(" and %d more", more)
		}
		out[n].Detail = strings.TrimSpace(fmt.Sprintf("%s So it is in %d instances: %s.", out[n].Detail, len(names), shown))
	}
	return out
}
