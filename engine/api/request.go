package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"weir/engine/diag"
)

// maxBody bounds the body of a request, in bytes: a plan of many thousand pipelines fits.
const maxBody = 16 << 20

// bodyTime is how long a body may take to arrive.
const bodyTime = 30 * time.Second

func badRequest(code, format string, args ...any) *Error {
	return &Error{Status: http.StatusBadRequest, Code: code, Message: fmt.Sprintf(format, args...)}
}

// read decodes the body of a request into v; none at all leaves v as it is.
func (a *API) read(w http.ResponseWriter, r *http.Request, v any) error {
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(a.clock.Now().Add(bodyTime)) // a writer that knows no deadlines has none
	defer func() { _ = rc.SetReadDeadline(time.Time{}) }()
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	dec.DisallowUnknownFields()
	err := dec.Decode(v)
	if err == nil {
		if _, err = dec.Token(); err == nil {
			return badRequest("bad_body", "The body has more than one JSON value")
		}
	}
	var (
		large  *http.MaxBytesError
		syntax *json.SyntaxError
		typ    *json.UnmarshalTypeError
	)
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case errors.As(err, &large):
		return &Error{Status: http.StatusRequestEntityTooLarge, Code: "too_large", Message: fmt.Sprintf("The body has more than %d bytes", maxBody)}
	case errors.As(err, &syntax):
		return badRequest("bad_body", "The body is no JSON: at byte %d: %v", syntax.Offset, err)
	case errors.As(err, &typ):
		return badRequest("bad_body", "The body does not fit: %s is a %s, and should be a %s", typ.Field, typ.Value, typ.Type)
	}
	if _, name, ok := strings.Cut(err.Error(), "unknown field "); ok {
		name = strings.Trim(name, `"`)
		known := fieldNames(reflect.TypeOf(v).Elem())
		e := badRequest("unknown_field", "The body has an unknown field %q; there is %s", name, strings.Join(known, ", "))
		e.DidYouMean = diag.Suggest(name, known)
		return e
	}
	return badRequest("bad_body", "The body cannot be read: %v", err)
}

// fieldNames lists the fields of a body.
func fieldNames(t reflect.Type) []string {
	var out []string
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		out = append(out, name)
	}
	return out
}

// checkQuery refuses parameters that the route does not know.
func (to *route) checkQuery(q url.Values) *Error {
	for name := range q {
		if slices.ContainsFunc(to.query, func(p param) bool { return p.name == name }) {
			continue
		}
		known := make([]string, len(to.query))
		for i, p := range to.query {
			known[i] = p.name
		}
		e := badRequest("unknown_parameter", "There is no parameter %q here", name)
		e.DidYouMean = diag.Suggest(name, known)
		return e
	}
	return nil
}

// limit reads the parameter limit; it is def when there is none, and at most most.
func limit(r *http.Request, def, most int) (int, error) {
	s := r.URL.Query().Get("limit")
	if s == "" {
		return def, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > most {
		return 0, badRequest("bad_parameter", "limit = %q is no number from 1 to %d", s, most)
	}
	return n, nil
}

// flag reads a parameter that is true or false.
func flag(r *http.Request, name string, def bool) (bool, error) {
	switch s := r.URL.Query().Get(name); s {
	case "":
		return def, nil
	case "true":
		return true, nil
	case "false":
		return false, nil
	default:
		return false, badRequest("bad_parameter", "%s = %q is neither true nor false", name, s)
	}
}

// checkState refuses what is no answer for stored state.
func checkState(s string) error {
	known := []string{"keep", "rebuild", "fork"}
	if s == "" || slices.Contains(known, s) {
		return nil
	}
	e := badRequest("bad_state", "state = %q is none of keep, rebuild and fork", s)
	e.DidYouMean = diag.Suggest(s, known)
	return e
}
