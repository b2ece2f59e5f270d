package rest

import (
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"weir/engine/spec"
)

// retry is the retry block of the sink.
type retry struct {
	attempts int
	elapsed  time.Duration
	base     time.Duration
	max      time.Duration
	after    time.Duration
}

func (r *retry) spec() spec.Item {
	return spec.Block("retry", nil, "How requests are repeated that got no reply or a reply that asks for it.",
		spec.Int("attempts", &r.attempts).Default(5, "5").Doc("Most requests for one delivery, the first included.").Check(spec.Between(1, 1000)),
		spec.Duration("elapsed", &r.elapsed).Default(5*time.Minute, `"5m"`).Doc("No retry is started later than this after the first request."),
		spec.Duration("base", &r.base).Default(500*time.Millisecond, `"500ms"`).Doc("Longest pause before the second request; it doubles each time. The pause taken is random below that.").Check(positive),
		spec.Duration("max", &r.max).Default(30*time.Second, `"30s"`).Doc("Longest pause between requests.").Check(positive),
		spec.Duration("after", &r.after).Default(2*time.Minute, `"2m"`).Doc("Longest Retry-After that is waited for; a longer one ends the run, and a later run goes on. One that makes no sense, such as a negative number, is taken as that long."),
	)
}

// pause returns the time to wait after the given number of attempts: exponential
// with full jitter, so that many clients do not come back together.
func (r *retry) pause(attempts int) time.Duration {
	d := r.max
	if shift := attempts - 1; shift < 40 {
		if p := r.base << shift; p > 0 && p>>shift == r.base {
			d = min(p, r.max)
		}
	}
	return time.Duration(rand.Int64N(int64(d) + 1)) //nolint:gosec // spreads load, protects nothing
}

// absurd is the Retry-After from which on it is taken for a mistake; monthly quotas are below.
const absurd = 32 * 24 * time.Hour

// asked is what a Retry-After says.
type asked struct {
	given bool
	wait  time.Duration
	odd   bool // it names no time, or none that is meant: wait is not set
}

// retryAfter reads the header Retry-After, seconds or an HTTP date, as a time to wait from now.
func retryAfter(h http.Header, now time.Time) asked {
	s := strings.TrimSpace(h.Get("Retry-After"))
	if s == "" {
		return asked{}
	}
	if n, err := strconv.ParseFloat(s, 64); err == nil && n >= 0 && n <= absurd.Seconds() && strings.Trim(s, "0123456789.") == "" {
		return asked{given: true, wait: time.Duration(math.Ceil(n * float64(time.Second)))}
	}
	t, err := http.ParseTime(s)
	if err != nil || t.Sub(now) > absurd || now.Sub(t) > absurd {
		return asked{given: true, odd: true}
	}
	return asked{given: true, wait: max(t.Sub(now), 0)}
}

// longest is the longest wait that is left of what the options allow, with the first
// request the given time ago.
func (r *retry) longest(since time.Duration) time.Duration {
	return max(min(r.after, r.elapsed-since), 0)
}

// retryStatus is the default of reply.retry: what says that the same request may succeed later.
func retryStatus(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests,
		http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}
