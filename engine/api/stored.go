package api

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"weir/engine/config"
	"weir/engine/diag"
	"weir/engine/serve"
	"weir/engine/state"
)

// address is that of the pipeline that the path of a request names.
func address(r *http.Request) string { return config.Canonical(r.PathValue("p")) }

// known returns the address of the pipeline that a request is about when it is
// served, or the state store knows it: state outlives pipelines.
func (a *API) known(address string) error {
	if _, served := a.o.Server.Pipeline(address); served {
		return nil
	}
	names, err := a.storedPipelines()
	if err != nil || slices.Contains(names, address) {
		return err
	}
	err = a.unknown(address)
	if u, isU := err.(*serve.UnknownError); isU && u.Did == "" { //nolint:errorlint // made one line above
		u.Did = diag.Suggest(address, names)
	}
	return err
}

func (a *API) storedPipelines() ([]string, error) {
	list, err := a.o.Server.Store().Pipelines()
	names := make([]string, len(list))
	for i := range list {
		names[i] = list[i].Address
	}
	return names, err
}

// searchedRuns is how many runs of a pipeline are looked through for those of a revision.
const searchedRuns = 10_000

func (a *API) runs(_ http.ResponseWriter, r *http.Request) (int, any, error) {
	n, err := limit(r, 20, 1000)
	if err != nil {
		return 0, nil, err
	}
	q := r.URL.Query()
	var names []string
	if p := q.Get("pipeline"); p != "" {
		p = config.Canonical(p)
		names, err = []string{p}, a.known(p)
	} else {
		names, err = a.storedPipelines()
	}
	if err != nil {
		return 0, nil, err
	}
	revision, search := q.Get("revision"), n
	if revision != "" {
		search = searchedRuns
	}
	out := []Run{}
	for _, p := range names {
		list, err := a.o.Server.Store().Runs(p, search)
		if err != nil {
			return 0, nil, err
		}
		for i := range list {
			if revision == "" || list[i].Revision == revision {
				out = append(out, runOf(p, &list[i]))
			}
		}
		if len(out) > 4*n { // what is not among the latest so far never is
			out = latest(out, n)
		}
	}
	return http.StatusOK, RunList{Runs: latest(out, n)}, nil
}

// latest returns the n runs that began last, the latest first. It changes runs.
func latest(runs []Run, n int) []Run {
	slices.SortStableFunc(runs, func(a, b Run) int { return b.Started.Compare(a.Started) })
	return runs[:min(n, len(runs))]
}

func runOf(p string, r *state.Run) Run {
	return Run{
		Pipeline: p, Number: r.Number, ID: r.ID, Kind: cmp.Or(r.Kind, "run"), Started: r.Started.UTC(), Ended: timeOf(r.Ended), Outcome: r.Outcome,
		Revision: r.Revision, Generation: r.Generation, Ledger: ledgerOf(r.Counts), Error: r.Error,
	}
}

func (a *API) ledger(_ http.ResponseWriter, r *http.Request) (int, any, error) {
	p := address(r)
	if err := a.known(p); err != nil {
		return 0, nil, err
	}
	t, err := a.o.Server.Store().Totals(p)
	return http.StatusOK, Totals{Pipeline: p, Ledger: ledgerOf(t.Counts), Difference: t.Difference(), Commits: t.Commits, Last: timeOf(t.Last)}, err
}

func (a *API) files(r *http.Request) (*listing, error) {
	p := address(r)
	history, err := flag(r, "history", false)
	if err == nil {
		err = a.known(p)
	}
	return &listing{name: "files", each: func(put func(any) bool) error {
		return a.o.Server.Store().EachFile(p, history, func(f state.FileEntry) bool { return put(fileOf(p, &f)) })
	}}, err
}

func filesOf(p string, list []state.FileEntry) FileList {
	out := FileList{Files: make([]File, len(list))}
	for i := range list {
		out.Files[i] = fileOf(p, &list[i])
	}
	return out
}

