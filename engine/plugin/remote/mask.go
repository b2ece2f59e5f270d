package remote

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"unicode/utf8"
)

// Masked stands where a secret was.
const Masked = "(secret)"

// shortSecret is the length below which a secret is likely to be part of words
// and numbers that have nothing to do with it.
const shortSecret = 4

// IsShort reports whether a secret is masked by MaskAlone, not wherever it occurs.
func IsShort(secret string) bool { return len(secret) < shortSecret }

// Mask takes a secret out of text that comes from elsewhere (I9), as it is and in
// the forms in which servers repeat it. One shorter than four bytes is taken out
// only where it stands alone: in "127.0.0.1" the password "1" is none.
func Mask(text, secret string) string {
	if secret == "" {
		return text
	}
	if IsShort(secret) {
		return MaskAlone(text, secret)
	}
	quoted, _ := json.Marshal(secret) // a string always encodes
	inner := strings.Trim(string(quoted), `"`)
	for _, form := range []string{secret, inner, strings.ReplaceAll(inner, "/", `\/`), url.QueryEscape(secret), url.PathEscape(secret),
		base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret))} {
		text = strings.ReplaceAll(text, form, Masked)
	}
	return text
}

// MaskAlone takes secret out of text where it is a word by itself: between
// blanks, quotes, brackets and the like, after = or :, or at the end of a sentence.
func MaskAlone(text, secret string) string {
	var sb strings.Builder
	from := 0
	for at := 0; secret != ""; {
		i := strings.Index(text[at:], secret)
		if i < 0 {
			break
		}
		i += at
		end := i + len(secret)
		if !opens(text[:i]) || !closes(text[end:]) {
			_, n := utf8.DecodeRuneInString(text[i:])
			at = i + n
			continue
		}
		sb.WriteString(text[from:i] + Masked)
		from, at = end, end
	}
	if from == 0 {
		return text
	}
	return sb.String() + text[from:]
}

const around = " \t\r\n\"'`()[]{}<>,;|&=\\"

// opens reports whether a word can begin after before.
func opens(before string) bool {
	if before == "" {
		return true
	}
	last := before[len(before)-1]
	return strings.IndexByte(around, last) >= 0 || strings.HasSuffix(before, `":`)
}

// closes reports whether a word can end before after.
func closes(after string) bool {
	rest := strings.TrimLeft(after, ".:!?")
	return rest == "" || strings.IndexByte(around, rest[0]) >= 0
}
