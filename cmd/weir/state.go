package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"weir/engine"
	"weir/engine/api"
	"weir/engine/lineage"
	"weir/engine/state"
)

func (a *app) stateCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "state", Short: "Show what is remembered, export, reset or repair it", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.stateLs(), a.stateShow(), a.stateExport(), a.stateReset(), a.statePrune(), a.stateRepair())
	return c
}

type jsonState struct {
	Pipeline   string                `json:"pipeline"`
	Unused     string                `json:"unused,omitempty"` // why nothing runs on it: laid_aside, removed
	Epoch      uint64                `json:"epoch"`
	Generation uint64                `json:"generation"`
	Revision   string                `json:"revision"`
	Since      *time.Time            `json:"since,omitempty"`
	Commits    int64                 `json:"commits"`
	Last       *time.Time            `json:"last,omitempty"`
	Ledger     jsonLedger            `json:"ledger"`
	Files      map[string]int        `json:"files"` // by state
	Rejects    int                   `json:"rejects"`
	Cursors    map[string]jsonCursor `json:"cursors"`
	Spaces     []jsonSpace           `json:"spaces"`
}

type jsonCursor struct {
	Object string `json:"object"`
	Row    int64  `json:"row"`
	Offset int64  `json:"offset"`
	Done   bool   `json:"done"`
}

// stateOf gathers what the store knows of a pipeline.
func stateOf(s *state.Store, p state.Pipeline, spaces []string) (jsonState, error) {
	out := jsonState{
		Pipeline: p.Address, Epoch: p.Epoch, Generation: p.Generation, Revision: p.Revision, Since: jsonTime(p.Since),
		Files: map[string]int{}, Cursors: map[string]jsonCursor{},
	}
	t, err := s.Totals(p.Address)
	if err != nil {
		return out, err
	}
	out.Commits, out.Last, out.Ledger = t.Commits, jsonTime(t.Last), ledgerJSON(engine.LedgerOf(t.Counts))
	list, err := s.Files(p.Address, false)
	if err != nil {
		return out, err
	}
	for _, f := range list {
		out.Files[string(f.State)]++
	}
	if err := s.Rejects(p.Address, 1, func(state.Reject) bool { out.Rejects++; return true }); err != nil {
		return out, err
	}
	cursors, err := s.Cursors(p.Address)
	if err != nil {
		return out, err
	}
	for n, c := range cursors {
		out.Cursors[n] = jsonCursor{c.Name, c.Row, c.Offset, c.Done}
	}
	if out.Spaces, err = spacesOf(s, spaces, p.Address+"/"); err != nil {
		return out, err
	}
	out.Unused, err = unused(s, p.Address)
	return out, err
}

func (a *app) stateLs() *cobra.Command {
	var f storeFlags
	c := &cobra.Command{
		Use: "ls", Short: "List pipelines and identity spaces with what is kept of them", Args: cobra.NoArgs,
		Long: "Lists pipelines and identity spaces with what is kept of them. NAME~1 is what a change of the configuration laid aside\n" +
			"of NAME, with state = \"fork\"; removed pipelines were taken out of a folder that is served. Neither is used by any\n" +
			"run; weir state reset drops one, weir state prune all of them.",
		RunE: func(c *cobra.Command, _ []string) error {
			return a.withStore(c.Context(), &f, true, func(s *state.Store) error { return a.listState(s, &f) })
		},
	}
	a.storeFlags(c, &f)
	return c
}

func (a *app) listState(s *state.Store, f *storeFlags) error {
	pipelines, err := s.Pipelines()
	if err != nil {
		return err
	}
	spaces, err := s.Spaces()
	if err != nil {
		return err
	}
	list := []jsonState{}
	for _, p := range pipelines {
		st, err := stateOf(s, p, spaces)
		if err != nil {
			return err
		}
		list = append(list, st)
	}
	shared, err := spacesOf(s, spaces, "entity.")
	if err != nil {
		return err
	}
	if f.asJSON {
		return printJSON(a.stdout, map[string]any{"pipelines": list, "entities": shared})
	}
	rows := [][]string{{"name", "#read", "#delivered", "#refused", "#files", "#keys", "last commit", "note"}}
	for _, p := range list {
		files, last := 0, ""
		for _, n := range p.Files {
			files += n
		}
		if p.Last != nil {
			last = stamp(*p.Last)
		}
		rows = append(rows, []string{p.Pipeline, fmt.Sprint(p.Ledger.Read), fmt.Sprint(p.Ledger.Delivered), fmt.Sprint(p.Rejects), fmt.Sprint(files), fmt.Sprint(storedKeys(p.Spaces)), last, unusedNote(p.Unused)})
	}
	for _, sp := range shared {
		rows = append(rows, []string{sp.Name, "", "", "", "", fmt.Sprint(sp.Keys), "", unusedNote(asideOf(sp.Name))})
	}
	return table(a.stdout, rows)
}

