package function

import (
	"bytes"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"weir/engine/record"
)

func contactFunctions() []Function {
	return []Function{{
		Name:  "email",
		Usage: "email(x)",
		Summary: "The e-mail address x without white space around it and in lower case, or nil when it is not one address that mail can reach: " +
			"one `@`, before it letters, digits and the signs of RFC 5322 without quotes, after it a host name with a dot. " +
			"A domain with other letters than ASCII becomes its ASCII (punycode) form. Display names are not accepted.",
		Examples: []Example{
			{"email(' Jan.Jansen@Example.NL ')", `"jan.jansen@example.nl"`},
			{"email('info@Müller.de')", `"info@xn--mller-kva.de"`},
			{"email('jan@example')", "null"},
			{"email('')", "null"},
		},
		Types:   []any{new(func(string) *string)},
		Returns: maybe(record.String),
		Call:    textCall("email", email),
		Prepare: textPrepare(email),
	}, phoneFunction(), {
		Name:    "digits",
		Usage:   "digits(x)",
		Summary: "The digits 0 to 9 of x, in order; everything else is left out.",
		Examples: []Example{
			{"digits('+31 (0)6-123')", `"3106123"`},
			{"digits('none')", `""`},
		},
		Types:   []any{new(func(string) *string)},
		Returns: asArgs(record.String),
		Call:    textCall("digits", digits),
		Prepare: textPrepare(digits),
	}}
}

func digits(dst, s []byte) ([]byte, bool, error) {
	for _, c := range s {
		if c-'0' <= 9 {
			dst = append(dst, c)
		}
	}
	return dst, true, nil
}

// Limits of RFC 5321, in bytes.
const (
	maxLocalPart = 64
	maxDomain    = 253
	maxAddress   = 254
	maxLabel     = 63
)

func email(dst, s []byte) ([]byte, bool, error) {
	s = bytes.TrimSpace(s)
	at := bytes.LastIndexByte(s, '@')
	if at < 1 || at > maxLocalPart || !dotAtom(s[:at]) {
		return dst, false, nil
	}
	start := len(dst)
	dst = append(appendLower(dst, s[:at]), '@')
	domain := len(dst)
	dst = appendLower(dst, s[at+1:])
	if needsIDNA(dst[domain:]) {
		ascii, err := idna.Lookup.ToASCII(string(s[at+1:]))
		if err != nil {
			return dst[:start], false, nil
		}
		dst = append(dst[:domain], ascii...)
	}
	if len(dst)-start > maxAddress || !hostName(dst[domain:]) {
		return dst[:start], false, nil
	}
	return dst, true, nil
}

func appendLower(dst, s []byte) []byte {
	for _, c := range s {
		if c-'A' < 26 {
			c |= 0x20
		}
		dst = append(dst, c)
	}
	return dst
}

// dotAtom reports whether s is a dot-atom of RFC 5322: runs of atext joined by single dots.
func dotAtom(s []byte) bool {
	dot := true
	for _, c := range s {
		switch {
		case c == '.':
			if dot {
				return false
			}
			dot = true
			continue
		case c-'a' < 26, c-'A' < 26, c-'0' < 10:
		case bytes.IndexByte([]byte("!#$%&'*+-/=?^_`{|}~"), c) >= 0:
		default:
			return false
		}
		dot = false
	}
	return !dot
}

// needsIDNA reports whether a domain in lower case has other characters than
// ASCII, or claims to be the ASCII form of such a domain.
func needsIDNA(s []byte) bool {
	for _, c := range s {
		if c >= utf8.RuneSelf {
			return true
		}
	}
	return bytes.HasPrefix(s, []byte("xn--")) || bytes.Contains(s, []byte(".xn--"))
}

// hostName reports whether s is two or more labels of letters, digits and inner
// hyphens, the last of which is not a number.
func hostName(s []byte) bool {
	if len(s) > maxDomain {
		return false
	}
	label, labels, letters := 0, 0, false
	for i, c := range s {
		switch {
		case c == '.':
			if label == 0 || s[i-1] == '-' {
				return false
			}
			label, letters = 0, false
			labels++
			continue
		case c-'a' < 26:
			letters = true
		case c == '-':
			if label == 0 {
				return false
			}
		case c-'0' < 10:
		default:
			return false
		}
		if label++; label > maxLabel {
			return false
		}
	}
	return label > 1 && letters && labels > 0 && s[len(s)-1] != '-'
}
