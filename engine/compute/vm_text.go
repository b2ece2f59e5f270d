package compute

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"weir/engine/record"
)

// textFunctions are expr's built-ins of texts, in characters and within the run's budget.
func textFunctions(add func(name string, f func(r *run, a []any) (any, error))) {
	add("repeat", func(r *run, a []any) (any, error) { return r.repeat(a) })
	add("replace", func(r *run, a []any) (any, error) { return r.replace(a) })
	add("join", func(r *run, a []any) (any, error) { return r.join(a) })
	add("split", func(r *run, a []any) (any, error) { return r.split("split", strings.SplitN, a) })
	add("splitAfter", func(r *run, a []any) (any, error) { return r.split("splitAfter", strings.SplitAfterN, a) })
	find := func(name string, at func(b, sub []byte) int) {
		add(name, func(_ *run, a []any) (any, error) {
			s, err := texts(name, a)
			if err != nil {
				return nil, err
			}
			return at(view(s[0]), view(s[1])), nil
		})
	}
	find("indexOf", indexOf)
	find("lastIndexOf", lastIndexOf)
	add("len", func(_ *run, a []any) (any, error) { return length(a[0]) })
	add("fromJSON", func(r *run, a []any) (any, error) {
		s, err := texts("fromJSON", a)
		if err != nil {
			return nil, err
		}
		v, err := record.ParseJSON(view(s[0]))
		if err != nil {
			return nil, fmt.Errorf("fromJSON() was given a text that is %w", err)
		}
		return v, nil
	})
	add("toBase64", func(r *run, a []any) (any, error) {
		s, err := texts("toBase64", a)
		if err != nil {
			return nil, err
		}
		return base64.StdEncoding.EncodeToString(view(s[0])), r.grow(base64.StdEncoding.EncodedLen(len(s[0])))
	})
	add("fromBase64", func(_ *run, a []any) (any, error) {
		s, err := texts("fromBase64", a)
		if err != nil {
			return nil, err
		}
		return fromBase64(s[0])
	})
	add("duration", func(_ *run, a []any) (any, error) {
		s, err := texts("duration", a)
		if err != nil {
			return nil, err
		}
		d, err := time.ParseDuration(s[0])
		if err != nil {
			return nil, errors.New("duration() was given a text that is no span of time, such as 90m or 1h30m")
		}
		return d, nil
	})
}

// texts returns the arguments of a function that takes only texts.
func texts(name string, args []any) ([]string, error) {
	out := make([]string, len(args))
	for i, a := range args {
		s, ok := a.(string)
		if !ok {
			return nil, fmt.Errorf("%s() needs a string, not %s", name, kindWord(a))
		}
		out[i] = s
	}
	return out, nil
}

// wholeArg returns an argument that is a whole number.
func wholeArg(name string, v any) (int, error) {
	n, ok := v.(int)
	if !ok {
		return 0, fmt.Errorf("%s() needs a whole number, not %s", name, kindWord(v))
	}
	return n, nil
}

func length(v any) (any, error) {
	switch v := v.(type) {
	case string:
		return utf8.RuneCountInString(v), nil
	case map[string]any:
		return len(v), nil
	}
	l, ok := asList(v)
	if !ok {
		return nil, fmt.Errorf("len() needs a string, a list or an object, not %s", kindWord(v))
	}
	return len(l), nil
}

func fromBase64(s string) (any, error) {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return nil, errors.New("fromBase64() was given a text that is not base64")
	}
	if !utf8.Valid(b) {
		return nil, errors.New("fromBase64() was given bytes that are not text in UTF-8")
	}
	return string(b), nil
}

// split is split() and splitAfter(), which cut is. A limit is the most parts that
// there may be, the last of which is the rest; a negative one is none.
func (r *run) split(name string, cut func(s, sep string, n int) []string, a []any) (any, error) {
	s, err := texts(name, a[:2])
	if err != nil {
		return nil, err
	}
	limit := -1
	if len(a) == 3 {
		if limit, err = wholeArg(name, a[2]); err != nil {
			return nil, err
		}
	}
	n := strings.Count(s[0], s[1]) + 1
	if limit >= 0 {
		n = min(n, limit)
	}
	if err := r.more(n); err != nil {
		return nil, err
	}
	return boxed(cut(s[0], s[1], limit)), nil
}

func (r *run) repeat(a []any) (any, error) {
	t, err := texts("repeat", a[:1])
	if err != nil {
		return nil, err
	}
	s := t[0]
	n, err := wholeArg("repeat", a[1])
	if err != nil {
		return nil, err
	}
	if n < 0 {
		return nil, errors.New("repeat() needs a number that is not negative")
	}
	if len(s) > 0 && n > r.bytes/len(s) {
		return nil, errBytes
	}
	return strings.Repeat(s, n), r.grow(len(s) * n)
}

func (r *run) replace(a []any) (any, error) {
	t, err := texts("replace", a[:3])
	if err != nil {
		return nil, err
	}
	s, from, to := t[0], t[1], t[2]
	limit := -1
	if len(a) == 4 {
		if limit, err = wholeArg("replace", a[3]); err != nil {
			return nil, err
		}
	}
	n := strings.Count(s, from)
	if limit >= 0 {
		n = min(n, limit)
	}
	if err := r.grow(len(s) + n*max(0, len(to)-len(from))); err != nil {
		return nil, err
	}
	return strings.Replace(s, from, to, limit), nil
}

func (r *run) join(a []any) (any, error) {
	l, ok := asList(a[0])
	if !ok {
		return nil, fmt.Errorf("join() needs a list, not %s", kindWord(a[0]))
	}
	glue := ""
	if len(a) == 2 {
		t, err := texts("join", a[1:])
		if err != nil {
			return nil, err
		}
		glue = t[0]
	}
	parts := make([]string, len(l))
	for i, e := range l {
		s, ok := e.(string)
		if !ok {
			return nil, fmt.Errorf("join() needs strings, not %s", kindWord(e))
		}
		if err := r.grow(len(s) + len(glue)); err != nil {
			return nil, err
		}
		parts[i] = s
	}
	return strings.Join(parts, glue), nil
}
