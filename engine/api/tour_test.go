package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"weir/engine/serve"
)

func typeOf(v any) reflect.Type { return reflect.TypeOf(v) }

// get decodes what an endpoint answers.
func get[T any](r *rig, status int, method, path, body string) T {
	r.t.Helper()
	var out T
	if err := json.Unmarshal([]byte(r.ask(status, method, path, body)), &out); err != nil {
		r.t.Fatal(err)
	}
	return out
}

// TestTour asks everything that can be asked: every answer that the description
// tells of comes at least once, and is as described.
func TestTour(t *testing.T) {
	r := newRig(t, nil)
	r.ran(1)
	t.Run("watching", func(*testing.T) { tourWatching(r) })
	t.Run("pipelines", func(*testing.T) { tourPipelines(r) })
	t.Run("files", func(*testing.T) { tourFiles(r) })
	t.Run("rejects", func(*testing.T) { tourRejects(r) })
	t.Run("reset", func(*testing.T) { tourReset(r) })
	t.Run("reload", func(*testing.T) { tourReload(r) })
	t.Run("copies", func(*testing.T) { tourCopies(r) })
	t.Run("stopping", func(*testing.T) { tourStopping(r) })
	r.told["events 200"] = true // TestEvents
	for _, to := range r.routes {
		for _, a := range to.answers {
			if !r.told[fmt.Sprint(to.id, " ", a.status)] {
				t.Errorf("%s %s never answered %d: %s", to.method, to.path, a.status, a.doc)
			}
		}
	}
}

func tourWatching(r *rig) {
	if h := get[Health](r, 200, "GET", "/healthz", ""); h.Status != "ok" || h.Version != "v1.2.3" {
		r.t.Errorf("health: %+v", h)
	}
	if x := get[Readiness](r, 200, "GET", "/readyz", ""); !x.Ready {
		r.t.Errorf("readiness: %+v", x)
	}
	st := get[Status](r, 200, "GET", "/api/v1/status", "")
	if len(st.Pipelines) != 1 || st.Generation != 1 || st.Revision == "" || st.Reload.Trigger != "start" || !st.Ready {
		r.t.Errorf("status: %+v", st)
	}
	p := st.Pipelines[0]
	if p.State != "waiting" || p.Last.Outcome != "succeeded" || p.Ledger.Read != 3 || p.Ledger.Filtered["some"] != 1 || p.Ledger.Rejected != 1 || p.Ledger.Delivered != 1 {
		r.t.Errorf("pipeline: %+v", p)
	}
	if v := get[Revision](r, 200, "GET", "/api/v1/revision", ""); v.Revision != st.Revision || v.Base != st.Base {
		r.t.Errorf("revision: %+v", v)
	}
	if d := r.ask(200, "GET", "/api/v1/openapi.json", ""); d != string(openAPI) {
		r.t.Error("the description that is served is another")
	}
	r.ask(200, "GET", "/metrics", "")
	if p := get[Proof](r, 200, "GET", "/api/v1/prove?nonce=0123456789abcdef", ""); p.Proof != ProofOf("secret", "folder", "0123456789abcdef") {
		r.t.Errorf("proof: %+v", p)
	}
	r.ask(400, "GET", "/api/v1/prove?nonce=0", "")
	if l := get[RunList](r, 200, "GET", "/api/v1/runs?pipeline=a&revision="+st.Revision, ""); len(l.Runs) != 1 || l.Runs[0].Ledger.Read != 3 {
		r.t.Errorf("runs: %+v", l)
	}
	if l := get[RunList](r, 200, "GET", "/api/v1/runs?revision=other", ""); len(l.Runs) != 0 {
		r.t.Errorf("runs of another revision: %+v", l)
	}
	r.ask(400, "GET", "/api/v1/runs?limit=0", "")
	r.ask(404, "GET", "/api/v1/runs?pipeline=b", "")
}

