package file

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"weir/engine/diag"
	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/spec"
)

// Sink is the configuration of the sink "file".
type Sink struct {
	path         string
	timezone     string
	format       string
	nulls        string
	delimiter    string
	header       bool
	decimalComma bool
	newline      string
	exists       string
	empty        bool
	compress     string
	mode         string

	schema *record.Schema // set by Bind
}

var _ plugin.Targeter = (*Sink)(nil)

// Spec implements plugin.Config.
func (s *Sink) Spec() spec.Body {
	return spec.Body{
		spec.String("path", &s.path).Required().Doc("File to write. %Y %y %m %d %H %M %S %j stand for the time at which the file is begun, %% for a percent sign.").Check(checkPattern),
		spec.String("timezone", &s.timezone).Default("UTC", `"UTC"`).Doc("Zone of the time in path, such as \"Europe/Amsterdam\".").Check(checkZone),
		spec.Choice("format", &s.format, "ndjson", "csv").Default("ndjson", `"ndjson"`).Doc("One JSON object a line, or delimited text (RFC 4180)."),
		spec.Choice("nulls", &s.nulls, "keep", "omit").Default("keep", `"keep"`).Doc("NDJSON: whether object fields that are null are written as null or left out. CSV has empty cells for them."),
		spec.String("delimiter", &s.delimiter).Default(",", `","`).Doc("CSV: character between cells, such as \";\", \"|\" or \"\\t\".").Check(checkDelimiter),
		spec.Bool("header", &s.header).Default(true, "true").Doc("CSV: the first line holds the field names."),
		spec.Bool("decimal_comma", &s.decimalComma).Default(false, "false").Doc("CSV: decimals are written with a comma."),
		spec.Choice("newline", &s.newline, "lf", "crlf").Default("lf", `"lf"`).Doc("CSV: how lines end."),
		spec.Choice("exists", &s.exists, "error", "replace", "number").Default("error", `"error"`).Doc("What happens when path exists. error: the run fails before it delivers anything, and nothing is lost. replace: the new file takes its place at the end of the run; what was there is gone. number: the new file gets a number (name-1.csv)."),
		spec.Bool("empty", &s.empty).Default(false, "false").Doc("Whether a run without rows writes a file, with a header where there is one."),
		spec.Choice("compress", &s.compress, "none", "gzip").Default("none", `"none"`).Doc("Compression of the file; the name is not changed by it."),
		spec.String("mode", &s.mode).Default("0640", `"0640"`).Doc("Permissions of the file, octal.").Check(checkMode),
	}
}

func checkPattern(s string) error {
	if s == "" || strings.HasSuffix(s, "/") || strings.ContainsRune(s, 0) {
		return errors.New("must name a file")
	}
	_, err := expand(s, nil)
	return err
}

func checkZone(s string) error {
	if _, err := time.LoadLocation(s); err != nil || s == "" || s == "Local" {
		return fmt.Errorf("must be a time zone such as \"Europe/Amsterdam\", not %q", s)
	}
	return nil
}

func checkDelimiter(s string) error {
	if len(s) != 1 || s[0] >= 0x80 || s == `"` || s == "\n" || s == "\r" || s == "\x00" {
		return errors.New("must be one ASCII character that is neither a quote nor a line end")
	}
	return nil
}

func checkMode(s string) error {
	if m, err := strconv.ParseUint(s, 8, 32); err != nil || m > 0o777 || m&0o200 == 0 {
		return errors.New("must be octal permissions that let the owner write, such as \"0640\"")
	}
	return nil
}

// Check implements plugin.Config.
func (s *Sink) Check(at spec.Ranges) diag.List {
	if s.format == "csv" && s.decimalComma && s.delimiter == "," {
		return diag.List{diag.Warnf("config.doubtful", at.Of(&s.decimalComma), "Decimals need quotes in every row",
			"With decimal_comma, delimiter = \";\" is usual: with a comma for both, every decimal is quoted.")}
	}
	return nil
}

// Bind implements plugin.Sink.
func (s *Sink) Bind(in *record.Schema, _ spec.Ranges, _ plugin.Compiler) diag.List {
	s.schema = in
	return nil
}

// Targets implements plugin.Targeter.
func (s *Sink) Targets() []plugin.Target {
	shape, err := expand(s.path, nil)
	if err != nil || s.path == "" {
		return nil // what is wrong was reported, and what is not known yet cannot be compared
	}
	return []plugin.Target{{Path: s.path, Shape: shape, Gives: s.exists == "number", Keeps: s.exists != "replace"}}
}

// Batching implements plugin.Sink: a file takes rows as they come.
func (s *Sink) Batching() plugin.Batching { return plugin.Batching{} }

// Guarantee implements plugin.Sink.
func (s *Sink) Guarantee() string {
	const once = "exactly once: a file appears complete at the end of a run, with every row once, also after a crash; "
	switch s.exists {
	case "replace":
		return once + "it replaces what an earlier run wrote under its name"
	case "number":
		return once + "where its name is taken it gets a number"
	}
	return once + "where its name is taken the run stops and nothing is lost"
}

// Open implements plugin.Sink. It publishes the file of an earlier run that was
// committed but not renamed, and cuts a part file back to its last commit.
func (s *Sink) Open(_ context.Context, h plugin.Host, resume []byte) (plugin.Writer, error) {
	w := newWriter(s, h)
	if err := w.open(resume); err != nil {
		return nil, errors.Join(err, w.closeFile())
	}
	return w, nil
}

// expand puts the time into a pattern, or plugin.AnyDigit for its digits when at is nil.
func expand(pattern string, at *time.Time) (string, error) {
	layouts := map[byte]string{'Y': "2006", 'y': "06", 'm': "01", 'd': "02", 'H': "15", 'M': "04", 'S': "05", 'j': "002"}
	var sb strings.Builder
	for i := 0; i < len(pattern); i++ {
		if pattern[i] != '%' {
			sb.WriteByte(pattern[i])
			continue
		}
		if i++; i == len(pattern) {
			return "", errors.New("must not end in a single %: write %% for a percent sign")
		}
		layout, ok := layouts[pattern[i]]
		switch {
		case ok && at == nil:
			sb.WriteString(strings.Repeat(string(plugin.AnyDigit), len(layout)))
		case ok:
			sb.WriteString(at.Format(layout))
		case pattern[i] == '%':
			sb.WriteByte('%')
		default:
			return "", fmt.Errorf("has %%%c, which stands for nothing; known are %%Y %%y %%m %%d %%H %%M %%S %%j and %%%%", pattern[i])
		}
	}
	return sb.String(), nil
}

// partName is the name of the n-th part file of a pattern. It does not hold the
// time, so that a run that goes nowhere leaves its file to be overwritten, not piled up.
// place tells those of several sinks with one path apart, and of several processes that run
// the same with a state store each.
func partName(path, pattern, place string, n int) string {
	if place != "" {
		sum := sha256.Sum256([]byte(place))
		place = "." + hex.EncodeToString(sum[:4])
	}
	return filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s%s.%d.weir-part", filepath.Base(pattern), place, n))
}

// numbered returns path with the number n before its ending.
func numbered(path string, n int) string {
	ext := filepath.Ext(path)
	if ext == ".gz" {
		ext = filepath.Ext(strings.TrimSuffix(path, ext)) + ext
	}
	return fmt.Sprintf("%s-%d%s", strings.TrimSuffix(path, ext), n, ext)
}