func (a *app) stateShow() *cobra.Command {
	var f storeFlags
	c := &cobra.Command{
		Use: "show PIPELINE", Short: "Show what is kept of a pipeline", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return a.withStore(c.Context(), &f, true, func(s *state.Store) error {
				st, err := pipelineState(s, args[0])
				if err != nil {
					return err
				}
				if f.asJSON {
					return printJSON(a.stdout, st)
				}
				return a.showState(st)
			})
		},
	}
	a.storeFlags(c, &f)
	return c
}

func pipelineState(s *state.Store, name string) (jsonState, error) {
	if _, err := storedPipelines(s, []string{name}); err != nil {
		return jsonState{}, err
	}
	pipelines, err := s.Pipelines()
	if err != nil {
		return jsonState{}, err
	}
	spaces, err := s.Spaces()
	if err != nil {
		return jsonState{}, err
	}
	i := slices.IndexFunc(pipelines, func(p state.Pipeline) bool { return p.Address == name })
	return stateOf(s, pipelines[i], spaces)
}

func (a *app) showState(st jsonState) error {
	var sb strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&sb, format+"\n", args...) }
	p("%s", st.Pipeline)
	if st.Unused != "" {
		p("  unused    %s; weir state reset drops it", unusedNote(st.Unused))
	}
	p("  taken     %s, last by configuration %s", count(int64(st.Epoch), "time"), st.Revision) //nolint:gosec // a count
	if st.Last != nil {
		p("  commits   %d, the last %s", st.Commits, stamp(*st.Last))
	}
	l := st.Ledger
	p("  ledger    %s", sumLine(engine.Ledger{Read: l.Read, Delivered: l.Delivered, Filtered: l.Filtered, Deduplicated: l.Deduplicated,
		Grouped: l.Grouped, Expanded: l.Expanded, Rejected: l.Rejected, Held: l.Held}))
	for _, n := range slices.Sorted(maps.Keys(st.Files)) {
		p("  files     %d %s", st.Files[n], n)
	}
	p("  refused   %s kept", count(int64(st.Rejects), "row"))
	for _, n := range slices.Sorted(maps.Keys(st.Cursors)) {
		c := st.Cursors[n]
		at := fmt.Sprintf("after row %d of %s", c.Row, c.Object)
		if c.Done {
			at = "at the end of " + c.Object
		}
		p("  cursor    %s is %s", n, at)
	}
	for _, sp := range st.Spaces {
		p("  space     %s, %s", sp.Name, sp)
	}
	_, err := fmt.Fprint(a.stdout, printableLines(sb.String()))
	return err
}

func (a *app) stateExport() *cobra.Command {
	var f storeFlags
	var keys bool
	c := &cobra.Command{
		Use: "export [PIPELINE]", Short: "Write what is kept as JSON lines", Args: cobra.MaximumNArgs(1),
		Long: "Writes what is kept of every pipeline, or of one, as JSON lines: its state, runs, files and refused rows, and\n" +
			"with --keys the keys that its steps and the identity spaces remember.",
		RunE: func(c *cobra.Command, args []string) error {
			return a.withStore(c.Context(), &f, true, func(s *state.Store) error { return a.export(s, args, keys, f.live) })
		},
	}
	a.storeFlags(c, &f)
	c.Flags().BoolVar(&keys, "keys", false, "also keys of spaces, as text where they are text, else in base64")
	return c
}

func (a *app) export(s *state.Store, args []string, keys, live bool) error {
	names, err := storedPipelines(s, args)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(a.stdout)
	put := func(kind string, v any) error { return printJSON(w, map[string]any{"kind": kind, kind: v}) }
	for _, n := range names {
		if err := exportPipeline(s, n, live, put); err != nil {
			return err
		}
	}
	if !keys {
		return w.Flush()
	}
	spaces, err := s.Spaces()
	if err != nil {
		return err
	}
	for _, sp := range spaces {
		owner, _, own := strings.Cut(sp, "/")
		if len(args) > 0 && own && owner != args[0] {
			continue
		}
		var bad error
		err := s.ScanSpace(sp, nil, func(k, v []byte) bool {
			bad = put("key", map[string]any{"space": sp, "key": plain(k), "value": plain(v)})
			return bad == nil
		})
		if err = errors.Join(err, bad); err != nil {
			return err
		}
	}
	return w.Flush()
}

