package rest

import (
	"bytes"
	"encoding/xml"
	"net/url"
	"slices"
	"strings"
)

// failedText tells whether a reply that is no JSON says that something failed: XML, an
// encoded form, or text for people.
func failedText(text []byte, rows int) bool {
	if text[0] == '<' {
		return failedXML(text, rows)
	}
	if bytes.IndexByte(text, '=') > 0 && !bytes.ContainsAny(text, " \r\n") {
		if form, err := url.ParseQuery(string(text)); err == nil {
			m := make(map[string]any, len(form))
			for name := range form {
				m[name] = form.Get(name)
			}
			return failedOf(m, rows)
		}
	}
	const most = 20 // lines that are looked at
	for i, line := range strings.SplitN(string(text), "\n", most+1) {
		if i < most && failedLine(line) {
			return true
		}
	}
	return false
}

// failedLine tells whether a line of text begins as that of a failure.
func failedLine(line string) bool {
	fields := strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \t\r:;,.!?-()[]<>/\"'*#|", r) })
	if len(fields) == 0 {
		return false
	}
	first := strings.ToLower(fields[0])
	if first == "fatal" || first == "nok" || first == "ko" || first == "traceback" || first == "panic" || first == "unauthorized" || first == "forbidden" {
		return true
	}
	// "errors: 0" and "error = none" are none.
	if !slices.ContainsFunc(words(fields[0]), func(w string) bool { return slices.Contains(failing, w) }) {
		return false
	}
	return len(fields) == 1 || !empty(strings.TrimPrefix(fields[1], "="))
}

// failedXML tells the same of markup, in which elements and attributes are named as the
// fields of JSON are. What comes before it ceases to be markup counts.
func failedXML(text []byte, rows int) bool {
	dec := xml.NewDecoder(bytes.NewReader(text))
	dec.Strict = false
	dec.CharsetReader = nil
	var open []string
	for {
		tok, err := dec.RawToken()
		if err != nil {
			return false
		}
		switch t := tok.(type) {
		case xml.StartElement:
			open = append(open, t.Name.Local)
			for _, a := range t.Attr {
				if failedOf(map[string]any{a.Name.Local: a.Value}, rows) {
					return true
				}
			}
		case xml.EndElement:
			open = open[:max(len(open)-1, 0)]
		case xml.CharData:
			value := strings.TrimSpace(string(t))
			if value == "" || len(open) == 0 {
				continue
			}
			if failedOf(map[string]any{open[len(open)-1]: value}, rows) {
				return true
			}
			if n := len(open) - 1; n > 0 && !empty(value) && slices.ContainsFunc(open[:n], tellsFailure) {
				return true
			}
		}
	}
}
