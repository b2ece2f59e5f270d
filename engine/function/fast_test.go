package function

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
	"weir/engine/record"
)

// constantSets are constants for each function that has forms for columns.
var constantSets = map[string][][]any{
	"email": {{}}, "digits": {{}}, "slug": {{}}, "title": {{}}, "sha256": {{}}, "sha1": {{}}, "md5": {{}},
	"url": {{}}, "raw": {{}}, "unaccent": {{}}, "fold": {{}}, "hex": {{}}, "hex_decode": {{}}, "base64": {{}, {"url"}}, "base64_decode": {{}},
	"match_re": {{`\d+`}, {"(a)|(é)", 2}, {`(?P<n>\d)`, "n"}}, "replace_re": {{`\d`, "x"}, {"", "-"}, {"(a|é)(.)", "$2${1}$$"}},
	"normalize": {{}, {"NFD"}, {"NFKC"}}, "substr": {{0, 3}, {-2}, {2}}, "truncate": {{3}, {3, "…"}, {0}},
	"phone":     {{}, {"PL"}, {"nl"}},
	"hmac":      {{"key"}, {"key", "sha1"}, {"key", "sha512", "base64"}, {"", "md5", "hex"}},
	"pad_left":  {{5}, {5, "0"}, {9, "é"}},
	"pad_right": {{5}, {0, "0"}},
	"nullif":    {{""}, {"x"}},
	"date":      {{}, {"%d-%m-%Y"}, {"%-d/%-m/%y"}}, "date_or_nil": {{}, {"%d-%m-%Y"}, {"%-d/%-m/%y"}},
	"datetime":        {{}, {"%d-%m-%Y %H:%M"}, {"%d-%m-%Y %H:%M", "Europe/Amsterdam"}, {"%s", "Europe/Warsaw"}},
	"datetime_or_nil": {{}, {"%d-%m-%Y %H:%M", "Europe/Amsterdam"}},
	"decimal":         {{}, {"comma"}, {"point"}}, "decimal_or_nil": {{}, {"comma"}},
	"money": {{}}, "money_or_nil": {{}},
}

// seeds are texts near the edges of the functions.
var seeds = []string{
	"", " ", "x", "Jan.Jansen@Example.NL", " a@b.nl ", "a@b", "a@müller.de", "a@xn--mller-kva.de", "a..b@c.nl", "a@-b.nl", "a@b.nl@c.nl",
	"+48 601 234 567", "0601-234567", "601 234 567", "06-12345678", "12", "1.234,56", "1,234.56", "€ 12,-", "(5.00) EUR", "-.5", "1e5", "99999999999999999999",
	"2024-02-29", "29-02-2024", "31-02-2024", "31-03-2024 02:30", "27-10-2024 02:30", "1/7/24", "2024-07-01T12:30:00.25+02:00", "1719830445", "Łódź", "O'BRIEN", "\xff\xfe", "a\x00b",
}

// fastResult runs the form of a call for columns that exists for texts.
func fastResult(f Fast, s []byte) (v any, exists bool, err error) {
	var valid bool
	switch {
	case f.Str != nil:
		var b []byte
		b, valid, err = f.Str([]byte("before"), s)
		if !strings.HasPrefix(string(b), "before") || err == nil && !valid && len(b) != 6 {
			return "wrote over what was there", true, nil
		}
		v = string(b[6:])
	case f.Date != nil:
		var d int64
		d, valid, err = f.Date(s)
		v = record.DateValue{Days: d}
	case f.Time != nil:
		var us int64
		us, valid, err = f.Time(s)
		v = us
	case f.Dec != nil:
		v, valid, err = f.Dec(s)
	default:
		return nil, false, nil
	}
	if err != nil || !valid {
		v = nil
	}
	return v, true, err
}

