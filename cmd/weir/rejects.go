package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"weir/engine/api"
	"weir/engine/state"
)

func (a *app) rejectsCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "rejects", Short: "Show the rows that were refused, edit, replay or discard them", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.rejectsLs(), a.rejectsShow(), a.rejectsEdit(), a.rejectsReplay(), a.rejectsDiscard())
	return c
}

// rejectFilter chooses dead letters by flags.
type rejectFilter struct {
	api.RejectChoice
	limit int
}

func (x *rejectFilter) flags(c *cobra.Command) {
	c.Flags().StringVar(&x.Step, "step", "", "only rows refused by this step, such as map.line")
	c.Flags().StringVar(&x.Code, "code", "", "only rows refused with this code, such as row.bad_value")
	c.Flags().StringVar(&x.Object, "object", "", "only rows of this file")
}

// choice asks a server for the rows ids, which args and x named; the server chooses those that
// flags choose itself, as there may be millions.
func (x *rejectFilter) choice(args []string, ids []uint64) api.RejectChoice {
	if len(args) > 1 || len(ids) == 0 {
		return api.RejectChoice{IDs: ids, Stale: x.Stale}
	}
	which := x.RejectChoice
	which.All, which.To = !x.Chooses(), ids[len(ids)-1]
	return which
}

// letter is a dead letter with its pipeline.
type letter struct {
	pipeline string
	state.Reject
}

// eachLetter calls use with the dead letters of pipelines that x chooses, up to its limit, and
// returns how many there are. A letter and its texts, which may be long, are use's alone.
func eachLetter(s *state.Store, pipelines []string, x *rejectFilter, use func(letter) error) (shown, total int, err error) {
	for _, p := range pipelines {
		var bad error
		err := s.Rejects(p, 1, func(r state.Reject) bool {
			if !x.Match(&r) {
				return true
			}
			if total++; x.limit <= 0 || shown < x.limit {
				shown++
				bad = use(letter{p, r})
			}
			return bad == nil
		})
		if err = errors.Join(err, bad); err != nil {
			return shown, total, err
		}
	}
	return shown, total, nil
}

type jsonReject struct {
	Pipeline string     `json:"pipeline"`
	ID       uint64     `json:"id"`
	Object   string     `json:"object"`
	Row      int64      `json:"row"`
	Line     int64      `json:"line,omitempty"`
	Step     string     `json:"step"`
	Column   string     `json:"column,omitempty"`
	Code     string     `json:"code"`
	Reason   string     `json:"reason"`
	Raw      string     `json:"raw,omitempty"`
	Header   string     `json:"header,omitempty"`
	Replays  int64      `json:"replays,omitempty"`
	Run      string     `json:"run"`
	Revision string     `json:"revision"`
	At       *time.Time `json:"at,omitempty"`
	// Overtaken is a later row of the same entity that went through since.
	Overtaken *api.Overtaking `json:"overtaken,omitempty"`
	Edits     []jsonEdit      `json:"edits,omitempty"`
}

func rejectJSON(r letter) jsonReject {
	var o *api.Overtaking
	if x := r.Overtaken; x.Row > 0 {
		o = &api.Overtaking{Object: x.Object, Row: x.Row, At: x.At.UTC()}
	}
	return jsonReject{r.pipeline, r.ID, r.Object, r.Row, r.Line, r.Step, r.Column, r.Code, r.Reason, string(r.Raw), string(r.Header), r.Replays, r.Run, r.Revision, jsonTime(r.At), o, editsJSON(r.Edits)}
}

func (a *app) rejectsLs() *cobra.Command {
	var f storeFlags
	var x rejectFilter
	var summary, edited bool
	c := &cobra.Command{
		Use: "ls [PIPELINE]", Short: "List refused rows", Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return a.withStore(c.Context(), &f, true, func(s *state.Store) error {
				names, err := storedPipelines(s, args)
				if err != nil {
					return err
				}
				if edited {
					return a.listEdited(s, names, &x, f.asJSON)
				}
				if summary {
					return a.rejectSummary(s, names, &x, f.asJSON)
				}
				return a.listRejects(s, names, &x, f.asJSON)
			})
		},
	}
	a.storeFlags(c, &f)
	x.flags(c)
	c.Flags().IntVar(&x.limit, "limit", 100, "rows shown; 0 is all")
	c.Flags().BoolVar(&summary, "summary", false, "count them by step, column and code instead")
	c.Flags().BoolVar(&edited, "edited", false, "rows that were edited instead, also those that were replayed or discarded since")
	c.MarkFlagsMutuallyExclusive("summary", "edited")
	return c
}