func tourPipelines(r *rig) {
	if l := get[PipelineList](r, 200, "GET", "/api/v1/pipelines", ""); len(l.Pipelines) != 1 || l.Pipelines[0].Description != "A copy" {
		r.t.Errorf("pipelines: %+v", l)
	}
	r.ask(200, "GET", "/api/v1/pipelines/a", "")
	r.ask(404, "GET", "/api/v1/pipelines/b", "")
	r.ask(202, "POST", "/api/v1/pipelines/a/run", "")
	r.ran(2)
	r.ask(404, "POST", "/api/v1/pipelines/b/run", "")
	if l := get[Totals](r, 200, "GET", "/api/v1/pipelines/a/ledger", ""); l.Ledger.Read != 3 || l.Difference != 0 || l.Commits == 0 {
		r.t.Errorf("ledger: %+v", l)
	}
	r.ask(404, "GET", "/api/v1/pipelines/b/ledger", "")
	if e := get[ErrorBody](r, 404, "GET", "/api/v1/pipelines/a/legder", ""); e.Error.Code != "not_found" {
		r.t.Errorf("unknown path: %+v", e)
	}
}

func tourFiles(r *rig) {
	const files = "/api/v1/pipelines/a/files"
	if l := get[FileList](r, 200, "GET", files, ""); len(l.Files) != 1 || l.Files[0].State != "committed" || l.Files[0].Rows != 3 {
		r.t.Errorf("files: %+v", l)
	}
	r.ask(400, "GET", files+"?history=maybe", "")
	r.ask(404, "GET", "/api/v1/pipelines/b/files", "")
	r.ask(409, "POST", files+"/retry", `{"path": "a.csv"}`)
	r.ask(404, "POST", files+"/retry", `{"path": "a.scv"}`)
	r.ask(400, "POST", files+"/retry", ``)
	r.ask(409, "POST", files+"/skip", `{"path": "a.csv"}`)
	r.ask(404, "POST", files+"/skip", `{"path": "nowhere.csv"}`)
	r.ask(400, "POST", files+"/skip", `{"path": "a.csv", "raeson": "x"}`)
	r.write("in/a2.csv", "a,b\nq,1\n")
	if f := get[File](r, 200, "POST", files+"/skip", `{"path": "a2.csv", "reason": "not wanted"}`); f.State != "skipped" || f.Reason != "not wanted" {
		r.t.Errorf("skipped: %+v", f)
	}
	if l := get[FileList](r, 200, "POST", files+"/retry", `{"path": "a2*"}`); len(l.Files) != 1 {
		r.t.Errorf("retried: %+v", l)
	}
	r.ask(202, "POST", "/api/v1/pipelines/a/run", "")
	r.until("the second file", func() bool { t, _ := r.server.Store().Totals("a"); return t.Read == 4 })
}

func tourReset(r *rig) {
	const reset = "/api/v1/state/reset"
	r.ask(400, "POST", reset, `{}`)
	r.ask(404, "POST", reset, `{"name": "entity.a"}`)
	if e := get[ErrorBody](r, 404, "POST", reset, `{"name": "aa"}`); e.Error.DidYouMean != "a" {
		r.t.Errorf("unknown: %+v", e)
	}
	if x := get[Reset](r, 200, "POST", reset, `{"name": "a"}`); x.Reset != "a" {
		r.t.Errorf("reset: %+v", x)
	}
	if t, err := r.server.Store().Totals("a"); t.Read != 0 || err != nil {
		r.t.Errorf("after the reset: %+v, %v", t, err)
	}
	r.ask(202, "POST", "/api/v1/pipelines/a/run", "")
	r.until("everything once more", func() bool { t, _ := r.server.Store().Totals("a"); return t.Read >= 3 })
}