// compareForms reports where the two forms of a call differ for the text s.
func compareForms(t rapid.TB, f Function, fast Fast, consts []any, s string) {
	want, wantErr := f.Call(append([]any{s}, consts...)...)
	if at, isTime := want.(time.Time); isTime {
		want = at.UnixMicro()
	}
	text := []byte(s)
	got, exists, err := fastResult(fast, text)
	if !exists {
		t.Fatalf("%s%v has no form for columns", f.Name, consts)
	}
	if string(text) != s {
		t.Fatalf("%s%v changed its argument %q", f.Name, consts, s)
	}
	if (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() {
		t.Fatalf("%s(%q)%v: error %v by column, %v by row", f.Name, s, consts, err, wantErr)
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%s(%q)%v is %v by column, %v by row", f.Name, s, consts, got, want)
	}
	if strings.HasSuffix(f.Name, "_or_nil") && err != nil {
		t.Fatalf("%s(%q)%v: %v", f.Name, s, consts, err)
	}
}

func prepared(t testing.TB, f Function, consts []any) Fast {
	t.Helper()
	fast, err := f.Prepare(append([]any{NotConst{}}, consts...))
	if err != nil {
		t.Fatalf("%s%v: %v", f.Name, consts, err)
	}
	return fast
}

func TestFormsAgree(t *testing.T) {
	for name, sets := range constantSets {
		f := byName(t, name)
		for _, consts := range sets {
			fast := prepared(t, f, consts)
			for _, s := range seeds {
				compareForms(t, f, fast, consts, s)
			}
			rapid.Check(t, func(t *rapid.T) {
				s := rapid.OneOf(rapid.SampledFrom(seeds), rapid.StringMatching(`[-+(€ ]{0,2}[0-9., ']{0,9}[-) a-z]{0,3}`),
					rapid.StringMatching(`[0-3]?[0-9][-/][0-1]?[0-9][-/](20)?[0-9]{2}( [0-2][0-9]:[0-5][0-9])?`),
					rapid.StringMatching(`[a-zA-Z.+]{1,6}@[a-z-]{1,5}\.[a-z]{1,3}`), rapid.String()).Draw(t, "s")
				compareForms(t, f, fast, consts, s)
			})
		}
	}
}

// TestAllFormsCovered: a function with forms for columns is among those compared.
func TestAllFormsCovered(t *testing.T) {
	special := map[string]bool{"strftime": true, "in_zone": true, "round": true, "fixed": true, "csv_row": true}
	for _, f := range All() {
		if f.Prepare != nil && constantSets[f.Name] == nil && !special[f.Name] {
			t.Errorf("%s has forms for columns that no test compares", f.Name)
		}
	}
}

func FuzzFormsAgree(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	type form struct {
		f      Function
		fast   Fast
		consts []any
	}
	var forms []form
	for name, sets := range constantSets {
		for _, consts := range sets {
			fn := byName(f, name)
			forms = append(forms, form{fn, prepared(f, fn, consts), consts})
		}
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, x := range forms {
			compareForms(t, x.f, x.fast, x.consts, s)
		}
	})
}

func TestStrftimeForms(t *testing.T) {
	f := byName(t, "strftime")
	ams, err := time.LoadLocation("Europe/Amsterdam")
	if err != nil {
		t.Fatal(err)
	}
	for _, consts := range [][]any{{"%F %T %z"}, {"%d.%m.%y", "America/Sao_Paulo"}} {
		fast := prepared(t, f, consts)
		rapid.Check(t, func(t *rapid.T) {
			micros := rapid.Int64Range(-5e15, 5e15).Draw(t, "micros")
			loc := rapid.SampledFrom([]*time.Location{time.UTC, ams}).Draw(t, "zone")
			got, err := fast.FromTime([]byte("x"), micros, loc)
			want, wantErr := f.Call(append([]any{time.UnixMicro(micros).In(loc)}, consts...)...)
			if err != nil || wantErr != nil || string(got) != "x"+want.(string) {
				t.Fatalf("%s, %v by column, %v, %v by row", got, err, want, wantErr)
			}
			days := micros / 86_400_000_000
			got, err = fast.FromDate(nil, days)
			want, wantErr = f.Call(append([]any{record.DateValue{Days: days}}, consts...)...)
			if err != nil || wantErr != nil || string(got) != want {
				t.Fatalf("%s, %v by column, %v, %v by row", got, err, want, wantErr)
			}
		})
	}
}

