package compute

import "testing"

// TestHiddenRest: in one line, what follows // or /* is meant to count.
func TestHiddenRest(t *testing.T) {
	for text, want := range map[string]int{
		"7 // 2": 2, "n // 2 + 1": 2, "a /* b */ + c": 2, "(n+1)//2": 5,
		"7 / 2": -1, "'http://x' + a": -1, `"a // b"`: -1, "url('http://' + host)": -1, "n //": -1, "// only this": -1,
		"// says why\nn + 1": -1, "n + 1 // in a longer text\n + 2": -1, "/* why */ n": -1, "n /*  */ + 1": -1, "`a//b` + 'c'": -1, "'\\'//' + x": -1,
	} {
		if got := hiddenRest(text); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}