func tourRejects(r *rig) {
	const rejects = "/api/v1/pipelines/a/rejects"
	l := get[RejectList](r, 200, "GET", rejects+"?from=1&limit=10", "")
	if len(l.Rejects) != 1 || l.Rejects[0].Raw != "y,none" || l.Rejects[0].Column != "b" || l.Next != 0 {
		r.t.Fatalf("rejects: %+v", l)
	}
	r.ask(400, "GET", rejects+"?from=x", "")
	r.ask(404, "GET", "/api/v1/pipelines/b/rejects", "")
	ids := fmt.Sprintf(`{"ids": [%d]}`, l.Rejects[0].ID)
	if p := get[Replayed](r, 200, "POST", rejects+"/replay", ids); p.Outcome != "succeeded" || p.Ledger.Rejected != 1 || p.Ledger.Read != 1 {
		r.t.Errorf("replayed: %+v", p)
	}
	r.ask(400, "POST", rejects+"/replay", `{"ids": []}`)
	r.ask(400, "POST", rejects+"/replay", `{"ids": [1], "all": true}`)
	r.ask(400, "POST", rejects+"/replay", `{"ids": [1], "to": 1}`)
	r.ask(404, "POST", "/api/v1/pipelines/b/rejects/replay", `{"all": true}`)
	for _, none := range []string{`{"code": "row.other"}`, `{"step": "map.none"}`, `{"object": "b.csv"}`, `{"all": true, "code": "row.other"}`} {
		if p := get[Replayed](r, 200, "POST", rejects+"/replay", none); p.Outcome != "succeeded" || p.Ledger.Read != 0 {
			r.t.Errorf("replayed %s: %+v", none, p)
		}
	}
	some := fmt.Sprintf(`{"step": "decode.csv", "code": %q, "object": %q, "to": %d}`, l.Rejects[0].Code, l.Rejects[0].Object, l.Rejects[0].ID+1) // replayed once by now
	if p := get[Replayed](r, 200, "POST", rejects+"/replay", some); p.Ledger.Rejected != 1 {
		r.t.Errorf("replayed %s: %+v", some, p)
	}
	if p := get[Replayed](r, 200, "POST", rejects+"/replay", some); p.Ledger.Read != 0 { // refused anew, with a higher number
		r.t.Errorf("replayed %s: %+v", some, p)
	}
	r.ask(404, "POST", "/api/v1/pipelines/b/rejects/replay", ids)
	l = get[RejectList](r, 200, "GET", rejects, "")
	if len(l.Rejects) != 1 || l.Rejects[0].Replays != 2 {
		r.t.Fatalf("rejects after the replay: %+v", l)
	}
	tourEdit(r, rejects, l.Rejects[0].ID)
	if d := get[Discarded](r, 200, "POST", rejects+"/discard", fmt.Sprintf(`{"ids": [%d, 9999]}`, l.Rejects[0].ID)); d.Discarded != 1 {
		r.t.Errorf("discarded: %+v", d)
	}
	if e := get[EditedList](r, 200, "GET", rejects+"/edited", ""); len(e.Edited) != 1 || e.Edited[0].Outcome != "discarded" || e.Edited[0].Raw != "y,none" || e.Edited[0].Edits[0].Text != "y,3" {
		r.t.Errorf("edited: %+v", e)
	}
	r.ask(404, "GET", "/api/v1/pipelines/b/rejects/edited", "")
	r.ask(400, "POST", rejects+"/discard", `{"ids": [0]}`)
	r.ask(404, "POST", "/api/v1/pipelines/b/rejects/discard", ids)
}

func tourEdit(r *rig, rejects string, id uint64) {
	edit := func(status int, rest string) string {
		return r.ask(status, "POST", rejects+"/edit", fmt.Sprintf(`{"id": %d, %s}`, id, rest))
	}
	const who = `, "by": "ann", "reason": "a typing error"`
	r.ask(400, "POST", rejects+"/edit", `{"text": "y,3"`+who+`}`)
	edit(400, `"text": "y,3", "by": "ann"`)
	edit(400, `"text": "y,3", "reason": "r"`)
	edit(400, `"text": "y,3", "text_base64": "eSwz"`+who)
	edit(422, `"text": "y,none2"`+who)
	edit(422, `"text": "y,3\nz,4"`+who)
	edit(422, `"set": {"c": "3"}`+who)
	if x := get[Reject](r, 200, "POST", rejects+"/edit", fmt.Sprintf(`{"id": %d, "set": {"b": "3"}%s}`, id, who)); x.ID != id || x.Raw != "y,none" || len(x.Edits) != 1 || x.Edits[0].Text != "y,3" || x.Edits[0].By != "ann" {
		r.t.Errorf("edited: %+v", x)
	}
	edit(409, `"text": "y,4"`+who)
	r.ask(404, "POST", "/api/v1/pipelines/b/rejects/edit", fmt.Sprintf(`{"id": %d, "text": "y,4"%s}`, id, who))
	r.ask(409, "POST", rejects+"/edit", `{"id": 9999, "text": "y,4"`+who+`}`)
}

