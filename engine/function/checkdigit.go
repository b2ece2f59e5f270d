package function

import (
	"weir/engine/record"
)

func checkFunctions() []Function {
	ok := func(name, summary string, valid func(s string) bool, examples ...Example) Function {
		return Function{
			Name: name, Usage: name + "(x)", Summary: summary, Examples: examples,
			Types: []any{new(func(string) *bool)},
			Returns: func(args []record.Type) record.Type {
				return record.Type{Kind: record.Bool, Nullable: anyNull(args)}
			},
			Call: strict(func(args []any) (any, error) {
				s, err := textArg(name, args, 0)
				if err != nil {
					return nil, err
				}
				return valid(s), nil
			}),
		}
	}
	return []Function{
		ok("iban_ok", "Whether the text x is an IBAN whose check digits are right and whose length is that of its country, where the country is known. "+
			"Spaces and lower case are ignored. It tells nothing of whether the account exists. nil when x is nil.", ibanOK,
			Example{"iban_ok('NL91 ABNA 0417 1643 00')", "true"},
			Example{"iban_ok('NL91 ABNA 0417 1643 01')", "false"},
			Example{"iban_ok('')", "false"}),
		ok("ean_ok", "Whether the text x is a number of a product with a right check digit: EAN-8, UPC-A (12 digits), EAN-13 or GTIN-14, digits only. nil when x is nil.", eanOK,
			Example{"ean_ok('4006381333931')", "true"},
			Example{"ean_ok('4006381333932')", "false"},
			Example{"ean_ok('96385074')", "true"}),
	}
}

// ibanLength is the number of characters of the IBANs of a country, 0 for one
// that is not known.
func ibanLength(country string) int {
	const known = "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 ES24 FI18 FO18 FR27 " +
		"GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 " +
		"MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SD18 SE24 SI19 SK24 SM27 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 "
	for i := 0; i+5 <= len(known); i += 5 {
		if known[i:i+2] == country {
			return int(known[i+2]-'0')*10 + int(known[i+3]-'0')
		}
	}
	return 0
}

func ibanOK(s string) bool {
	var text [34]byte
	n := 0
	for i := range len(s) {
		c := s[i]
		if c == ' ' {
			continue
		}
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		if n == len(text) || (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
		text[n] = c
		n++
	}
	iban := text[:n]
	if n < 15 || digit(iban[0]) || digit(iban[1]) || !digit(iban[2]) || !digit(iban[3]) {
		return false
	}
	if want := ibanLength(string(iban[:2])); want != 0 && want != n {
		return false
	}
	rest := 0
	for i := range iban {
		c := iban[(i+4)%n] // the first four come last
		if digit(c) {
			rest = (rest*10 + int(c-'0')) % 97
		} else {
			rest = (rest*100 + int(c-'A') + 10) % 97
		}
	}
	return rest == 1
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

func eanOK(s string) bool {
	switch len(s) {
	case 8, 12, 13, 14:
	default:
		return false
	}
	sum := 0
	for i := range len(s) {
		c := s[len(s)-1-i]
		if !digit(c) {
			return false
		}
		if i%2 == 1 {
			sum += 3 * int(c-'0')
		} else {
			sum += int(c - '0')
		}
	}
	return sum%10 == 0
}