// listRejects prints letters as they are read: of a table all but their texts is kept, of JSON nothing.
func (a *app) listRejects(s *state.Store, names []string, x *rejectFilter, asJSON bool) error {
	if asJSON {
		list := newRejectList(a.stdout)
		_, total, err := eachLetter(s, names, x, list.add)
		if err != nil {
			return err // and the list has no end: nobody takes it for whole
		}
		return list.end(total)
	}
	rows := [][]string{{"pipeline", "#id", "object", "#row", "step", "column", "code", "reason"}}
	shown, total, err := eachLetter(s, names, x, func(r letter) error {
		rows = append(rows, []string{r.pipeline, fmt.Sprint(r.ID), r.Object, fmt.Sprint(r.Row), r.Step, r.Column, r.Code, short(r.Reason, 100) + overtakenBy(r)})
		return nil
	})
	if err != nil {
		return err
	}
	if err := table(a.stdout, rows); err != nil || total <= shown {
		return err
	}
	_, err = fmt.Fprintf(a.stderr, "%d of %d shown; --limit shows more\n", shown, total)
	return err
}

// rejectList prints dead letters one after the other as the JSON object of a list.
type rejectList struct {
	w     io.Writer
	comma string
}

func newRejectList(w io.Writer) *rejectList { return &rejectList{w: forJSON(w)} }

func (l *rejectList) add(r letter) error {
	var one bytes.Buffer
	enc := json.NewEncoder(&one)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(rejectJSON(r)); err != nil {
		return err
	}
	if l.comma == "" {
		l.comma = `{"rejects":[`
	}
	_, err := fmt.Fprintf(l.w, "%s%s", l.comma, bytes.TrimSuffix(one.Bytes(), []byte("\n")))
	l.comma = ","
	return err
}

func (l *rejectList) end(total int) error {
	if l.comma == "" {
		l.comma = `{"rejects":[`
	} else {
		l.comma = ""
	}
	_, err := fmt.Fprintf(l.w, "%s],\"total\":%d}\n", l.comma, total)
	return err
}

// overtakenBy says in short which later row of the entity of r went through.
func overtakenBy(r letter) string {
	if r.Overtaken.Row == 0 {
		return ""
	}
	return fmt.Sprintf(" (overtaken by %s, row %d)", r.Overtaken.Object, r.Overtaken.Row)
}

func (a *app) rejectSummary(s *state.Store, names []string, x *rejectFilter, asJSON bool) error {
	type cause struct {
		Pipeline string `json:"pipeline"`
		Step     string `json:"step"`
		Column   string `json:"column,omitempty"`
		Code     string `json:"code"`
		Rows     int    `json:"rows"`
		Example  string `json:"example"`
	}
	at := map[[4]string]int{}
	out := []cause{}
	all := *x
	all.limit = 0
	_, _, err := eachLetter(s, names, &all, func(r letter) error {
		k := [4]string{r.pipeline, r.Step, r.Column, r.Code}
		i, ok := at[k]
		if !ok {
			i = len(out)
			at[k] = i
			out = append(out, cause{r.pipeline, r.Step, r.Column, r.Code, 0, r.Reason})
		}
		out[i].Rows++
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortStableFunc(out, func(a, b cause) int { return cmp.Compare(b.Rows, a.Rows) })
	if asJSON {
		return printJSON(a.stdout, map[string]any{"causes": out})
	}
	rows := [][]string{{"pipeline", "step", "column", "code", "#rows", "example"}}
	for _, c := range out {
		rows = append(rows, []string{c.Pipeline, c.Step, c.Column, c.Code, fmt.Sprint(c.Rows), short(c.Example, 100)})
	}
	return table(a.stdout, rows)
}

// rejectIDs reads the numbers of dead letters.
func rejectIDs(args []string) ([]uint64, error) {
	out := make([]uint64, len(args))
	for i, s := range args {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil || n == 0 {
			return nil, withCode(exitConfig, fmt.Errorf("%q is not the number of a refused row; weir rejects ls shows them", s))
		}
		out[i] = n
	}
	return out, nil
}

func (a *app) rejectsShow() *cobra.Command {
	var f storeFlags
	c := &cobra.Command{
		Use: "show PIPELINE ID...", Short: "Show all that is known of refused rows", Args: cobra.MinimumNArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			ids, err := rejectIDs(args[1:])
			if err != nil {
				return err
			}
			return a.withStore(c.Context(), &f, true, func(s *state.Store) error {
				return a.showRejects(s, args[0], ids, f.asJSON)
			})
		},
	}
	a.storeFlags(c, &f)
	return c
}

// byID returns the dead letters with the given numbers; one that is not there is an error.
func byID(s *state.Store, pipeline string, ids []uint64) ([]letter, error) {
	if _, err := storedPipelines(s, []string{pipeline}); err != nil {
		return nil, err
	}
	var out []letter
	err := s.Rejects(pipeline, slices.Min(ids), func(r state.Reject) bool {
		if slices.Contains(ids, r.ID) {
			out = append(out, letter{pipeline, r})
		}
		return len(out) < len(ids)
	})
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if !slices.ContainsFunc(out, func(r letter) bool { return r.ID == id }) {
			return nil, withCode(exitFailed, fmt.Errorf("pipeline %s has no refused row %d; it may have been replayed or discarded", pipeline, id))
		}
	}
	return out, nil
}