func tourReload(r *rig) {
	if v := get[serve.Verdict](r, 200, "POST", "/api/v1/reload", ""); v.Outcome != serve.Unchanged || v.Trigger != "api" {
		r.t.Errorf("reload: %+v", v)
	}
	r.write("config/a.hcl", strings.ReplaceAll(pipelineA, "b == 13", "b == 14"))
	p := get[Planned](r, 200, "POST", "/api/v1/plan", `{"state": "keep"}`)
	if len(p.Plan.Actions) != 1 || p.Plan.Actions[0].Kind != "swap" || p.Verdict.Outcome != serve.Applied {
		r.t.Errorf("plan: %+v", p)
	}
	old := *p.Plan
	old.Base = "0011223344556677"
	b, err := json.Marshal(ReloadRequest{Plan: &old})
	if err != nil {
		r.t.Fatal(err)
	}
	r.ask(409, "POST", "/api/v1/reload", string(b))
	b, err = json.Marshal(ReloadRequest{Plan: p.Plan})
	if err != nil {
		r.t.Fatal(err)
	}
	if v := get[serve.Verdict](r, 200, "POST", "/api/v1/reload", string(b)); v.Outcome != serve.Applied || v.Generation != 2 {
		r.t.Errorf("reload: %+v", v)
	}
	r.write("config/a.hcl", strings.ReplaceAll(pipelineA, "b == 13", "nothing == 13"))
	if p := get[Planned](r, 200, "POST", "/api/v1/plan", ""); p.Verdict.Outcome != serve.Rejected {
		r.t.Errorf("plan of what is wrong: %+v", p)
	}
	v := get[serve.Verdict](r, 422, "POST", "/api/v1/reload", "{}")
	if v.Outcome != serve.Rejected || len(Problems(&v)) == 0 {
		r.t.Errorf("reload of what is wrong: %+v", v)
	}
	if st := get[Pipeline](r, 200, "GET", "/api/v1/pipelines/a", ""); len(st.Config) == 0 || st.Generation != 2 {
		r.t.Errorf("a pipeline whose configuration is wrong: %+v", st)
	}
	if last := get[serve.Verdict](r, 200, "GET", "/api/v1/reload", ""); last.ID != v.ID {
		r.t.Errorf("the last verdict is %d, not %d", last.ID, v.ID)
	}
	r.write("config/a.hcl", pipelineA)
	r.ask(202, "POST", "/api/v1/reload?wait=false", "")
	r.until("the reload", func() bool { return r.server.Status().Generation == 3 })
	if l := get[VerdictList](r, 200, "GET", "/api/v1/reloads?limit=2", ""); len(l.Reloads) != 2 {
		r.t.Errorf("reloads: %+v", l)
	}
	r.ask(400, "GET", "/api/v1/reloads?limit=x", "")
	if e := get[ErrorBody](r, 400, "POST", "/api/v1/reload", `{"state": "kep"}`); e.Error.DidYouMean != "keep" {
		r.t.Errorf("state: %+v", e)
	}
	if e := get[ErrorBody](r, 400, "POST", "/api/v1/plan", `{"stat": "keep"}`); e.Error.DidYouMean != "state" {
		r.t.Errorf("unknown field: %+v", e)
	}
	r.ask(413, "POST", "/api/v1/reload", `{"state": "`+strings.Repeat("x", maxBody)+`"}`)
}

func tourCopies(r *rig) {
	const copies = "/api/v1/state/checkpoint"
	c := get[Checkpoint](r, 201, "POST", copies, "")
	r.ask(404, "DELETE", copies+"?dir="+url.QueryEscape(filepath.Join(r.dir, "state")), "")
	r.ask(200, "DELETE", copies+"?dir="+url.QueryEscape(c.Dir), "")
	r.ask(404, "DELETE", copies+"?dir="+url.QueryEscape(c.Dir), "")
	for range maxCopies {
		r.ask(201, "POST", copies, "")
	}
	r.ask(429, "POST", copies, "")
	h := r.handler.(*API)
	had := h.o.Copies
	h.o.Copies = nil
	r.ask(501, "POST", copies, "")
	h.o.Copies = had
}

func tourStopping(r *rig) {
	r.stop()
	if x := get[Readiness](r, 503, "GET", "/readyz", ""); x.Ready || x.Reason == "" {
		r.t.Errorf("readiness: %+v", x)
	}
	r.ask(200, "GET", "/healthz", "")
	r.ask(200, "GET", "/metrics", "")
	r.ask(200, "GET", "/api/v1/status", "")
	const p = "/api/v1/pipelines/a"
	r.ask(503, "POST", "/api/v1/state/reset", `{"name": "a"}`)
	for _, path := range []string{"/files/retry", "/files/skip", "/rejects/discard", "/rejects/edit", "/rejects/replay"} {
		if e := get[ErrorBody](r, http.StatusServiceUnavailable, "POST", p+path, `{}`); e.Error.Code != "stopping" {
			r.t.Errorf("%s: %+v", path, e)
		}
	}
}
