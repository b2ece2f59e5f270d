package api

import (
	"maps"
	"net/http"
	"slices"

	"weir/engine"
	"weir/engine/plugin"
	"weir/engine/state"
)

func (a *API) edit(w http.ResponseWriter, r *http.Request) (int, any, error) {
	var q EditRequest
	if err := a.read(w, r, &q); err != nil {
		return 0, nil, err
	}
	o := engine.EditOptions{ID: q.ID, Text: q.TextBase64, By: q.By, Reason: q.Reason, Seen: q.Edits}
	if q.Text != nil {
		o.Text = []byte(*q.Text)
	}
	switch {
	case q.ID == 0:
		return 0, nil, badRequest("missing_field", "id is missing: the number of a refused row")
	case q.Text != nil && q.TextBase64 != nil:
		return 0, nil, badRequest("bad_body", "text and text_base64 say the same; only one of both is possible")
	case q.By == "":
		return 0, nil, badRequest("missing_field", "by is missing: who asks for it")
	case q.Reason == "":
		return 0, nil, badRequest("missing_field", "reason is missing: why it is edited")
	}
	for _, c := range slices.Sorted(maps.Keys(q.Set)) {
		o.Set = append(o.Set, plugin.Cell{Column: c, Value: q.Set[c]})
	}
	ctx, cancel := a.within(r.Context(), patience)
	defer cancel()
	p := r.PathValue("p")
	x, err := a.o.Server.EditReject(ctx, p, o)
	if err != nil {
		return 0, nil, late(ctx, err)
	}
	return http.StatusOK, rejectOf(p, &x), nil
}

func (a *API) edited(r *http.Request) (*listing, error) {
	p := r.PathValue("p")
	return &listing{name: "edited", each: func(put func(any) bool) error {
		return a.o.Server.Store().Ended(p, func(x state.Ended) bool {
			return put(EditedReject{Reject: rejectOf(p, &x.Reject), Outcome: x.Outcome, TakenBy: x.RunID, Ended: x.When.UTC()})
		})
	}}, a.known(p)
}