// TestBadConstants: what is wrong with a constant is said when the plan is built.
func TestBadConstants(t *testing.T) {
	for _, c := range []struct {
		name   string
		consts []any
		want   string
	}{
		{"date", []any{"%Q"}, "unknown directive %Q at position 1"},
		{"date", []any{"%m-%Y"}, "needs a year, a month and a day"},
		{"date", []any{5}, "date() needs text as argument 2, not an int"},
		{"datetime", []any{"%F", "Europe/Amsterdm"}, `"Europe/Amsterdm" is not a time zone`},
		{"datetime", []any{"%F", "Local"}, `"Local" is not a time zone`},
		{"strftime", []any{"hello"}, "holds no directive"},
		{"strftime", []any{"%F", ""}, "is not a time zone"},
		{"in_zone", []any{"nowhere"}, "is not a time zone"},
		{"decimal", []any{"komma"}, `"komma" is not a decimal mark of decimal()`},
		{"phone", []any{"Poland"}, `"Poland" is not a country of phone()`},
		{"hmac", []any{"s3cr3t", "sha3"}, `"sha3" is not an algorithm`},
		{"hmac", []any{"s3cr3t", "sha1", "hexa"}, `"hexa" is not an encoding`},
		{"pad_left", []any{-1}, "0 to 10000 characters"},
		{"pad_left", []any{5, "ab"}, "fills with one character"},
		{"round", []any{-1}, "0 to 18 digits"},
		{"fixed", []any{19}, "fixed() rounds to 0 to 18 digits"},
	} {
		_, err := byName(t, c.name).Prepare(append([]any{NotConst{}}, c.consts...))
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s%v: %v, want %s", c.name, c.consts, err, c.want)
		}
	}
	for name, sets := range constantSets {
		if n := len(sets[len(sets)-1]); n > 0 {
			args := []any{NotConst{}}
			for range n {
				args = append(args, NotConst{})
			}
			if fast, err := byName(t, name).Prepare(args); err != nil || !reflect.ValueOf(fast).IsZero() {
				t.Errorf("%s without constants: %v, forms %v", name, err, !reflect.ValueOf(fast).IsZero())
			}
		}
	}
}

func TestFormsDoNotAllocate(t *testing.T) {
	inputs := map[string]string{
		"email": " Jan@Example.NL ", "phone": "+48 601 234 567", "date": "2024-02-29", "date_or_nil": "2024-02-30",
		"datetime": "2024-07-01T12:30:00Z", "decimal": "1234.50", "decimal_or_nil": "none", "money": "€ 1.234,50", "money_or_nil": "none",
		"sha256": "abc", "sha1": "abc", "md5": "abc", "digits": "a1", "title": "jan", "nullif": "", "slug": "Crème brûlée", "hmac": "abc", "pad_left": "7",
	}
	for name, text := range inputs {
		fast := prepared(t, byName(t, name), constantSets[name][0])
		dst, s := make([]byte, 0, 256), []byte(text)
		run := map[bool]func(){
			true: func() { _, _, _ = fast.Str(dst, s) },
			false: func() {
				switch {
				case fast.Date != nil:
					_, _, _ = fast.Date(s)
				case fast.Time != nil:
					_, _, _ = fast.Time(s)
				default:
					_, _, _ = fast.Dec(s)
				}
			},
		}[fast.Str != nil]
		if n := testing.AllocsPerRun(100, run); n != 0 {
			t.Errorf("%s of %q allocates %v times", name, text, n)
		}
	}
}
