package api

import (
	_ "embed" // of openapi.json
	"net/http"

	"weir/engine/serve"
)

// route is one thing that can be asked. The description of the API is made of these.
type route struct {
	method, path string
	id           string // of the operation
	summary      string
	query        []param
	body         any  // what the body is decoded into, nil for none
	needsBody    bool // or else it may be left out
	answers      []reply
	work         bool // it uses the store or changes something: the server waits for its end
	light        bool // the answer is a line or two, also of a server with much in it
	large        bool // the answer is made anew for each caller, and may be the size of all pipelines: few are made at a time
	do           func(a *API, w http.ResponseWriter, r *http.Request) (status int, body any, err error)
	list         func(a *API, r *http.Request) (*listing, error)      // instead of do, for a list of any length
	raw          func(a *API, w http.ResponseWriter, r *http.Request) // instead of do, for what is not JSON
}

// param is a parameter in the query.
type param struct{ name, kind, doc string } // kind is string, integer or boolean

// reply is an answer with its meaning.
type reply struct {
	status int
	doc    string
	body   any    // value of the type that is sent
	media  string // "" is application/json
}

// openAPI describes the API; a test makes it.
//
//go:embed openapi.json
var openAPI []byte

func ok(doc string, body any) reply { return reply{status: http.StatusOK, doc: doc, body: body} }

func refusal(status int, doc string) reply { return reply{status: status, doc: doc, body: ErrorBody{}} }

// routes lists all that can be asked.
func routes() []route {
	out := append(watching(), changes()...)
	return append(out, pipelineRoutes()...)
}

// watching are the routes that tell how the whole server stands.
func watching() []route {
	limited := param{"limit", "integer", "How many at most"}
	return []route{
		{method: "GET", path: "/healthz", id: "health", summary: "The process lives", light: true, do: (*API).health, answers: []reply{ok("It does", Health{})}},
		{method: "GET", path: "/readyz", id: "ready", summary: "The first plan is in effect and the server is not stopping", light: true, do: (*API).ready,
			answers: []reply{ok("It is", Readiness{}), {status: http.StatusServiceUnavailable, doc: "It is not", body: Readiness{}}}},
		{method: "GET", path: provePath, id: "prove", summary: "Prove to who looks at the state folder that it is this server's; no token is asked for", light: true, do: (*API).prove,
			query:   []param{{"nonce", "string", "16 to 64 hexadecimal digits, chosen at random"}},
			answers: []reply{ok("The proof", Proof{}), refusal(http.StatusBadRequest, "The nonce is none")}},
		{method: "GET", path: "/metrics", id: "metrics", summary: "Metrics for Prometheus", raw: func(a *API, w http.ResponseWriter, r *http.Request) { a.metrics.ServeHTTP(w, r) },
			answers: []reply{{status: http.StatusOK, doc: "Text in the exposition format", media: "text/plain"}}},
		{method: "GET", path: "/api/v1/openapi.json", id: "description", summary: "This description", raw: describe,
			answers: []reply{ok("OpenAPI 3.1", map[string]any{})}},
		{method: "GET", path: "/api/v1/status", id: "status", summary: "How everything stands", do: (*API).status, answers: []reply{ok("How everything stands", Status{})}},
		{method: "GET", path: "/api/v1/revision", id: "revision", summary: "Which configuration is in effect, and which was read last", light: true, do: (*API).revision,
			answers: []reply{ok("Which", Revision{})}},
		{method: "GET", path: "/api/v1/runs", id: "runs", summary: "Runs, the latest first", work: true, do: (*API).runs,
			query:   []param{{"pipeline", "string", "Of this pipeline only"}, {"revision", "string", "Of this revision of the configuration only"}, limited},
			answers: []reply{ok("Runs", RunList{}), refusal(http.StatusBadRequest, "A parameter is wrong"), refusal(http.StatusNotFound, "There is no such pipeline")}},
		{method: "GET", path: "/api/v1/events", id: "events", summary: "What happens from now on, as server-sent events", raw: (*API).events,
			answers: []reply{{status: http.StatusOK, doc: "Each event has a line with its kind and a line with its data, an Event in JSON", body: Event{}, media: "text/event-stream"}}},
	}
}

