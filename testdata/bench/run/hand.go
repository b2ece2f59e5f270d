package main

import (
	"bytes"
	"encoding/csv"
	"io"
	"os"
	"strconv"
	"unicode/utf8"
)

// handLoop is the job of rest.hcl as a program for that one job: it reads the
// customers, maps them by hand and posts them in bodies of 100, one after the other.
func handLoop(url, input string) error {
	f, err := os.Open(input)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read
	r := csv.NewReader(f)
	r.Comma, r.ReuseRecord, r.LazyQuotes = '|', true, true
	if _, err := r.Read(); err != nil { // the header
		return err
	}
	body, rows := []byte(nil), 0
	send := func() error {
		body = append(body, "]}"...)
		err := post(url, body)
		rows = 0
		return err
	}
	for {
		row, err := r.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		email := bytes.ToLower(bytes.TrimSpace([]byte(row[1])))
		if row[0] == "" && len(email) == 0 {
			continue
		}
		if rows == 0 {
			body = append(body[:0], `{"events":[`...)
		} else {
			body = append(body, ',')
		}
		body = appendCustomer(body, row, email)
		if rows++; rows == 100 {
			if err := send(); err != nil {
				return err
			}
		}
	}
	if rows > 0 {
		return send()
	}
	return nil
}

func appendCustomer(b []byte, row []string, email []byte) []byte {
	gender, country := "unknown", row[10]
	switch row[4] {
	case "M":
		gender = "male"
	case "F", "K":
		gender = "female"
	case "X":
		gender = "other"
	}
	if country == "" {
		country = "PL"
	}
	b = appendText(append(b, `{"customerId":`...), row[0])
	b = appendText(append(b, `,"email":`...), email)
	b = appendText(append(b, `,"name":`...), bytes.TrimSpace([]byte(row[2]+" "+row[3])))
	b = appendText(append(b, `,"gender":`...), gender)
	b = appendDate(append(b, `,"birthDate":`...), row[5])
	b = appendText(append(b, `,"street":`...), row[6]+" "+row[7])
	b = appendText(append(b, `,"postalCode":`...), row[8])
	b = appendText(append(b, `,"city":`...), row[9])
	b = appendText(append(b, `,"country":`...), country)
	b = appendText(append(b, `,"phone":`...), row[11])
	b = appendDate(append(b, `,"registeredAt":`...), row[13])
	b = appendAmount(append(b, `,"totalSpent":`...), row[15])
	return append(b, '}')
}

// appendText writes s as a JSON string.
func appendText[T string | []byte](b []byte, s T) []byte {
	b = append(b, '"')
	from := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			continue
		}
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
			if r != utf8.RuneError || n != 1 {
				i += n - 1
				continue
			}
		}
		b = append(b, s[from:i]...)
		switch {
		case c >= utf8.RuneSelf:
			b = append(b, "\uFFFD"...)
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\t':
			b = append(b, `\t`...)
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\r':
			b = append(b, `\r`...)
		default:
			const hex = "0123456789abcdef"
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		from = i + 1
	}
	return append(append(b, s[from:]...), '"')
}

// appendDate writes 31-12-2024 as "2024-12-31", and null for what is no day.
func appendDate(b []byte, s string) []byte {
	days := [...]int{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}
	if len(s) != 10 || s[2] != '-' || s[5] != '-' {
		return append(b, "null"...)
	}
	d, err1 := strconv.Atoi(s[:2])
	m, err2 := strconv.Atoi(s[3:5])
	y, err3 := strconv.Atoi(s[6:])
	if err1 != nil || err2 != nil || err3 != nil || m < 1 || m > 12 {
		return append(b, "null"...)
	}
	last := days[m-1]
	if m == 2 && y%4 == 0 && (y%100 != 0 || y%400 == 0) {
		last = 29
	}
	if d < 1 || d > last {
		return append(b, "null"...)
	}
	return append(b, '"', s[6], s[7], s[8], s[9], '-', s[3], s[4], '-', s[0], s[1], '"')
}

// appendAmount writes 1.234,50 as 1234.5.
func appendAmount(b []byte, s string) []byte {
	if s == "" {
		return append(b, "null"...)
	}
	point := false
	from := len(b)
	for _, c := range []byte(s) {
		switch c {
		case '.':
		case ',':
			b, point = append(b, '.'), true
		default:
			b = append(b, c)
		}
	}
	for point && len(b) > from && (b[len(b)-1] == '0' || b[len(b)-1] == '.') {
		point = b[len(b)-1] != '.'
		b = b[:len(b)-1]
	}
	return b
}
