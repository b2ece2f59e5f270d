package diag

import (
	"encoding/json"
	"io"

	"github.com/hashicorp/hcl/v2"
)

// JSONDiagnostic is the form in which a Diagnostic is printed for programs.
// Its field names are a contract with scripts and editors.
type JSONDiagnostic struct {
	Severity string     `json:"severity"` // "error" or "warning"
	Code     Code       `json:"code"`
	Summary  string     `json:"summary"`
	Detail   string     `json:"detail"`
	Range    *JSONRange `json:"range,omitempty"`   // of Subject; absent when there is none
	Context  *JSONRange `json:"context,omitempty"` // wider text around range, such as the header of its block; absent when there is none
	Fix      string     `json:"fix,omitempty"`     // text to write in the place of range, when it is certain
	Row      *JSONRow   `json:"row,omitempty"`     // absent unless the problem is in data
	More     int        `json:"more,omitempty"`    // how many problems it stands for, when there are too many to tell each
}

// JSONRange is a range in a file; End is the position after the last character.
type JSONRange struct {
	File  string  `json:"file"`
	Start JSONPos `json:"start"`
	End   JSONPos `json:"end"`
}

// JSONPos is a position: line and column count from 1, columns in characters, bytes from 0.
type JSONPos struct {
	Line   int `json:"line"`
	Column int `json:"column"`
	Byte   int `json:"byte"`
}

// JSONRow is a place in data; line and column are absent when unknown.
type JSONRow struct {
	Object string `json:"object"`
	Row    int64  `json:"row"`
	Line   int64  `json:"line,omitempty"`
	Column string `json:"column,omitempty"`
}

// ToJSON returns l in its form for programs, in order and never nil, so that
// "no problems" prints as an empty list.
func ToJSON(l List) []JSONDiagnostic {
	out := make([]JSONDiagnostic, len(l))
	for i, d := range l {
		out[i] = JSONDiagnostic{
			Severity: d.Severity.String(), Code: d.Code, Summary: d.Summary, Detail: d.Detail,
			Range: RangeJSON(d.Subject), Context: RangeJSON(d.Context), Fix: d.Fix, More: d.More,
		}
		if d.Row != nil {
			out[i].Row = &JSONRow{Object: d.Row.Object, Row: d.Row.Row, Line: d.Row.Line, Column: d.Row.Column}
		}
	}
	return out
}

// FromJSON is the inverse of ToJSON, for printing what another process found. A
// severity that is not known is taken as error.
func FromJSON(l []JSONDiagnostic) List {
	out := make(List, len(l))
	for i, j := range l {
		out[i] = Diagnostic{Code: j.Code, Summary: j.Summary, Detail: j.Detail, Subject: j.Range.HCL(), Context: j.Context.HCL(), Fix: j.Fix, More: j.More}
		if j.Severity == Warning.String() {
			out[i].Severity = Warning
		}
		if j.Row != nil {
			out[i].Row = &RowRef{Object: j.Row.Object, Row: j.Row.Row, Line: j.Row.Line, Column: j.Row.Column}
		}
	}
	return out
}

// HCL returns the range as the hcl library has it; nil for nil.
func (r *JSONRange) HCL() *hcl.Range {
	if r == nil {
		return nil
	}
	return &hcl.Range{Filename: r.File, Start: r.Start.hcl(), End: r.End.hcl()}
}

func (p JSONPos) hcl() hcl.Pos { return hcl.Pos{Line: p.Line, Column: p.Column, Byte: p.Byte} }

// RangeJSON returns r in its form for programs; nil for nil.
func RangeJSON(r *hcl.Range) *JSONRange {
	if r == nil {
		return nil
	}
	return &JSONRange{
		File:  r.Filename,
		Start: JSONPos{Line: r.Start.Line, Column: r.Start.Column, Byte: r.Start.Byte},
		End:   JSONPos{Line: r.End.Line, Column: r.End.Column, Byte: r.End.Byte},
	}
}

// JSON writes l to w as one object, {"diagnostics":[...]}, on one line.
func JSON(w io.Writer, l List) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(struct {
		Diagnostics []JSONDiagnostic `json:"diagnostics"`
	}{ToJSON(l)})
}
