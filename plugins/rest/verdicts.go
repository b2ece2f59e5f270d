package rest

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What names and values in replies mean, as the interfaces of this world write them. Names
// are compared word by word: insertErrors, FailedRecordCount and num_errors are words that
// tell of failures beside words that do not matter, last_error_at and failed_attempts are not.
var (
	// failing holds the words for what exists only when something failed.
	failing = []string{"error", "errors", "err", "errs", "errored", "errcode", "errno", "errmsg", "errorcode", "errormessage", "fail", "failed", "failing", "failure", "failures", "rejected", "rejections", "refused", "invalid",
		"unprocessed", "unprocessable", "undelivered", "undeliverable", "unsuccessful", "exception", "exceptions", "fault", "faults", "faultstring", "faultcode", "denied", "violations"}
	// failingAfterNot holds those that do so behind "not".
	failingAfterNot = []string{"processed", "accepted", "delivered", "stored", "saved", "imported", "inserted", "created", "sent", "taken", "added", "updated"}
	// beside holds the words that may stand beside them.
	beside = []string{"has", "is", "num", "number", "count", "counts", "total", "totals", "of", "with", "the", "insert", "write", "put", "update", "upsert", "user", "users", "partial", "validation", "api",
		"row", "rows", "item", "items", "record", "records", "entry", "entries", "line", "lines", "event", "events", "message", "messages", "msg", "code", "codes", "detail", "details", "description",
		"reason", "reasons", "list", "response", "result", "results", "request", "requests", "soap", "env", "bulk", "batch", "global", "field", "fields", "data", "contacts", "customers", "subscribers",
		"products", "orders", "documents", "docs", "objects", "keys", "ids", "text", "info", "string", "type"}
	// succeeding are false when something failed.
	succeeding = []string{"success", "succeeded", "successful", "ok", "issuccess", "acknowledged", "accepted", "processed", "valid", "isvalid", "stored", "saved", "delivered"}
	// counting hold how many rows were taken.
	counting = []string{"accepted", "acceptedcount", "numaccepted", "succeeded", "successcount", "succeededcount", "successfulcount", "numsucceeded"}
	// judging hold a word for the outcome, or a status of HTTP.
	judging = []string{"status", "statuscode", "result", "outcome", "httpstatus", "httpcode", "httpstatuscode", "returncode", "resultcode", "responsecode", "retcode"}
	// failedWords are such words. Those that orders and payments have as a state are not among them: replies often repeat what was sent.
	failedWords = []string{"error", "errors", "fail", "failed", "failure", "partial", "partialsuccess", "partialfailure", "exception", "nok", "ko", "notok"}
	// listing hold one item for each row.
	listing = []string{"items", "results", "responses", "result", "data", "rows", "records", "events", "offsets"}
	// saying hold the text of a failure, or what it is about.
	saying = []string{"message", "messages", "msg", "reason", "detail", "details", "description", "title", "error", "errors", "code", "errmsg", "errormessage", "field", "path", "type"}
	// busyWords are parts of the codes with which an item is refused for now.
	busyWords = []string{"throttl", "throughputexceeded", "toomanyrequests", "ratelimit", "rejectedexecution", "serviceunavailable", "slowdown", "serverbusy", "tryagain"}
)

func squeezed(name string) string {
	return strings.NewReplacer("_", "", "-", "", " ", "", ".", "").Replace(strings.ToLower(name))
}

// words returns the words of a name, in lower case.
func words(name string) []string {
	var out []string
	begin, before := 0, ' '
	for i, r := range name {
		apart := !unicode.IsLetter(r) && !unicode.IsDigit(r)
		next, _ := utf8.DecodeRuneInString(name[i+len(string(r)):])
		if apart || unicode.IsUpper(r) && (!unicode.IsUpper(before) || unicode.IsLower(next)) {
			if i > begin {
				out = append(out, strings.ToLower(name[begin:i]))
			}
			if begin = i; apart {
				begin = i + len(string(r))
			}
		}
		before = r
	}
	if begin < len(name) {
		out = append(out, strings.ToLower(name[begin:]))
	}
	return out
}

// tellsFailure reports whether what has this name exists only when something failed.
func tellsFailure(name string) bool {
	found, not := false, false
	for _, w := range words(name) {
		switch {
		case slices.Contains(failing, w), not && slices.Contains(failingAfterNot, w):
			found = true
		case w == "not":
			not = true
			continue
		case !slices.Contains(beside, w):
			return false
		}
		not = false
	}
	return found || squeezed(name) == "haserror" || squeezed(name) == "haserrors"
}