func fileOf(p string, f *state.FileEntry) File {
	return File{
		Pipeline: p, Source: f.Source, Path: f.Path, State: string(f.State), Rows: f.Rows, Size: f.Size, Modified: timeOf(f.ModTime), Seen: timeOf(f.Seen), Changed: timeOf(f.Changed),
		Target: f.Target, Marker: f.Marker, Reason: f.Reason, Run: f.Run, Revision: f.Revision,
	}
}

// patience is how long an operation waits for a run to come to its next commit.
const patience = 30 * time.Second

func (a *API) retry(w http.ResponseWriter, r *http.Request) (int, any, error) {
	var q RetryRequest
	if err := a.read(w, r, &q); err != nil {
		return 0, nil, err
	}
	if q.Path == "" {
		return 0, nil, badRequest("missing_field", "path is missing: the path or name of a file, or a pattern")
	}
	ctx, cancel := a.within(r.Context(), patience)
	defer cancel()
	list, err := a.o.Server.Retry(ctx, address(r), q.Path, q.Again)
	return http.StatusOK, filesOf(address(r), list), late(ctx, err)
}

func (a *API) skip(w http.ResponseWriter, r *http.Request) (int, any, error) {
	var q SkipRequest
	if err := a.read(w, r, &q); err != nil {
		return 0, nil, err
	}
	if q.Path == "" {
		return 0, nil, badRequest("missing_field", "path is missing: the path or name of a file")
	}
	ctx, cancel := a.within(r.Context(), patience)
	defer cancel()
	f, err := a.o.Server.Skip(ctx, address(r), q.Path, cmp.Or(q.Reason, "skipped by hand"))
	return http.StatusOK, fileOf(address(r), &f), late(ctx, err)
}

func (a *API) reset(w http.ResponseWriter, r *http.Request) (int, any, error) {
	var q ResetRequest
	if err := a.read(w, r, &q); err != nil {
		return 0, nil, err
	}
	if q.Name == "" {
		return 0, nil, badRequest("missing_field", "name is missing: that of a pipeline, or of an identity space")
	}
	ctx, cancel := a.within(r.Context(), patience)
	defer cancel()
	return http.StatusOK, Reset{Reset: q.Name}, late(ctx, a.o.Server.Reset(ctx, q.Name))
}

// The size of pages of refused rows.
const (
	pageRejects    = 100
	maxPageRejects = 1000
	maxPageBytes   = 16 << 20 // of their text
)

func (a *API) rejects(r *http.Request) (*listing, error) {
	p := address(r)
	n, err := limit(r, pageRejects, maxPageRejects)
	if err != nil {
		return nil, err
	}
	from := uint64(1)
	if s := r.URL.Query().Get("from"); s != "" {
		if from, err = strconv.ParseUint(s, 10, 64); err != nil {
			return nil, badRequest("bad_parameter", "from = %q is no number", s)
		}
	}
	if err := a.known(p); err != nil {
		return nil, err
	}
	next := uint64(0)
	return &listing{name: "rejects", next: func() uint64 { return next }, each: func(put func(any) bool) error {
		count, size := 0, 0
		return a.o.Server.Store().Rejects(p, max(from, 1), func(x state.Reject) bool {
			if count == n || size > maxPageBytes {
				next = x.ID
				return false
			}
			count, size = count+1, size+len(x.Raw)+len(x.Header)
			return put(rejectOf(p, &x))
		})
	}}, nil
}

