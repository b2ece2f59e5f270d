package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"weir/engine/diag"
	"weir/engine/plugin"
	"weir/engine/serve"
	"weir/engine/spec"
)

// Error is an answer that is an error.
type Error struct {
	Status     int    `json:"-"`    // of HTTP
	Code       string `json:"code"` // such as unknown_pipeline
	Message    string `json:"message"`
	DidYouMean string `json:"did_you_mean,omitempty"`
}

// Error implements error.
func (e *Error) Error() string { return e.Message }

// Client asks a server. A server that cannot be reached is a plugin.Failure of class
// Environment; an answer that is an error is an *Error. Its methods may be called
// from any goroutine.
type Client struct {
	URL   string       // such as http://127.0.0.1:7433
	Token spec.Secret  // shown to the server when it is set
	HTTP  *http.Client // nil is one that asks no proxy
}

// maxAnswer bounds an answer, in bytes.
const maxAnswer = 256 << 20

// Status returns how the server stands.
func (c *Client) Status(ctx context.Context) (*Status, error) {
	return answer[Status](ctx, c, http.MethodGet, "/api/v1/status", nil)
}

// Pipelines returns how every pipeline stands, by address.
func (c *Client) Pipelines(ctx context.Context) ([]Pipeline, error) {
	l, err := answer[PipelineList](ctx, c, http.MethodGet, "/api/v1/pipelines", nil)
	if err != nil {
		return nil, err
	}
	return l.Pipelines, nil
}

// Pipeline returns how a pipeline stands.
func (c *Client) Pipeline(ctx context.Context, address string) (*Pipeline, error) {
	return answer[Pipeline](ctx, c, http.MethodGet, of(address, ""), nil)
}

// RunNow makes a pipeline run as soon as there is room for it. It does not wait for the run.
func (c *Client) RunNow(ctx context.Context, address string) error {
	_, err := answer[Accepted](ctx, c, http.MethodPost, of(address, "/run"), nil)
	return err
}

// Runs lists runs, the latest first.
func (c *Client) Runs(ctx context.Context, q RunsQuery) ([]Run, error) {
	v := url.Values{}
	set(v, "pipeline", q.Pipeline)
	set(v, "revision", q.Revision)
	if q.Limit > 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	l, err := answer[RunList](ctx, c, http.MethodGet, "/api/v1/runs"+query(v), nil)
	if err != nil {
		return nil, err
	}
	return l.Runs, nil
}

// Ledger returns what was counted of a pipeline since it was first seen.
func (c *Client) Ledger(ctx context.Context, address string) (*Totals, error) {
	return answer[Totals](ctx, c, http.MethodGet, of(address, "/ledger"), nil)
}

// Files lists the files that are known of a pipeline, with history also earlier ones of the same names.
func (c *Client) Files(ctx context.Context, address string, history bool) ([]File, error) {
	l, err := answer[FileList](ctx, c, http.MethodGet, of(address, "/files?history="+strconv.FormatBool(history)), nil)
	if err != nil {
		return nil, err
	}
	return l.Files, nil
}

// Retry makes the next run read files from their beginning, and returns what was known of them.
func (c *Client) Retry(ctx context.Context, address string, r RetryRequest) ([]File, error) {
	l, err := answer[FileList](ctx, c, http.MethodPost, of(address, "/files/retry"), r)
	if err != nil {
		return nil, err
	}
	return l.Files, nil
}

// Skip marks a file as one that is not read any more, and returns its entry.
func (c *Client) Skip(ctx context.Context, address string, r SkipRequest) (*File, error) {
	return answer[File](ctx, c, http.MethodPost, of(address, "/files/skip"), r)
}

// Rejects lists up to limit refused rows, by number from the given one on.
func (c *Client) Rejects(ctx context.Context, address string, from uint64, limit int) (*RejectList, error) {
	v := url.Values{}
	v.Set("from", strconv.FormatUint(from, 10))
	v.Set("limit", strconv.Itoa(limit))
	return answer[RejectList](ctx, c, http.MethodGet, of(address, "/rejects"+query(v)), nil)
}

// Discard removes refused rows for good, and returns how many there were.
func (c *Client) Discard(ctx context.Context, address string, which RejectChoice) (int, error) {
	d, err := answer[Discarded](ctx, c, http.MethodPost, of(address, "/rejects/discard"), which)
	if err != nil {
		return 0, err
	}
	return d.Discarded, nil
}

// EditReject changes a copy of the text of a refused row, and returns the row with its edits.
func (c *Client) EditReject(ctx context.Context, address string, r EditRequest) (*Reject, error) {
	return answer[Reject](ctx, c, http.MethodPost, of(address, "/rejects/edit"), r)
}

// Reset forgets what is stored of a pipeline, or an identity space (entity.NAME).
func (c *Client) Reset(ctx context.Context, name string) error {
	_, err := answer[Reset](ctx, c, http.MethodPost, "/api/v1/state/reset", ResetRequest{Name: name})
	return err
}

// Replay runs refused rows through the pipeline as it is now, and waits for the end of it.
func (c *Client) Replay(ctx context.Context, address string, which RejectChoice) (*Replayed, error) {
	return answer[Replayed](ctx, c, http.MethodPost, of(address, "/rejects/replay"), which)
}