func exportPipeline(s *state.Store, name string, live bool, put func(kind string, v any) error) error {
	st, err := pipelineState(s, name)
	if err == nil {
		err = put("pipeline", st)
	}
	if err != nil {
		return err
	}
	runs, err := s.Runs(name, 1<<30)
	if err != nil {
		return err
	}
	for _, r := range runs {
		if err := put("run", runJSON(name, r, live)); err != nil {
			return err
		}
	}
	files, err := s.Files(name, true)
	if err != nil {
		return err
	}
	for _, e := range files {
		if err := put("file", fileJSON(name, e)); err != nil {
			return err
		}
	}
	var bad error
	err = s.Rejects(name, 1, func(r state.Reject) bool {
		bad = put("reject", rejectJSON(letter{name, r}))
		return bad == nil
	})
	return errors.Join(err, bad)
}

// plain shows bytes as text, in base64 where they are not.
func plain(b []byte) string {
	if utf8.Valid(b) && !strings.ContainsFunc(string(b), func(r rune) bool { return r < ' ' }) {
		return string(b)
	}
	return "base64:" + base64.StdEncoding.EncodeToString(b)
}

func (a *app) stateReset() *cobra.Command {
	var f storeFlags
	var yes bool
	c := &cobra.Command{
		Use: "reset PIPELINE|entity.NAME", Short: "Forget a pipeline, or an identity space", Args: cobra.ExactArgs(1),
		Long: "Forgets everything that is kept of a pipeline: files, cursors, keys, runs and refused rows, so that its next run\n" +
			"reads and delivers everything again, under new idempotency keys. Identity spaces are shared by pipelines and are reset by their own names.\n" +
			"Where a server has the state, it does so between two runs.",
		RunE: func(c *cobra.Command, args []string) error {
			return a.changeServed(c.Context(), &f, func(s *state.Store, server *api.Client) error {
				return a.reset(c.Context(), s, server, &f, args[0], yes)
			})
		},
	}
	a.storeFlags(c, &f)
	c.Flags().BoolVar(&yes, "yes", false, "do it")
	return c
}

func (a *app) reset(ctx context.Context, s *state.Store, server *api.Client, f *storeFlags, name string, yes bool) error {
	what, drop, err := toReset(ctx, s, server, name)
	if err != nil {
		return err
	}
	if !yes {
		return withCode(exitFailed, fmt.Errorf("this would forget %s. If that is meant, add --yes", what))
	}
	if err := drop(); err != nil {
		return err
	}
	if f.asJSON {
		return printJSON(a.stdout, map[string]any{"reset": name})
	}
	_, err = fmt.Fprintln(a.stdout, printable("Forgotten: "+what))
	return err
}

// toReset says what a name stands for, and how to forget it: in the store, or through
// the server that has it.
func toReset(ctx context.Context, s *state.Store, server *api.Client, name string) (what string, drop func() error, err error) {
	spaces, err := s.Spaces()
	if err != nil {
		return "", nil, err
	}
	if strings.HasPrefix(name, "entity.") && slices.Contains(spaces, name) {
		sp, err := spaceOf(s, name)
		here := func() error { return lineage.Open(s, zap.NewNop()).DropSpace(name) }
		return fmt.Sprintf("identity space %s (%s), which every pipeline that names it shares", name, sp), through(ctx, server, name, here), err
	}
	st, err := pipelineState(s, name)
	if err != nil {
		return "", nil, err
	}
	files := 0
	for _, n := range st.Files {
		files += n
	}
	what = fmt.Sprintf("pipeline %s with %s, %s and %s", name, count(int64(files), "file"), count(int64(st.Rejects), "refused row"), count(storedKeys(st.Spaces), "key"))
	return what, through(ctx, server, name, func() error { return s.Drop(ctx, name) }), nil
}

// through is drop, or what makes the server do it where one has the store.
func through(ctx context.Context, server *api.Client, name string, drop func() error) func() error {
	if server == nil {
		return drop
	}
	return func() error { return refusal(server.Reset(ctx, name)) }
}
