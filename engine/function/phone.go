package function

import (
	"bytes"
	"fmt"
	"strings"
	"sync"

	"github.com/nyaruka/phonenumbers"

	"weir/engine/record"
)

// maxPhones bounds the memory of one phoneBook: some 10 MB.
const maxPhones = 1 << 16

// phoneBook remembers numbers, since reading one costs as much as a hundred other
// cells. It is safe for goroutines.
type phoneBook struct {
	mu   sync.Mutex
	seen map[string]map[string]string // region, text: E.164, "" for not a number
	n    int
}

func phoneFunction() Function {
	shared := new(phoneBook)
	return Function{
		Name:  "phone",
		Usage: "phone(x[, region])",
		Summary: "The telephone number x in E.164 form, such as `+48601234567`, or nil when it is not a valid number. " +
			"region is the country, as two letters, whose national form x may have; without one, or when it is unknown, x must be international. " +
			"An extension is left out.",
		Examples: []Example{
			{"phone('601 234 567', 'PL')", `"+48601234567"`},
			{"phone('0048 601-234-567', 'PL')", `"+48601234567"`},
			{"phone('+31 6 12345678', 'PL')", `"+31612345678"`},
			{"phone('06-12345678', 'NL')", `"+31612345678"`},
			{"phone('12', 'PL')", "null"},
			{"phone('+46 70 123 45 67')", `"+46701234567"`},
		},
		Types:   []any{new(func(string) *string), new(func(string, string) *string)},
		Returns: maybe(record.String),
		Call: func(args ...any) (any, error) {
			if args[0] == nil {
				return nil, nil
			}
			s, err := textArg("phone", args, 0)
			region := ""
			if err == nil && len(args) > 1 && args[1] != nil {
				region, err = textArg("phone", args, 1)
			}
			if err != nil {
				return nil, err
			}
			return fromCore(shared.append(nil, []byte(s), region))
		},
		Prepare: preparePhone,
	}
}

func preparePhone(args []any) (Fast, error) {
	texts, usable, err := constants("phone", args)
	if err != nil || !usable {
		return Fast{}, err
	}
	region := ""
	if len(texts) > 0 {
		region = texts[0]
		if !phonenumbers.GetSupportedRegions()[strings.ToUpper(region)] {
			return Fast{}, fmt.Errorf("%q is not a country of phone(); write two letters such as NL", region)
		}
	}
	book := new(phoneBook)
	return Fast{Str: func(dst, s []byte) ([]byte, bool, error) { return book.append(dst, s, region) }}, nil
}

// append appends the E.164 form of s.
func (b *phoneBook) append(dst, s []byte, region string) ([]byte, bool, error) {
	s = bytes.TrimSpace(s)
	if len(s) < 3 || len(s) > 250 {
		return dst, false, nil // shorter or longer than any number
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if e164, known := b.seen[region][string(s)]; known {
		return append(dst, e164...), e164 != "", nil
	}
	if b.seen == nil || b.n >= maxPhones {
		b.seen, b.n = make(map[string]map[string]string), 0
	}
	if b.seen[region] == nil {
		b.seen[region] = make(map[string]string)
	}
	e164 := parsePhone(string(s), strings.ToUpper(region))
	b.seen[region][string(s)] = e164
	b.n++
	return append(dst, e164...), e164 != "", nil
}

// parsePhone returns the E.164 form, or "".
func parsePhone(s, region string) string {
	if !phonenumbers.GetSupportedRegions()[region] {
		region = "ZZ" // the library's name for no region
	}
	n, err := phonenumbers.Parse(s, region)
	if err != nil || !phonenumbers.IsValidNumber(n) {
		return ""
	}
	return phonenumbers.Format(n, phonenumbers.E164)
}
