package activate

import (
	"encoding/json"
	"maps"
	"net/mail"
	"slices"
	"strings"
	"time"
)

// inspect records what a careful client would not send although it is not known
// to be refused.
func (s *Server) inspect(at string, ev map[string]any) {
	for _, k := range slices.Sorted(maps.Keys(ev)) {
		v := ev[k]
		switch {
		case v == nil && consent(k):
			s.violate(at, "%s is null: an unknown consent is left out", k)
		case v == nil:
			if !s.o.AllowNull {
				s.violate(at, "%s is null", k)
			}
		case strings.HasPrefix(k, "custom_"):
			if !s.declared(k) {
				s.violate(at, "%s is not declared as a custom field", k)
			}
		case k == "products":
			s.inspectProducts(at, v)
		default:
			if why := fieldProblem(k, v); why != "" {
				s.violate(at, "%s %s, not %v", k, why, show(v))
			}
		}
	}
	s.inspectMinimum(at, ev)
}

func show(v any) string {
	out, err := json.Marshal(v)
	if err != nil {
		return "?"
	}
	return string(out)
}

// inspectMinimum records what a back-end event needs to be of use.
func (s *Server) inspectMinimum(at string, ev map[string]any) {
	switch ev["event"] {
	case "Purchase", s.o.ReturnEvent:
		if s.otherIdentifier(ev) == "" {
			s.violate(at, "%v has nothing that links it to a profile", ev["event"])
		}
		if _, ok := ev["timestamp"]; !ok {
			s.violate(at, "%v has no timestamp: it would be dated at its arrival", ev["event"])
		}
	case "EmailOptIn":
		if text(ev["email"]) == "" || text(ev["newsletter"]) == "" {
			s.violate(at, "EmailOptIn needs email and newsletter")
		}
	}
	if t, ok := ev["timestamp"].(string); ok && len(t) > 10 {
		if _, err := time.Parse(time.RFC3339, t); err != nil {
			s.violate(at, "timestamp %q carries no zone", t)
		}
	}
}

// fieldProblem tells what a field must be, "" when v is that.
func fieldProblem(field string, v any) string {
	str, isText := v.(string)
	switch field {
	case "event", "firstname", "lastname", "postcode", "city", "sqzly_cookie":
		return unless(isText, "must be text")
	case "userid":
		_, isNumber := v.(json.Number)
		return unless(isNumber || isText && str != "", "must be a number or text")
	case "email":
		a, err := mail.ParseAddress(str)
		return unless(isText && (hashed(str) || err == nil && a.Address == str), "must be an address or its SHA-256")
	case "orderid":
		return unless(isText && str != "", "must be text that is not empty")
	case "gender":
		return unless(slices.Contains([]string{"M", "male", "F", "female", "U", "unknown"}, str), "must be M, F or U")
	case "birthdate":
		return unless(isText && isDate(str, "2006-01-02", "02-01-2006"), "must be YYYY-MM-DD or DD-MM-YYYY")
	case "checkin_date", "checkout_date":
		return unless(isText && isDate(str, "2006-01-02"), "must be YYYY-MM-DD")
	case "phone":
		return unless(isText && str != "" && strings.Trim(str, "0123456789+-") == "", "must be digits with - and +")
	case "country":
		return unless(upper(str, 2), "must be two upper-case letters")
	case "currency":
		return unless(upper(str, 3), "must be three upper-case letters")
	case "language":
		return unless(isLanguage(str), "must be of the form nl-NL")
	case "newsletter", "service", "marketing":
		return unless(str == "yes" || str == "no", "must be yes or no, and is left out when unknown")
	case "mobile_advertiser_ID":
		_, isNumber := v.(json.Number)
		return unless(isNumber, "must be a number")
	case "totalvalue":
		return unless(isAmount(v), "must be a number with at most two decimals")
	case "timestamp":
		return "" // judged with TIMESTAMP_ERROR
	}
	return "is not a known field; known are the documented names and custom_*"
}

func unless(ok bool, problem string) string {
	if ok {
		return ""
	}
	return problem
}

func isDate(s string, layouts ...string) bool {
	return slices.ContainsFunc(layouts, func(l string) bool { _, err := time.Parse(l, s); return err == nil })
}

func isLanguage(s string) bool {
	return len(s) == 5 && lower(s[:2], 2) && s[2] == '-' && upper(s[3:], 2)
}

// isAmount tells whether v is a JSON number with at most two decimals, without an exponent.
func isAmount(v any) bool {
	n, ok := v.(json.Number)
	if !ok || strings.ContainsAny(n.String(), "eE") {
		return false
	}
	_, frac, _ := strings.Cut(n.String(), ".")
	return len(frac) <= 2
}

func (s *Server) inspectProducts(at string, v any) {
	if _, ok := v.([]any); !ok {
		s.violate(at, "products must be a list, not %s", show(v))
	}
	for _, p := range productList(v) {
		m, ok := p.(map[string]any)
		if !ok {
			s.violate(at, "a product must be an object, not %s", show(p))
			continue
		}
		for _, k := range slices.Sorted(maps.Keys(m)) {
			if why := productProblem(k, m[k], s.o.AllowNull); why != "" {
				s.violate(at, "products: %s %s, not %s", k, why, show(m[k]))
			}
		}
		if _, ok := m["quantity"]; !ok {
			s.violate(at, "products: %v has no quantity", m["id"])
		}
	}
}

// productProblem tells what a field of an event's product must be.
func productProblem(field string, v any, allowNull bool) string {
	_, isText := v.(string)
	_, isNumber := v.(json.Number)
	switch {
	case v == nil:
		return unless(allowNull, "must not be null")
	case field == "id", field == "name":
		return unless(isText, "must be text")
	case field == "price", field == "quantity":
		return unless(isNumber, "must be a number")
	case field == "language":
		return unless(isText && isLanguage(text(v)), "must be of the form nl-NL")
	case field == "category_ids":
		_, isList := v.([]any)
		return unless(isList, "must be a list")
	}
	return "is not a known field of a product"
}