func (a *app) rejectsDiscard() *cobra.Command {
	var f storeFlags
	var x rejectFilter
	var all, yes bool
	c := &cobra.Command{
		Use: "discard PIPELINE [ID...]", Short: "Remove refused rows for good", Args: cobra.MinimumNArgs(1),
		Long: "Removes refused rows for good: those numbered, those that --step, --code and --object choose, or all of them.\n" +
			"They stay counted as rejected in the ledger of the pipeline.",
		RunE: func(c *cobra.Command, args []string) error {
			return a.discard(c.Context(), args, &f, &x, all, yes)
		},
	}
	a.storeFlags(c, &f)
	x.flags(c)
	c.Flags().BoolVar(&all, "all", false, "all refused rows of the pipeline")
	c.Flags().BoolVar(&yes, "yes", false, "do it; needed when rows are not named by number")
	return c
}

func (a *app) discard(ctx context.Context, args []string, f *storeFlags, x *rejectFilter, all, yes bool) error {
	server, err := a.servedBy(ctx, f)
	if err != nil {
		return err
	}
	n := 0
	remove := func(s *state.Store) error {
		ids, err := chosen(s, args, x, all)
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			return nil
		}
		if len(args) == 1 && !yes {
			return withCode(exitFailed, fmt.Errorf("%s of pipeline %s would be removed for good. If that is meant, add --yes", count(int64(len(ids)), "refused row"), args[0]))
		}
		if server == nil {
			n, err = s.DiscardRejects(args[0], ids)
			return err
		}
		n, err = server.Discard(ctx, args[0], x.choice(args, ids))
		return refusal(err)
	}
	if server != nil {
		err = a.withStore(ctx, f, true, remove) // the rows are chosen in a copy
	} else {
		err = a.changeStore(ctx, f, remove)
	}
	if err != nil {
		return err
	}
	if f.asJSON {
		return printJSON(a.stdout, map[string]any{"discarded": n})
	}
	_, err = fmt.Fprintln(a.stdout, count(int64(n), "refused row")+" discarded")
	return err
}

// chosen returns the numbers of the dead letters that arguments and flags name. There may be
// millions of them.
func chosen(s *state.Store, args []string, x *rejectFilter, all bool) (ids []uint64, err error) {
	if len(args) > 1 {
		if all || x.Chooses() {
			return nil, withCode(exitConfig, errors.New("name rows by number or choose them by flags, not both"))
		}
		if ids, err = rejectIDs(args[1:]); err != nil {
			return nil, err
		}
		slices.Sort(ids)
		ids = slices.Compact(ids)
		_, err = byID(s, args[0], ids)
		return ids, err
	}
	if !all && !x.Chooses() {
		return nil, withCode(exitConfig, errors.New("say which rows: their numbers, --step, --code or --object, or --all"))
	}
	if _, err := storedPipelines(s, args[:1]); err != nil {
		return nil, err
	}
	err = s.Rejects(args[0], 1, func(r state.Reject) bool {
		if x.Match(&r) {
			ids = append(ids, r.ID)
		}
		return x.limit <= 0 || len(ids) < x.limit
	})
	return ids, err
}