// Reload makes the server read the folder and take what changed, and waits for the
// verdict. One that is not OK is no error: see its Outcome, and [Problems].
func (c *Client) Reload(ctx context.Context, r ReloadRequest) (*serve.Verdict, error) {
	return answer[serve.Verdict](ctx, c, http.MethodPost, "/api/v1/reload", r)
}

// ReloadLater is Reload without waiting: the verdict is among Reloads later.
func (c *Client) ReloadLater(ctx context.Context, r ReloadRequest) error {
	_, err := answer[Accepted](ctx, c, http.MethodPost, "/api/v1/reload?wait=false", r)
	return err
}

// LastReload returns the last verdict.
func (c *Client) LastReload(ctx context.Context) (*serve.Verdict, error) {
	return answer[serve.Verdict](ctx, c, http.MethodGet, "/api/v1/reload", nil)
}

// Reloads lists the last verdicts, the latest first.
func (c *Client) Reloads(ctx context.Context, limit int) ([]*serve.Verdict, error) {
	l, err := answer[VerdictList](ctx, c, http.MethodGet, "/api/v1/reloads?limit="+strconv.Itoa(limit), nil)
	if err != nil {
		return nil, err
	}
	return l.Reloads, nil
}

// Plan says what a reload would do now. state is as in ReloadRequest.
func (c *Client) Plan(ctx context.Context, state string) (*Planned, error) {
	return answer[Planned](ctx, c, http.MethodPost, "/api/v1/plan", PlanRequest{State: state})
}

// Revision says which configuration is in effect.
func (c *Client) Revision(ctx context.Context) (*Revision, error) {
	return answer[Revision](ctx, c, http.MethodGet, "/api/v1/revision", nil)
}

// Checkpoint makes a copy of the state store, a folder on the server's machine that
// can be opened for reading. The caller removes it with RemoveCheckpoint.
func (c *Client) Checkpoint(ctx context.Context) (dir string, err error) {
	k, err := answer[Checkpoint](ctx, c, http.MethodPost, "/api/v1/state/checkpoint", nil)
	if err != nil {
		return "", err
	}
	return k.Dir, nil
}

// RemoveCheckpoint removes what Checkpoint made.
func (c *Client) RemoveCheckpoint(ctx context.Context, dir string) error {
	_, err := answer[Removed](ctx, c, http.MethodDelete, "/api/v1/state/checkpoint?dir="+url.QueryEscape(dir), nil)
	return err
}

// of returns the path of what belongs to a pipeline.
func of(address, rest string) string { return "/api/v1/pipelines/" + url.PathEscape(address) + rest }

func set(v url.Values, name, value string) {
	if value != "" {
		v.Set(name, value)
	}
}

func query(v url.Values) string {
	if len(v) == 0 {
		return ""
	}
	return "?" + v.Encode()
}

// answer asks and decodes the answer. Verdicts are answers whatever their status.
func answer[T any](ctx context.Context, c *Client, method, path string, body any) (*T, error) {
	resp, err := c.do(ctx, method, path, body)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }() // only read
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		if err := failed(resp.StatusCode, b); err != nil {
			return nil, err
		}
	}
	out := new(T)
	if err := json.Unmarshal(b, out); err != nil {
		return nil, c.stranger(fmt.Errorf("its answer to %s %s cannot be read: %w", method, path, err))
	}
	return out, nil
}

// failed returns the error that an answer tells of; nil when it is a verdict.
func failed(status int, b []byte) error {
	var e struct {
		ErrorBody
		Outcome string `json:"outcome"`
	}
	if err := json.Unmarshal(b, &e); err != nil || e.Error.Message == "" {
		if err == nil && e.Outcome != "" {
			return nil
		}
		e.Error = Error{Code: "http", Message: fmt.Sprintf("the server answered %d %s", status, http.StatusText(status))}
	}
	e.Error.Status = status
	return &e.Error
}

// do sends a request.
func (c *Client) do(ctx context.Context, method, path string, body any) (*http.Response, error) {
	var r io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		r = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.URL, "/")+path, r)
	if err != nil {
		return nil, fmt.Errorf("the address of the server cannot be used: %w", err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.Token.IsSet() {
		req.Header.Set("Authorization", "Bearer "+c.Token.Reveal())
	}
	h := c.HTTP
	if h == nil {
		t := &http.Transport{DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext, DisableKeepAlives: true}
		h = &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	resp, err := h.Do(req)
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	return resp, nil
}

// unreachable tells that the server could not be asked.
func (c *Client) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	return plugin.Fail(plugin.Environment, "env.unreachable", fmt.Errorf("the server at %s cannot be reached: %w", c.URL, err),
		"Check that weir serve runs and that the address is that of its API")
}

// stranger tells that what answers is no server of pipelines.
func (c *Client) stranger(err error) error {
	return plugin.Fail(plugin.Environment, "env.unreachable", fmt.Errorf("what answers at %s is not this weir: %w", c.URL, err), "Check the address")
}

// Problems returns the diagnostics of a verdict that came from a server: those of
// the configuration, then those of the actions.
func Problems(v *serve.Verdict) []diag.JSONDiagnostic {
	out := append([]diag.JSONDiagnostic(nil), v.Diagnostics...)
	for i := range v.Actions {
		out = append(out, v.Actions[i].Diagnostics...)
	}
	return out
}