// failedValue tells whether a reply or an item of one row says that something failed.
func failedValue(v any) bool { return failedOf(v, 1) }

// failedOf is failedValue for a reply to a request of that many rows.
func failedOf(v any, rows int) bool {
	m, ok := v.(map[string]any)
	if !ok {
		return false
	}
	for name, v := range m {
		switch n := squeezed(name); {
		case !empty(v) && tellsFailure(name):
			return true
		case slices.Contains(succeeding, n) && isNo(v):
			return true
		case slices.Contains(counting, n) && fewer(v, rows):
			return true
		case slices.Contains(judging, n) && badOutcome(v):
			return true
		case n == "code" && badCode(v, m):
			return true
		}
	}
	return false
}

func isNo(v any) bool {
	switch v := v.(type) {
	case bool:
		return !v
	case int:
		return v == 0
	case string:
		return slices.Contains([]string{"false", "no", "n", "0", "ko", "nok"}, strings.ToLower(v))
	}
	return false
}

// fewer reports whether v counts rows, and not all of them.
func fewer(v any, rows int) bool {
	n, ok := v.(int)
	return ok && n >= 0 && n < rows
}

// badCode judges what is called code, which rows have too: it says something when a message
// stands beside it.
func badCode(v any, m map[string]any) bool {
	said := false
	for name, v := range m {
		n := squeezed(name)
		said = said || n != "code" && n != "type" && n != "path" && slices.Contains(saying, n) && !empty(v)
	}
	if !said {
		return false
	}
	text, ok := v.(string)
	if !ok {
		n, number := v.(int)
		return badOutcome(v) || number && (n < 0 || n >= 1000) // 0 and what HTTP has are no failures
	}
	text = squeezed(text)
	for _, part := range []string{"error", "invalid", "fail", "denied", "exception"} {
		if strings.Contains(text, part) {
			return true
		}
	}
	return badOutcome(v)
}

func badOutcome(v any) bool {
	switch v := v.(type) {
	case int:
		return v >= 400 && v < 600
	case float64:
		return v >= 400 && v < 600
	case string:
		n := squeezed(v)
		if slices.Contains(failedWords, n) || strings.HasPrefix(n, "completedwith") || strings.HasPrefix(n, "partiallyfailed") {
			return n != "completedwithouterrors"
		}
		return len(v) >= 3 && (v[0] == '4' || v[0] == '5') && strings.Trim(v[:3], "0123456789") == "" && (len(v) == 3 || v[3] == ' ')
	}
	return false
}

// busyItem reports whether an item says that its row may be taken later.
func busyItem(m map[string]any) bool {
	for name, v := range m {
		if inner, ok := v.(map[string]any); ok && tellsFailure(name) && busyItem(inner) {
			return true
		}
		switch n := squeezed(name); {
		case slices.Contains(judging, n):
			if code, ok := whole(v); ok && (code == 429 || code == 503) {
				return true
			}
		case n == "code" || n == "type" || tellsFailure(name):
			if code, ok := whole(v); ok && n == "code" && (code == 429 || code == 503) {
				return true
			}
			text, _ := v.(string)
			text = squeezed(text)
			for _, part := range busyWords {
				if strings.Contains(text, part) {
					return true
				}
			}
		}
	}
	return false
}

func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return !v
	case string:
		t := strings.ToLower(strings.TrimSpace(v))
		return t == "" || t == "0" || t == "false" || t == "none" || t == "null" || t == "no" || t == "ok" || t == "success"
	case []any: // one for each row, of which none has anything
		return !slices.ContainsFunc(v, func(e any) bool { return e != nil && e != "" && !hollow(e) })
	case map[string]any:
		for name, e := range v {
			w := words(name)
			counts := slices.ContainsFunc(w, func(w string) bool { return slices.Contains([]string{"count", "counts", "num", "total", "code"}, w) })
			if _, number := e.(int); !empty(e) || number && !counts { // 0 may be the place of a row
				return false
			}
		}
		return true
	case int:
		return v == 0
	case float64:
		return v == 0
	}
	return false
}

func hollow(v any) bool {
	switch v := v.(type) {
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}
