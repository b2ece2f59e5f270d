package plugin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"weir/engine/diag"
)

// maxEntries is how many entries of a folder are named in an error.
const maxEntries = 8

// MissingFolder returns a Failure about a folder of a source that does not exist: from where
// it is taken, and what is there instead. cause is why it could not be made; nil when that
// was not tried.
func MissingFolder(ctx context.Context, fsys FileSystem, dir string, cause error) error {
	var sb strings.Builder
	fmt.Fprintf(&sb, "the folder %s does not exist", dir)
	if cause != nil {
		fmt.Fprintf(&sb, " and cannot be made: %s", strings.TrimSuffix(cause.Error(), "."))
	}
	if r, ok := fsys.(Rooted); ok && !path.IsAbs(dir) {
		fmt.Fprintf(&sb, "; as a relative path it is taken from %s", r.Root())
	}
	advice := `Correct path, set create = true to have the folder made, or missing = "empty" if it may be missing.`
	if near := nearest(ctx, fsys, dir); near != "" {
		advice = near + " " + advice
	}
	return Fail(Environment, "env.missing_folder", errors.New(sb.String()), advice)
}

// nearest says what the deepest folder above dir that exists holds; "" when that cannot be told.
func nearest(ctx context.Context, fsys FileSystem, dir string) string {
	wrong := path.Clean(dir)
	for up := path.Dir(wrong); ; wrong, up = up, path.Dir(up) {
		infos, err := fsys.List(ctx, up)
		if errors.Is(err, fs.ErrNotExist) && up != path.Dir(up) {
			continue
		}
		if err != nil {
			return ""
		}
		where := up
		if up == "." {
			where = "the folder it is taken from"
		}
		var folders, names []string
		for _, i := range infos {
			if n := path.Base(i.Path); strings.HasPrefix(n, ".") {
				continue
			} else if i.Dir {
				folders, names = append(folders, n), append(names, n+"/")
			} else {
				names = append(names, n)
			}
		}
		if slices.Contains(names, path.Base(wrong)) {
			return fmt.Sprintf("%s is a file.", wrong)
		}
		if m := diag.Suggest(path.Base(wrong), folders); m != "" {
			return fmt.Sprintf("Did you mean %s, which is in %s?", m, where)
		}
		if len(names) == 0 {
			return "In " + where + " there is nothing."
		}
		slices.Sort(names)
		rest := ""
		if n := len(names) - maxEntries; n > 0 {
			names, rest = names[:maxEntries], fmt.Sprintf(" and %d more", n)
		}
		return fmt.Sprintf("In %s there are %s%s.", where, strings.Join(names, ", "), rest)
	}
}