func rejectOf(p string, r *state.Reject) Reject {
	out := Reject{
		Pipeline: p, ID: r.ID, Object: r.Object, Row: r.Row, Line: r.Line, Step: r.Step, Column: r.Column, Code: r.Code, Reason: r.Reason,
		Raw: string(r.Raw), Header: string(r.Header), Replays: r.Replays, Run: r.Run, Revision: r.Revision, At: r.At.UTC(),
	}
	if !utf8.Valid(r.Raw) {
		out.RawBase64 = slices.Clone(r.Raw)
	}
	if o := r.Overtaken; o.Row > 0 {
		out.Overtaken = &Overtaking{Object: o.Object, Row: o.Row, At: o.At.UTC()}
	}
	for i := range r.Edits {
		e := &r.Edits[i]
		x := Edit{Text: string(e.Text), By: e.By, Reason: e.Reason, At: e.At.UTC()}
		if !utf8.Valid(e.Text) {
			x.TextBase64 = slices.Clone(e.Text)
		}
		out.Edits = append(out.Edits, x)
	}
	return out
}

// maxIDs is how many refused rows one request may name by number.
const maxIDs = 100_000

// chosen returns the numbers of the refused rows of p that r names.
func (a *API) chosen(w http.ResponseWriter, r *http.Request, p string) (ids []uint64, stale bool, err error) {
	var q RejectChoice
	if err := a.read(w, r, &q); err != nil {
		return nil, false, err
	}
	ids, err = a.named(p, &q)
	return ids, q.Stale, err
}

func (a *API) named(p string, q *RejectChoice) ([]uint64, error) {
	switch {
	case q.Chooses() && len(q.IDs) > 0:
		return nil, badRequest("bad_body", "ids names rows, and all, step, code and object choose some; only one of both is possible")
	case q.Chooses():
		return a.choose(p, q)
	case len(q.IDs) == 0:
		return nil, badRequest("missing_field", "ids is missing: the numbers of refused rows; or choose them by step, code and object, or all")
	case q.To > 0:
		return nil, badRequest("bad_body", "to limits what all, step, code and object choose; with ids it means nothing")
	case len(q.IDs) > maxIDs:
		return nil, badRequest("too_many", "ids has %d numbers; %d at a time are taken. Choose them by step, code and object, or all", len(q.IDs), maxIDs)
	case slices.Contains(q.IDs, 0):
		return nil, badRequest("bad_body", "Refused rows are numbered from 1")
	}
	slices.Sort(q.IDs)
	return slices.Compact(q.IDs), nil
}

func (a *API) choose(p string, q *RejectChoice) (ids []uint64, err error) {
	if err := a.known(p); err != nil {
		return nil, err
	}
	err = a.o.Server.Store().Rejects(p, 1, func(x state.Reject) bool {
		if q.To > 0 && x.ID > q.To {
			return false
		}
		if q.Match(&x) {
			ids = append(ids, x.ID)
		}
		return true
	})
	return ids, err
}

func (a *API) discard(w http.ResponseWriter, r *http.Request) (int, any, error) {
	ids, stale, err := a.chosen(w, r, address(r))
	if err != nil {
		return 0, nil, err
	}
	if stale {
		return 0, nil, badRequest("bad_body", "stale is for a replay; rows are discarded whatever overtook them")
	}
	ctx, cancel := a.within(r.Context(), patience)
	defer cancel()
	n, err := a.o.Server.Discard(ctx, address(r), ids)
	return http.StatusOK, Discarded{Discarded: n}, late(ctx, err)
}

func (a *API) replay(w http.ResponseWriter, r *http.Request) (int, any, error) {
	ids, stale, err := a.chosen(w, r, address(r))
	if err != nil {
		return 0, nil, err
	}
	// It takes as long as it takes, waiting for a run included.
	rep, err := a.o.Server.Replay(r.Context(), address(r), ids, stale)
	if err != nil {
		return 0, nil, err
	}
	out := Replayed{Pipeline: rep.Name, Run: rep.Run, Outcome: cmp.Or(rep.Outcome, state.Succeeded), Ledger: ledgerOf(rep.Counts), Notices: diag.ToJSON(rep.Notices)}
	if rep.Err != nil {
		out.Outcome, out.Error = state.Failed, rep.Err.Error()
	}
	return http.StatusOK, out, nil
}