// changes are the routes that change the configuration in effect, or copy the state.
func changes() []route {
	verdicts := []reply{ok("Everything asked for is in effect", serve.Verdict{}),
		{status: http.StatusConflict, doc: "It would have come to something else than the plan, and nothing was changed", body: serve.Verdict{}},
		{status: http.StatusUnprocessableEntity, doc: "Some of it, or nothing, is in effect; the verdict says why", body: serve.Verdict{}}}
	return []route{
		{method: "POST", path: "/api/v1/reload", id: "reload", summary: "Read the folder and take what changed", work: true, do: (*API).reload, body: ReloadRequest{},
			query: []param{{"wait", "boolean", "Wait for the verdict, which is the default"}},
			answers: append(verdicts, reply{status: http.StatusAccepted, doc: "It goes on; the verdict is among the reloads later", body: Accepted{}},
				refusal(http.StatusBadRequest, "The body is wrong"), refusal(http.StatusRequestEntityTooLarge, "The body is too large"))},
		{method: "GET", path: "/api/v1/reload", id: "lastReload", summary: "The verdict of the last reload", do: (*API).lastReload,
			answers: []reply{ok("The verdict", serve.Verdict{})}},
		{method: "GET", path: "/api/v1/reloads", id: "reloads", summary: "Verdicts of reloads, the latest first", do: (*API).reloads,
			query:   []param{{"limit", "integer", "How many at most"}},
			answers: []reply{ok("Verdicts", VerdictList{}), refusal(http.StatusBadRequest, "A parameter is wrong")}},
		{method: "POST", path: "/api/v1/plan", id: "plan", summary: "What a reload would do; nothing is changed", work: true, large: true, do: (*API).plan, body: PlanRequest{},
			answers: []reply{ok("What it would do", Planned{}), refusal(http.StatusBadRequest, "The body is wrong")}},
		{method: "POST", path: "/api/v1/state/reset", id: "reset", summary: "Forget what is stored of a pipeline, or an identity space", work: true, do: (*API).reset, body: ResetRequest{}, needsBody: true,
			answers: []reply{ok("It is forgotten", Reset{}), refusal(http.StatusBadRequest, "The body is wrong"), refusal(http.StatusNotFound, "Nothing is stored under that name"),
				refusal(http.StatusServiceUnavailable, "A run did not come to a commit in time, or the server is stopping")}},
		{method: "POST", path: "/api/v1/state/checkpoint", id: "checkpoint", summary: "Make a copy of the state store, on this machine, for reading", work: true, do: (*API).checkpoint,
			answers: []reply{{status: http.StatusCreated, doc: "Where it is", body: Checkpoint{}}, refusal(http.StatusTooManyRequests, "There are too many that nobody removed"),
				refusal(http.StatusNotImplemented, "This store cannot be copied")}},
		{method: "DELETE", path: "/api/v1/state/checkpoint", id: "removeCheckpoint", summary: "Remove a copy of the state store", work: true, do: (*API).removeCheckpoint,
			query:   []param{{"dir", "string", "What making it answered"}},
			answers: []reply{ok("It is gone", Removed{}), refusal(http.StatusNotFound, "There is no such copy")}},
	}
}

// pipelineRoutes are the routes of single pipelines.
func pipelineRoutes() []route {
	unknown := refusal(http.StatusNotFound, "There is no such pipeline")
	wrong := refusal(http.StatusBadRequest, "The body or a parameter is wrong")
	busy := refusal(http.StatusServiceUnavailable, "A run did not come to a commit in time, or the server is stopping")
	const p = "/api/v1/pipelines/{p}"
	return []route{
		{method: "GET", path: "/api/v1/pipelines", id: "pipelines", summary: "How every pipeline stands", do: (*API).pipelines, answers: []reply{ok("Pipelines by address", PipelineList{})}},
		{method: "GET", path: p, id: "pipeline", summary: "How a pipeline stands", do: (*API).pipeline, answers: []reply{ok("How it stands", Pipeline{}), unknown}},
		{method: "POST", path: p + "/run", id: "run", summary: "Run a pipeline as soon as there is room, whatever its schedule says", work: true, do: (*API).run,
			answers: []reply{{status: http.StatusAccepted, doc: "It runs soon, or once more", body: Accepted{}}, unknown}},
		{method: "GET", path: p + "/ledger", id: "ledger", summary: "What became of all rows since the pipeline was first seen", work: true, do: (*API).ledger,
			answers: []reply{ok("Its ledger", Totals{}), unknown}},
		{method: "GET", path: p + "/files", id: "files", summary: "What is known of files", work: true, list: (*API).files,
			query: []param{{"history", "boolean", "Also earlier files of the same names"}}, answers: []reply{ok("Files", FileList{}), wrong, unknown}},
		{method: "POST", path: p + "/files/retry", id: "retry", summary: "Let the next run read files from their beginning", work: true, do: (*API).retry, body: RetryRequest{}, needsBody: true,
			answers: []reply{ok("What was known of them", FileList{}), wrong, refusal(http.StatusNotFound, "There is no such pipeline or file"),
				refusal(http.StatusConflict, "Rows of it are committed"), busy}},
		{method: "POST", path: p + "/files/skip", id: "skip", summary: "Never read a file, or not the rest of it", work: true, do: (*API).skip, body: SkipRequest{}, needsBody: true,
			answers: []reply{ok("Its entry now", File{}), wrong, refusal(http.StatusNotFound, "There is no such pipeline or file"),
				refusal(http.StatusConflict, "All of it is read"), busy}},
		{method: "GET", path: p + "/rejects", id: "rejects", summary: "Rows that were refused, by number", work: true, list: (*API).rejects,
			query:   []param{{"from", "integer", "The first number"}, {"limit", "integer", "How many at most"}},
			answers: []reply{ok("Refused rows", RejectList{}), wrong, unknown}},
		{method: "POST", path: p + "/rejects/discard", id: "discard", summary: "Remove refused rows for good", work: true, do: (*API).discard, body: RejectChoice{}, needsBody: true,
			answers: []reply{ok("How many there were", Discarded{}), wrong, unknown, busy}},
		{method: "POST", path: p + "/rejects/edit", id: "edit", summary: "Change a copy of the text of a refused row, which a replay then takes", work: true, do: (*API).edit, body: EditRequest{}, needsBody: true,
			answers: []reply{ok("The row with its edits", Reject{}), wrong, unknown, refusal(http.StatusConflict, "It was edited, replayed or discarded meanwhile"),
				refusal(http.StatusUnprocessableEntity, "The new text is not one row that the decoder takes"), busy}},
		{method: "GET", path: p + "/rejects/edited", id: "edited", summary: "Rows that were edited and then replayed or discarded", work: true, list: (*API).edited,
			answers: []reply{ok("Edited rows", EditedList{}), unknown}},
		{method: "POST", path: p + "/rejects/replay", id: "replay", summary: "Run refused rows through the pipeline as it is now", work: true, do: (*API).replay, body: RejectChoice{}, needsBody: true,
			answers: []reply{ok("What came of it", Replayed{}), wrong, unknown, busy}},
	}
}

// describe sends the description of the API.
func describe(_ *API, w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(openAPI) // who asked is gone
}
