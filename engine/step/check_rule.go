package step

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"weir/engine/diag"
	"weir/engine/record"
	"weir/engine/spec"
)

// codeCheckFailed is the code of every reject of a check step.
const codeCheckFailed = "row.check_failed"

// test is one bound rule or reference table.
type test struct {
	cond       formula
	column     string
	table      map[string]struct{} // of in; nil for a rule
	allowEmpty bool
	message    message
	text       string // the condition as written, for a message of our own
}

func bindRule(b Binding, r *Rule) (test, diag.List) {
	f, ds := compile(b.Compiler, b.In, r.That, record.Bool)
	m, md := bindMessage(b, r.Message)
	return test{cond: f, message: m, text: fmt.Sprintf("%s: %s", r.Name, r.That.S)}, append(ds, md...)
}

func bindIn(b Binding, t *In) (test, diag.List) {
	f, ds := compile(b.Compiler, b.In, t.Field, record.Invalid)
	if f.expr != nil {
		if k := f.expr.Type().Kind; !isKeyKind(k) {
			ds = append(ds, diag.Errorf("plan.bad_key", b.At.Of(&t.Field), "The value cannot be looked up",
				"field is a %s here. A table is looked up by text, a whole number, a decimal, a bool or a date.", k))
		}
	}
	m, md := bindMessage(b, t.Message)
	table, err := tableOf(t.Values)
	if err != nil {
		ds = append(ds, diag.Errorf("config.invalid_value", b.At.Of(&t.Values), "Invalid value for values", "values %s.", err))
	}
	return test{cond: f, column: strings.TrimSpace(t.Field.S), table: table, allowEmpty: t.AllowEmpty, message: m}, append(ds, md...)
}

// testRunner executes a test.
type testRunner struct {
	test
	eval evaluator
	buf  []byte
	part record.Batch // the failing rows, to evaluate the message for
}

// apply rejects the rows of in that fail, using failed as scratch memory.
func (t *testRunner) apply(in *record.Batch, step string, failed []int32) []int32 {
	from := len(in.Rejects)
	col := t.eval.rows(in, step, t.column)
	in.Drop(from)
	failed = failed[:0]
	for k := range in.Live() {
		i := in.Row(k)
		if t.table != nil {
			text := cellText(&t.buf, col, i)
			if _, ok := t.table[string(text)]; !ok && (len(text) > 0 || !t.allowEmpty) {
				failed = append(failed, int32(i))
			}
			continue
		}
		switch v, ok := truth(col, i); {
		case !ok && t.message.isZero():
			in.Reject(i, step, t.column, codeNoCondition, reasonNoCondition+" ("+t.text+")")
		case !v:
			failed = append(failed, int32(i))
		}
	}
	t.refuse(in, step, col, failed)
	return failed
}

// refuse rejects the rows that failed, with their messages.
func (t *testRunner) refuse(in *record.Batch, step string, col *record.Column, failed []int32) {
	if len(failed) == 0 {
		return
	}
	if !t.message.isZero() {
		t.part = *in
		t.part.Sel, t.part.Rejects = failed, nil
		texts := t.message.render(&t.part, step)
		for k, i := range failed {
			in.Reject(int(i), step, t.column, codeCheckFailed, texts[k])
		}
		return
	}
	for _, i := range failed {
		reason := t.text
		if t.table != nil {
			v := string(clip(appendText(nil, col, int(i)), 80))
			reason = fmt.Sprintf("%q is not in the table of %s.%s", v, t.column, suggestion(v, sortedKeys(t.table)))
		}
		in.Reject(int(i), step, t.column, codeCheckFailed, reason)
	}
}

// message is text with values of the row in it.
type message struct {
	parts []messagePart
}

type messagePart struct {
	text  string
	value formula // when its expr is set
}

func (m message) isZero() bool { return len(m.parts) == 0 }

func (m message) reads() []record.Slot {
	var out []record.Slot
	for _, p := range m.parts {
		if p.value.expr != nil {
			out = append(out, p.value.expr.Reads()...)
		}
	}
	return out
}

// bindMessage splits t into text and {expression}; {{ and }} are braces.
func bindMessage(b Binding, t spec.Text) (message, diag.List) {
	var m message
	var ds diag.List
	var text strings.Builder
	runes := []rune(t.S)
	for i := 0; i < len(runes); i++ {
		if i+1 < len(runes) && runes[i] == runes[i+1] && (runes[i] == '{' || runes[i] == '}') {
			text.WriteRune(runes[i])
			i++
			continue
		}
		if runes[i] != '{' {
			text.WriteRune(runes[i])
			continue
		}
		end := closing(runes, i)
		rng := t.RuneRange(i, end+1)
		if end == len(runes) {
			ds = append(ds, diag.Errorf("expr.syntax", &rng, "A brace is not closed", "Close it as {expression}, or write {{ for a brace."))
			break
		}
		f, fd := compile(b.Compiler, b.In, spec.Text{S: string(runes[i+1 : end]), Range: rng}, record.Invalid)
		ds = append(ds, fd...)
		m.parts = append(m.parts, messagePart{text: text.String()}, messagePart{value: f})
		text.Reset()
		i = end
	}
	if text.Len() > 0 {
		m.parts = append(m.parts, messagePart{text: text.String()})
	}
	return m, ds
}

// closing returns the place of the brace that closes the one at i, or len(rs).
// Braces in quotes do not count.
func closing(rs []rune, i int) int {
	depth, quote := 0, rune(0)
	for ; i < len(rs); i++ {
		switch c := rs[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"' || c == '`':
			quote = c
		case c == '{':
			depth++
		case c == '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return i
}

// render returns the message for each selected row of b. A value that cannot be
// computed shows as "?": the row is refused anyway.
func (m message) render(b *record.Batch, step string) []string {
	out := make([][]byte, b.Live())
	for _, p := range m.parts {
		if p.value.expr == nil {
			for k := range out {
				out[k] = append(out[k], p.text...)
			}
			continue
		}
		b.Rejects = b.Rejects[:0]
		e := p.value.evaluator()
		col := e.rows(b, step, "message")
		bad := map[int]bool{}
		for _, r := range b.Rejects {
			bad[r.Row] = true
		}
		for k := range out {
			switch i := b.Row(k); {
			case bad[i]:
				out[k] = append(out[k], '?')
			case col.IsNull(i):
				out[k] = append(out[k], "nil"...)
			default:
				out[k] = append(out[k], clip(appendText(nil, col, i), 200)...)
			}
		}
	}
	texts := make([]string, len(out))
	for k, t := range out {
		texts[k] = string(t)
	}
	return texts
}

// clip cuts b to at most n bytes at a character, marking the cut.
func clip(b []byte, n int) []byte {
	if len(b) <= n {
		return b
	}
	for n > 0 && !utf8.RuneStart(b[n]) {
		n--
	}
	return append(b[:n:n], "..."...)
}
