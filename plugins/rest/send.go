package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"go.uber.org/zap"

	"weir/engine/plugin"
)

// send makes the request in x.buf until a reply settles it, always with the
// same key, and tells whether the reply is ok; one that is not may still name
// refused rows. After an error nothing of the request may be assumed taken.
func (x *shipment) send(ctx context.Context, u *url.URL, key string, rows int) (*reply, bool, error) {
	if x.sink.keyHeader != "" {
		x.header.Set(x.sink.keyHeader, key)
	}
	began := x.clock.Now()
	for attempt := 1; ; attempt++ {
		if err := x.client.wait(ctx, x.clock); err != nil {
			return nil, false, err
		}
		r, ok, again, err := x.attempt(ctx, u, rows)
		if err == nil || !again {
			return r, ok, err
		}
		pause, err := x.pauseAfter(r, attempt, began, err)
		if err != nil {
			return nil, false, err
		}
		if err := x.clock.Sleep(ctx, pause); err != nil {
			return nil, false, err
		}
	}
}

// attempt makes one request. again tells that err may pass by itself.
func (x *shipment) attempt(ctx context.Context, u *url.URL, rows int) (r *reply, ok, again bool, err error) {
	r, err = x.client.do(ctx, x.sink.method, u, x.header, x.buf, x.sink.reply.limit)
	if err != nil {
		if ctx.Err() != nil {
			return nil, false, false, ctx.Err()
		}
		return nil, false, plugin.ClassOf(err) == plugin.Transient, x.networkError(err, u)
	}
	if r.tooLarge && x.judge.reads() {
		return r, false, false, plugin.Fail(plugin.Environment, "env.reply_too_large",
			fmt.Errorf("%s answered %s with more than %d bytes", x.place(u), statusText(r.status), x.sink.reply.limit),
			"Raise reply.limit if replies are meant to be that long; the rows are sent again with the same key by the next run")
	}
	if x.judge.reads() {
		x.judge.load(r, rows)
	}
	ok, okErr := x.judge.truth(x.judge.ok, r.status >= 200 && r.status < 300)
	if ok && okErr == nil {
		return r, true, false, nil
	}
	if r.status == http.StatusUnauthorized || r.status == http.StatusForbidden {
		// Before reply.reject: wrong credentials are no fault of the rows.
		return r, false, false, x.statusError(r, x.place(u))
	}
	again, againErr := x.judge.truth(x.judge.retry, retryStatus(r.status))
	if againErr != nil {
		again = retryStatus(r.status) // an expression that expects JSON must not turn a gateway's HTML into a stop
	}
	switch {
	case again:
		return r, false, true, x.statusError(r, x.place(u))
	case okErr != nil:
		return r, false, false, x.notUnderstood("ok", r, u, okErr)
	case againErr != nil:
		return r, false, false, x.notUnderstood("retry", r, u, againErr)
	}
	return r, false, false, nil
}

// pauseAfter returns how long to wait before the next request, or the error to
// give up with. A Retry-After holds back every step of the connection.
func (w *writer) pauseAfter(r *reply, attempt int, began time.Time, cause error) (time.Duration, error) {
	o := &w.sink.retry
	now := w.clock.Now()
	pause, why := o.pause(attempt), ""
	if r != nil {
		a := retryAfter(r.header, now)
		if a.odd {
			a.wait = o.longest(now.Sub(began))
			if w.client.oddOnce() {
				w.log.Warn("a Retry-After makes no sense and is taken as the longest wait allowed; this is said once",
					zap.String("retry_after", w.mask.excerpt(r.header.Get("Retry-After"))), zap.Duration("wait", a.wait))
			}
		}
		switch {
		case a.wait > o.after:
			why = fmt.Sprintf("; the server asks to wait %s, longer than retry.after = %s", a.wait, o.after)
		case a.given && a.wait > 0:
			w.client.pause(now.Add(a.wait))
			pause = a.wait
		}
	}
	if why == "" && attempt < o.attempts && now.Add(pause).Sub(began) <= o.elapsed {
		reason := cause
		if f := (*plugin.Failure)(nil); errors.As(cause, &f) {
			reason = f.Err // its advice is for the end of the attempts
		}
		w.log.Warn("request is repeated", zap.Int("attempt", attempt), zap.Duration("pause", pause), zap.String("reason", reason.Error()))
		return pause, nil
	}
	if attempt > 1 {
		why = fmt.Sprintf("; gave up after %d requests", attempt) + why
	}
	var f *plugin.Failure
	if !errors.As(cause, &f) {
		return 0, plugin.Fail(plugin.Transient, "env.unavailable", fmt.Errorf("%w%s", cause, why), "")
	}
	advice := f.Advice
	if advice == "" || f.Class != plugin.Transient {
		advice = "The rows are sent again with the same key by the next run"
	}
	return 0, plugin.Fail(plugin.Transient, f.Code, fmt.Errorf("%w%s", f.Err, why), advice)
}

// networkError names the request. Only the text of err goes on: what it wraps
// may hold addresses with credentials (I9).
func (w *writer) networkError(err error, u *url.URL) error {
	var f *plugin.Failure
	if !errors.As(err, &f) {
		return plugin.Fail(plugin.Transient, "env.unreachable", fmt.Errorf("%s: %s", w.place(u), w.mask.excerpt(err.Error())), "")
	}
	return plugin.Fail(f.Class, f.Code, fmt.Errorf("%s: %s", w.place(u), w.mask.excerpt(f.Err.Error())), f.Advice)
}

// notUnderstood is the error of a reply for which an expression fails.
func (w *writer) notUnderstood(option string, r *reply, u *url.URL, err error) error {
	return plugin.Fail(plugin.Data, "run.reply_not_understood",
		fmt.Errorf("%s answered %s, and reply.%s fails for that reply: %s; the reply begins: %s", w.place(u), statusText(r.status), option, w.mask.excerpt(err.Error()), w.mask.excerpt(errorText(r))),
		"Make the expression hold for every reply, such as with body?.errors ?? []; the rows are sent again with the same key by the next run")
}
