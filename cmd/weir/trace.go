package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"weir/engine/identity"
	"weir/engine/state"
)

func (a *app) traceCommand() *cobra.Command {
	var f storeFlags
	c := &cobra.Command{
		Use: "trace KEY VALUE", Short: "Show what is known of an entity, its rows and their deliveries", Args: cobra.ExactArgs(2),
		Long: "Finds the entities that a key value belongs to, such as: weir trace email jan@example.nl. It shows their key\n" +
			"values and which rows merged them. Dedupe steps with trace = true also keep which rows were about an entity\n" +
			"and which deliveries these rows went out with; without it, that part is empty. The key of a delivery is\n" +
			"what the keys of its requests begin with: search the receiver's log for it.",
		RunE: func(c *cobra.Command, args []string) error {
			return a.withStore(c.Context(), &f, true, func(s *state.Store) error {
				found, err := trace(s, args[0], args[1])
				if err != nil {
					return err
				}
				if len(found) == 0 {
					return withCode(exitFailed, fmt.Errorf("no entity is known by %s %q. Values are compared after the entity's normalising expression, such as in lower case", args[0], args[1]))
				}
				if f.asJSON {
					return printJSON(a.stdout, map[string]any{"entities": found})
				}
				return a.traceText(found)
			})
		},
	}
	a.storeFlags(c, &f)
	return c
}

type tracedEntity struct {
	Space  string        `json:"space"`
	ID     string        `json:"id"`
	Links  []tracedLink  `json:"links"`
	Merges []tracedMerge `json:"merges"`
	Rows   []tracedRow   `json:"rows"`
}

type tracedLink struct {
	Key     string `json:"key"`
	Value   string `json:"value"`
	Present bool   `json:"present"` // not an earlier value
}

type tracedMerge struct {
	Lost   string `json:"lost"`
	By     string `json:"by"`
	Winner string `json:"winner"`
	Object string `json:"object"`
	Row    int64  `json:"row"`
}

type tracedRow struct {
	Pipeline   string           `json:"pipeline"`
	Step       string           `json:"step"`
	Object     string           `json:"object"`
	Row        int64            `json:"row"`
	Passed     bool             `json:"passed"`
	Deliveries []tracedDelivery `json:"deliveries"`
}

type tracedDelivery struct {
	Sink string     `json:"sink"`
	Key  string     `json:"key"`
	Run  string     `json:"run"`
	At   *time.Time `json:"at,omitempty"`
}

// readOnly makes a reader of a space one that identity takes.
type readOnly struct{ state.SpaceReader }

// Put implements identity.State.
func (readOnly) Put(_, _ []byte) {}

// Delete implements identity.State.
func (readOnly) Delete([]byte) {}

// trace finds the entities with a key value in every space.
func trace(s *state.Store, key, value string) ([]tracedEntity, error) {
	spaces, err := s.Spaces()
	if err != nil {
		return nil, err
	}
	out := []tracedEntity{}
	for _, sp := range spaces {
		// A step's own space is kept under the name of its pipeline.
		name := sp
		if _, own, ok := strings.Cut(sp, "/"); ok {
			name = own
		}
		if !strings.HasPrefix(name, "entity.") && !strings.HasPrefix(name, "dedupe/") {
			continue
		}
		r, err := s.ReadSpace(sp)
		if err != nil {
			return nil, err
		}
		for _, v := range slices.Compact([]string{value, strings.TrimSpace(value), strings.ToLower(strings.TrimSpace(value))}) {
			id, ok, err := identity.Find(readOnly{r}, name, key, v)
			if err != nil {
				return nil, err
			}
			if !ok {
				continue
			}
			e, err := traceEntity(s, spaces, sp, r, id)
			if err != nil {
				return nil, err
			}
			if len(e.Links) == 0 {
				e.Links = []tracedLink{{key, v, true}}
			}
			out = append(out, e)
			break
		}
	}
	return out, nil
}

