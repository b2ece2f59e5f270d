package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"weir/engine"
	"weir/engine/api"
	"weir/engine/diag"
	"weir/engine/plan"
	"weir/engine/state"
)

// storeFlags are those of verbs that look at what the state store knows.
type storeFlags struct {
	dir    string
	config string
	asJSON bool
	live   bool // set by withStore: what is read is a copy, of a store that a process works on
}

func (a *app) storeFlags(c *cobra.Command, f *storeFlags) {
	a.inputFlags(c)
	c.Flags().StringVar(&f.dir, "state", "", "folder of the state store (default: what the engine block says, else .weir/state)")
	c.Flags().StringVar(&f.config, "config", ".", "folder or file of the configuration")
	c.Flags().BoolVar(&f.asJSON, "json", false, "print as JSON")
	a.tokenFlag(c)
}

// stateDir returns the folder of the store. A configuration that is missing or
// wrong does not hinder: the store can be looked at without it.
func (a *app) stateDir(ctx context.Context, f *storeFlags) (string, error) {
	if f.dir != "" {
		return f.dir, nil
	}
	in, err := a.inputs()
	if err != nil {
		return "", err
	}
	in.AllowMissing = true
	e, err := a.engine()
	if err != nil {
		return "", err
	}
	l, _ := e.Load(ctx, f.config, in)
	return engine.StateDir(l, ""), nil
}

// storeFolder returns the folder of the store, and the log for what is done in it.
func (a *app) storeFolder(ctx context.Context, f *storeFlags) (dir string, log *zap.Logger, err error) {
	if dir, err = a.stateDir(ctx, f); err != nil {
		return "", nil, err
	}
	log, err = a.logger()
	return dir, log, err
}

// checkpointer asks the process that has a state folder open for a copy of it to
// read, which remove removes. locked is the error of opening the folder itself, to be
// returned when that process cannot be asked.
type checkpointer func(ctx context.Context, stateDir string, locked *state.Locked) (dir string, remove func(), err error)

// withStore opens the store, calls use and closes it. To read from a store that
// another process has open, a copy is asked of that process.
func (a *app) withStore(ctx context.Context, f *storeFlags, readOnly bool, use func(*state.Store) error) error {
	dir, log, err := a.storeFolder(ctx, f)
	if err != nil {
		return err
	}
	// Only looking at a store needs little memory. Changing one needs its folder too.
	o := state.Options{ReadOnly: readOnly, Memory: 8 << 20, Log: log}
	s, err := state.Open(dir, o)
	var locked *state.Locked
	f.live = false
	if readOnly && a.checkpointOf != nil && errors.As(err, &locked) {
		copied, remove, cerr := a.checkpointOf(ctx, dir, locked)
		if errors.As(cerr, &locked) {
			return err
		}
		if cerr != nil {
			return cerr
		}
		defer remove()
		f.live = true
		s, err = state.Open(copied, o)
	}
	if err != nil {
		return err
	}
	err = use(s)
	if cerr := s.Close(); err == nil {
		err = cerr
	}
	return err
}

// changeStore is withStore for changes; the store must exist already, and no other
// process may have it open.
func (a *app) changeStore(ctx context.Context, f *storeFlags, use func(*state.Store) error) error {
	if err := a.withStore(ctx, f, true, func(*state.Store) error { return nil }); err != nil {
		return err
	}
	return a.withStore(ctx, f, false, use)
}

// changeServed calls change with the store and no server, or with a copy of the store to
// look at and the server that has it, which makes the changes.
func (a *app) changeServed(ctx context.Context, f *storeFlags, change func(s *state.Store, server *api.Client) error) error {
	server, err := a.servedBy(ctx, f)
	if err != nil {
		return err
	}
	use := func(s *state.Store) error { return change(s, server) }
	if server != nil {
		return a.withStore(ctx, f, true, use)
	}
	return a.changeStore(ctx, f, use)
}

// planned returns the pipeline called name, for verbs that take the configuration as --config.
func planned(p *plan.Plan, name string) (*plan.Pipeline, error) {
	chosen, err := choose(p, []string{name})
	if err != nil {
		return nil, withCode(codeOf(err), fmt.Errorf("%w%s", err, pathHint(name)))
	}
	return chosen[0], nil
}

// pathHint says where a path goes when name, which is of no pipeline, looks like one.
func pathHint(name string) string {
	if strings.HasSuffix(name, ".hcl") || strings.ContainsAny(name, `/\`) || name == "." {
		return "; the folder or file of the configuration is named with --config"
	}
	return ""
}

// storedPipelines returns the addresses of the pipelines the store knows, or the one
// named. A name that the store does not know is an error.
func storedPipelines(s *state.Store, names []string) ([]string, error) {
	list, err := s.Pipelines()
	if err != nil {
		return nil, err
	}
	known := make([]string, len(list))
	for i, p := range list {
		known[i] = p.Address
	}
	for _, n := range names {
		if slices.Contains(known, n) {
			continue
		}
		msg := fmt.Sprintf("the state store knows no pipeline %q", n)
		if m := diag.Suggest(n, known); m != "" {
			msg += fmt.Sprintf("; did you mean %s?", quoted(m))
		} else if len(known) > 0 {
			msg += "; it knows " + diag.Names(known)
		}
		return nil, withCode(exitConfig, errors.New(msg+pathHint(n)))
	}
	if len(names) > 0 {
		return names, nil
	}
	return known, nil
}

// printJSON writes v as one line.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(forJSON(w))
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// table writes rows of cells in columns, the first row as their names. Columns
// whose name begins with # hold numbers, which stand to the right.
func table(w io.Writer, rows [][]string) error {
	widths := make([]int, len(rows[0]))
	right := make([]bool, len(rows[0]))
	for i, h := range rows[0] {
		rows[0][i], right[i] = strings.CutPrefix(h, "#")
	}
	for _, r := range rows {
		for i := range r {
			r[i] = printable(r[i])
			widths[i] = max(widths[i], len([]rune(r[i])))
		}
	}
	var sb strings.Builder
	for _, r := range rows {
		sb.Reset()
		for i, c := range r {
			pad := strings.Repeat(" ", widths[i]-len([]rune(c)))
			if right[i] {
				sb.WriteString(pad + c + "  ")
			} else {
				sb.WriteString(c + pad + "  ")
			}
		}
		if _, err := fmt.Fprintln(w, strings.TrimRight(sb.String(), " ")); err != nil {
			return err
		}
	}
	return nil
}

// stamp shows a time for people, "" when there is none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

// jsonTime is a time for scripts; nil when there is none.
func jsonTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// short cuts a text for a table.
func short(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-3]) + "..."
	}
	return s
}
