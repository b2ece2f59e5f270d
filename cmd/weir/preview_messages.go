package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"weir/engine"
	"weir/engine/plugin"
)

// shownBytes and shownLines bound what a preview prints of a body for people.
const (
	shownBytes = 64 << 10
	shownLines = 60
)

// jsonMessages is what a sink would send, for those that show it.
type jsonMessages struct {
	Requests      []jsonMessage `json:"requests"` // the first of them
	RequestsTotal int           `json:"requests_total"`
	BatchRows     int           `json:"batch_rows"` // most rows in one; 0 is no limit
}

type jsonMessage struct {
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
	Rows    int               `json:"rows"`
	Bytes   int               `json:"bytes"` // of the body
	Body    json.RawMessage   `json:"body"`  // a text where it is no JSON
}

func messagesJSON(s *engine.PreviewStep) *jsonMessages {
	if !s.Shows {
		return nil
	}
	out := &jsonMessages{Requests: []jsonMessage{}, RequestsTotal: s.Sent, BatchRows: s.Batch}
	for _, m := range s.Messages {
		j := jsonMessage{Method: m.Method, URL: m.URL, Headers: map[string]string{}, Rows: m.Rows, Bytes: len(m.Body), Body: m.Body}
		for _, h := range m.Headers {
			j.Headers[h.Name] = h.Value
		}
		if !json.Valid(m.Body) {
			j.Body, _ = json.Marshal(string(m.Body)) // a string always encodes
		}
		out.Requests = append(out.Requests, j)
	}
	return out
}

// printMessages shows what a sink would send.
func (a *app) printMessages(s *engine.PreviewStep) error {
	if !s.Shows || s.Sent == 0 {
		return nil
	}
	head := fmt.Sprintf("%s would make %s of these rows", s.Address, count(int64(s.Sent), "request"))
	if s.Batch > 1 {
		head += fmt.Sprintf("; one has at most %d rows", s.Batch)
	}
	if n := len(s.Messages); n < s.Sent {
		head += fmt.Sprintf(". The first %d", n)
	}
	var sb strings.Builder
	sb.WriteString("\n" + head + ":\n")
	for i := range s.Messages {
		message(&sb, &s.Messages[i])
	}
	_, err := fmt.Fprint(a.stdout, printableLines(sb.String()))
	return err
}

// message writes one message as it would go over the line, its body laid out.
func message(sb *strings.Builder, m *plugin.Message) {
	fmt.Fprintf(sb, "\n  %s %s\n", m.Method, m.URL)
	for _, h := range m.Headers {
		fmt.Fprintf(sb, "  %s: %s\n", h.Name, h.Value)
	}
	sb.WriteString("\n")
	var laid bytes.Buffer
	text := m.Body
	if err := json.Indent(&laid, m.Body, "", "  "); err == nil {
		text = laid.Bytes()
	}
	left := 0
	if len(text) > shownBytes {
		cut := shownBytes
		for cut > 0 && !utf8.RuneStart(text[cut]) {
			cut--
		}
		left, text = len(text)-cut, text[:cut]
	}
	lines := strings.Split(string(text), "\n")
	if len(lines) > shownLines {
		left += len(strings.Join(lines[shownLines:], "\n"))
		lines = lines[:shownLines]
	}
	for _, l := range lines {
		fmt.Fprintf(sb, "  %s\n", l)
	}
	if left > 0 {
		fmt.Fprintf(sb, "  ... and %s more; --json shows all of it\n", count(int64(left), "byte"))
	}
}
