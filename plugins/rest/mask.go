package rest

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"weir/engine/plugin/remote"
	"weir/engine/spec"
)

// masker takes secrets out of text that comes from elsewhere: replies and errors
// of the network, which may repeat what was sent (I9).
type masker struct {
	long  *strings.Replacer
	short []string // see remote.MaskAlone
}

// plainHeaders carry no credentials although headers are declared as secrets.
func plainHeader(name string) bool {
	switch strings.ToLower(name) {
	case "accept", "accept-language", "accept-encoding", "content-type", "user-agent", "cache-control":
		return true
	}
	return false
}

func newMasker(c *Connection, extra map[string]spec.Secret) *masker {
	secrets := []string{c.auth.password.Reveal(), c.auth.token.Reveal(), c.proxy.Reveal(), c.tls.key.Reveal()}
	if c.auth.user != "" {
		secrets = append(secrets, base64.StdEncoding.EncodeToString([]byte(c.auth.user+":"+c.auth.password.Reveal())))
	}
	if u, err := url.Parse(c.proxy.Reveal()); err == nil && u.User != nil {
		p, _ := u.User.Password()
		secrets = append(secrets, p, u.User.String())
	}
	for _, m := range []map[string]spec.Secret{c.headers, extra} {
		for name, v := range m {
			if !plainHeader(name) {
				secrets = append(secrets, v.Reveal())
				secrets = append(secrets, strings.Fields(v.Reveal())...) // "Bearer x" may come back as x
			}
		}
	}
	return maskerOf(secrets)
}

func maskerOf(secrets []string) *masker {
	var long, short []string
	for _, s := range secrets {
		s = strings.TrimSpace(s)
		switch {
		case s == "" || s == "Bearer" || s == "Basic" || s == "Token":
		case remote.IsShort(s):
			short = append(short, s)
		default:
			quoted, _ := json.Marshal(s) // a string always encodes
			long = append(long, s, url.QueryEscape(s), url.PathEscape(s), strings.Trim(string(quoted), `"`),
				strings.ReplaceAll(strings.Trim(string(quoted), `"`), "/", `\/`),
				base64.StdEncoding.EncodeToString([]byte(s)), base64.RawURLEncoding.EncodeToString([]byte(s)))
		}
	}
	slices.SortFunc(long, func(a, b string) int { return len(b) - len(a) }) // the longest first: one secret may hold another
	m := &masker{short: short}
	pairs := make([]string, 0, 2*len(long))
	for _, s := range slices.Compact(long) {
		pairs = append(pairs, s, remote.Masked)
	}
	m.long = strings.NewReplacer(pairs...)
	return m
}

// text returns s without secrets.
func (m *masker) text(s string) string {
	s = m.long.Replace(s)
	for _, short := range m.short {
		s = remote.MaskAlone(s, short)
	}
	return s
}

const maxExcerpt = 300

// excerpt returns the beginning of s on one line, without secrets and control
// characters. Secrets go first: a cut one would no longer be recognised.
func (m *masker) excerpt(s string) string {
	s = m.text(strings.ToValidUTF8(s, "\uFFFD"))
	var sb strings.Builder
	n, space := 0, true
	for _, r := range s {
		if unicode.IsSpace(r) || !unicode.IsGraphic(r) {
			if !space {
				sb.WriteByte(' ')
			}
			space = true
			continue
		}
		space = false
		if n++; n > maxExcerpt {
			return strings.TrimSpace(sb.String()) + " ..."
		}
		sb.WriteRune(r)
	}
	return strings.TrimSpace(sb.String())
}