func traceEntity(s *state.Store, spaces []string, space string, r state.SpaceReader, id identity.ID) (tracedEntity, error) {
	e := tracedEntity{Space: space, ID: id.String(), Links: []tracedLink{}, Merges: []tracedMerge{}, Rows: []tracedRow{}}
	d, err := identity.Explain(readOnly{r}, id)
	if err != nil {
		return e, err
	}
	for _, l := range d.Links {
		e.Links = append(e.Links, tracedLink{l.Key, l.Value, l.Present})
	}
	ids := []identity.ID{id}
	for _, m := range d.Merges {
		ids = append(ids, m.Lost)
		e.Merges = append(e.Merges, tracedMerge{m.Lost.String(), m.By, m.Winner, m.At.Object, m.At.Row})
	}
	for _, sp := range spaces {
		pipeline, own, ok := strings.Cut(sp, "/dedupe/")
		if !ok || !strings.HasPrefix(space, "entity.") && sp != space {
			continue
		}
		step := own[strings.LastIndexByte(own, '/')+1:]
		for _, id := range ids {
			if err := traceRows(s, sp, pipeline, step, id, &e); err != nil {
				return e, err
			}
		}
	}
	slices.SortStableFunc(e.Rows, func(a, b tracedRow) int {
		return cmp.Or(cmp.Compare(a.Object, b.Object), cmp.Compare(a.Row, b.Row), cmp.Compare(a.Pipeline, b.Pipeline))
	})
	return e, nil
}

// traceRows adds the rows about id that one dedupe step saw, with their deliveries.
func traceRows(s *state.Store, space, pipeline, step string, id identity.ID, e *tracedEntity) error {
	var trail []identity.Trail
	var bad error
	err := s.ScanSpace(space, identity.TrailPrefix(id), func(k, v []byte) bool {
		var t identity.Trail
		t, bad = identity.ParseTrail(k, v)
		trail = append(trail, t)
		return bad == nil
	})
	if err = errors.Join(err, bad); err != nil {
		return err
	}
	for _, t := range trail {
		row := tracedRow{Pipeline: pipeline, Step: step, Object: t.Object, Row: t.Row, Passed: t.Passed, Deliveries: []tracedDelivery{}}
		err := s.Deliveries(pipeline, t.ObjectID, func(d state.Trail) bool {
			if slices.Contains(d.Rows, t.Row) && t.Passed {
				row.Deliveries = append(row.Deliveries, tracedDelivery{d.Sink, d.Key, d.Run, jsonTime(d.At)})
			}
			return true
		})
		if err != nil {
			return err
		}
		e.Rows = append(e.Rows, row)
	}
	return nil
}

func (a *app) traceText(list []tracedEntity) error {
	var sb strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&sb, format+"\n", args...) }
	for i, e := range list {
		if i > 0 {
			p("")
		}
		p("entity %s of %s", e.ID, e.Space)
		for _, l := range e.Links {
			note := ""
			if !l.Present {
				note = " (an earlier value)"
			}
			p("  %s = %s%s", l.Key, l.Value, note)
		}
		for _, m := range e.Merges {
			p("  row %d of %s joined it with %s: %s led to the one, %s to the other", m.Row, m.Object, m.Lost, m.Winner, m.By)
		}
		if len(e.Rows) == 0 {
			p("  no rows are recorded; dedupe steps with trace = true record them")
		}
		for _, r := range e.Rows {
			what := "went on"
			if !r.Passed {
				what = "was dropped as a duplicate"
			}
			p("  row %d of %s %s at %s of %s", r.Row, r.Object, what, r.Step, r.Pipeline)
			for _, d := range r.Deliveries {
				at := ""
				if d.At != nil {
					at = " at " + stamp(*d.At)
				}
				p("    delivered to %s%s with key %s", d.Sink, at, d.Key)
			}
		}
	}
	_, err := fmt.Fprint(a.stdout, printableLines(sb.String()))
	return err
}
