package function

import (
	"strings"
	"testing"
)

// callText returns the result of a function of one text; nil is "nil", an error its text.
func callText(t testing.TB, name, s string, more ...any) string {
	t.Helper()
	v, err := byName(t, name).Call(append([]any{s}, more...)...)
	if err != nil {
		return err.Error()
	}
	if v == nil {
		return "nil"
	}
	b, err := appendJSON(nil, v, 0)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Trim(string(b), `"`)
}

func TestEmail(t *testing.T) {
	long := strings.Repeat("a", 63)
	for _, c := range []struct{ in, want string }{
		{"jan@example.nl", "jan@example.nl"},
		{"\u00a0JAN+tag@Sub.Example.co.uk\n", "jan+tag@sub.example.co.uk"},
		{"o'brien_{x}@e-x.io", "o'brien_{x}@e-x.io"},
		{"a@1and1.com", "a@1and1.com"},
		{"a@r3---sn.example.com", "a@r3---sn.example.com"},
		{"a@" + long + "." + long + ".nl", "a@" + long + "." + long + ".nl"},
		{long + "a@b.nl", long + "a@b.nl"},
		{"zażółć@example.pl", "nil"},
		{"a@zażółć.pl", "a@xn--za-6ja4f8n1l.pl"},
		{"a@ZAŻÓŁĆ.PL", "a@xn--za-6ja4f8n1l.pl"},
		{"a@b。nl", "a@b.nl"}, // the ideographic full stop of a domain
		{long + "ab@b.nl", "nil"},
		{"a@" + long + "a.nl", "nil"},
		{"a@" + strings.Repeat(long+".", 4) + "nl", "nil"},
		{"@b.nl", "nil"}, {"a@", "nil"}, {"a", "nil"}, {"a@b", "nil"}, {"a@.nl", "nil"}, {"a@b.", "nil"}, {"a@b..nl", "nil"},
		{".a@b.nl", "nil"}, {"a.@b.nl", "nil"}, {"a..b@c.nl", "nil"}, {"a b@c.nl", "nil"}, {"a@b c.nl", "nil"}, {"a@b.nl.", "nil"},
		{"a@-b.nl", "nil"}, {"a@b-.nl", "nil"}, {"a@b.nl-", "nil"}, {"a@b_c.nl", "nil"}, {"a@127.0.0.1", "nil"}, {"a@[127.0.0.1]", "nil"},
		{"a@b.n", "nil"}, {"a@b@c.nl", "nil"}, {`"a b"@c.nl`, "nil"}, {"Jan <jan@example.nl>", "nil"}, {"a@b.nl,c@d.nl", "nil"}, {"a@b.nl;", "nil"},
		{"a@xn--zzzzzz--a.nl", "nil"}, {"mailto:a@b.nl", "nil"},
	} {
		if got := callText(t, "email", c.in); got != c.want {
			t.Errorf("email(%q) is %s, want %s", c.in, got, c.want)
		}
	}
}

func TestPhone(t *testing.T) {
	for _, c := range []struct {
		in     string
		region []any
		want   string
	}{
		{"+48601234567", []any{"PL"}, "+48601234567"},
		{"601234567", []any{"pl"}, "+48601234567"},
		{" (020) 624 1111 ", []any{"NL"}, "+31206241111"},
		{"0031 20 624 11 11", []any{"NL"}, "+31206241111"},
		{"+46 8 123 456 78 ext. 9", []any{"NL"}, "+46812345678"},
		{"070-123 45 67", []any{"SE"}, "+46701234567"},
		{"601234567", nil, "nil"},
		{"601234567", []any{""}, "nil"},
		{"601234567", []any{nil}, "nil"},
		{"+48601234567", []any{nil}, "+48601234567"},
		{"+48601234567", []any{"Poland"}, "+48601234567"},
		{"12", []any{"PL"}, "nil"}, {"", []any{"PL"}, "nil"}, {"unknown", []any{"PL"}, "nil"}, {"+999123456789", []any{"PL"}, "nil"},
		{strings.Repeat("1", 300), []any{"PL"}, "nil"},
	} {
		for range 2 { // the second time from what the first remembered
			if got := callText(t, "phone", c.in, c.region...); got != c.want {
				t.Errorf("phone(%q, %v) is %s, want %s", c.in, c.region, got, c.want)
			}
		}
	}
	if _, err := byName(t, "phone").Call("1", 31); err == nil || !strings.Contains(err.Error(), "phone() needs text as argument 2") {
		t.Errorf("a number as region: %v", err)
	}
}

// TestPhoneMemory: the numbers remembered are bounded, and forgetting changes nothing.
func TestPhoneMemory(t *testing.T) {
	book := &phoneBook{n: maxPhones - 1, seen: map[string]map[string]string{}}
	for i, s := range []string{"+48601234567", "+48601234568", "+48601234567"} {
		got, valid, err := book.append(nil, []byte(s), "PL")
		if string(got) != s || !valid || err != nil || book.n > maxPhones {
			t.Errorf("%d: %s, %v, %v with %d remembered", i, got, valid, err, book.n)
		}
	}
}

func TestTextFunctions(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"slug", "Ærø & Þórshöfn", "aero-thorshofn"},
		{"slug", "--a__b--", "a-b"},
		{"slug", "ＡＢＣ ½ №5", "abc-1-2-no5"},
		{"slug", "Ἀθήνα Київ 東京", "ἀθήνα-київ-東京"},
		{"slug", "한국", "한국"},
		{"slug", "!!!", ""},
		{"slug", "a\xffb", "a-b"},
		{"title", "JAN VAN DER BERG", "Jan Van Der Berg"},
		{"title", "d'arc l’oréal it's", "D'Arc L’Oréal It's"},
		{"title", "élodie żółw", "Élodie Żółw"},
		{"title", "3de straat 12b", "3de Straat 12b"},
		{"digits", "٣ 12", "12"},
	} {
		if got := callText(t, c.name, c.in); got != c.want {
			t.Errorf("%s(%q) is %s, want %s", c.name, c.in, got, c.want)
		}
	}
}
