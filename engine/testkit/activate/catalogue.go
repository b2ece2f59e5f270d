package activate

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"weir/engine/testkit/restserver"
)

// productsOf returns the list of a call about products, or the reply that refuses it.
func (s *Server) productsOf(body any) ([]any, *restserver.Reply) {
	m, _ := body.(map[string]any)
	list, ok := m["products"].([]any)
	switch {
	case !ok:
		s.violate("body", "must be {\"products\": [...]}")
		r := failed(http.StatusBadRequest, "products is missing")
		return nil, &r
	case s.o.MaxProducts > 0 && len(list) > s.o.MaxProducts:
		s.violate("body", "%d products in a call; the most is %d", len(list), s.o.MaxProducts)
		r := failed(http.StatusBadRequest, fmt.Sprintf("Too many products, the maximum is %d", s.o.MaxProducts))
		return nil, &r
	}
	return list, nil
}

// putProducts answers POST /v1/products. A product is known by id and language.
func (s *Server) putProducts(body any) restserver.Reply {
	list, refused := s.productsOf(body)
	if refused != nil {
		return *refused
	}
	created, updated, errs := 0, 0, []any{}
	for i, v := range list {
		at := fmt.Sprintf("products[%d]", i)
		p, ok := v.(map[string]any)
		if !ok || text(p["id"]) == "" {
			s.violate(at, "has no id")
			errs = append(errs, at+": id is missing")
			continue
		}
		s.inspectCatalogue(at, p)
		if k := s.product(p); k >= 0 {
			s.products[k] = p
			updated++
			continue
		}
		s.products = append(s.products, p)
		created++
	}
	return restserver.Reply{JSON: map[string]any{"success": len(errs) == 0, "created": created, "updated": updated, "errors": errs}}
}

// product returns the index of the product with p's id and language, -1 when there is none.
func (s *Server) product(p map[string]any) int {
	return slices.IndexFunc(s.products, func(q map[string]any) bool {
		return text(q["id"]) == text(p["id"]) && text(q["language"]) == text(p["language"])
	})
}

// deleteProducts answers DELETE /products and /v1/products.
func (s *Server) deleteProducts(body any) restserver.Reply {
	list, refused := s.productsOf(body)
	if refused != nil {
		return *refused
	}
	deleted := 0
	for i, v := range list {
		p, ok := v.(map[string]any)
		if !ok || text(p["id"]) == "" {
			s.violate(fmt.Sprintf("products[%d]", i), "has no id")
			continue
		}
		if k := s.product(p); k >= 0 {
			s.products = slices.Delete(s.products, k, k+1)
			deleted++
		}
	}
	return restserver.Reply{JSON: map[string]any{"success": true, "deleted": deleted}}
}

func (s *Server) inspectCatalogue(at string, p map[string]any) {
	for _, k := range []string{"price", "sale_price"} {
		if v, ok := p[k]; ok && !isAmount(v) {
			s.violate(at, "%s must be a number with at most two decimals, not %s", k, show(v))
		}
	}
	oneOf := func(k string, allowed ...string) {
		if v, ok := p[k]; ok && !slices.Contains(allowed, text(v)) {
			s.violate(at, "%s must be one of %s, not %s", k, strings.Join(allowed, ", "), show(v))
		}
	}
	oneOf("condition", "new", "used", "refurbished")
	oneOf("availability", "in stock", "out of stock")
	if v, ok := p["language"]; ok && !isLanguage(strings.ReplaceAll(text(v), "_", "-")) {
		s.violate(at, "language must be of the form nl-NL, not %s", show(v))
	}
	if v, ok := p["currency"]; ok && !upper(text(v), 3) {
		s.violate(at, "currency must be three upper-case letters, not %s", show(v))
	}
}

// contacts answers GET /v1/contacts?limit=N&filters[...]; the shape of the reply is assumed.
func (s *Server) contacts(r *restserver.Request) restserver.Reply {
	limit, err := strconv.Atoi(r.Query.Get("limit"))
	if err != nil || limit < 1 || limit > 1000 {
		limit = 100
	}
	from, _ := strconv.Atoi(r.Query.Get("next")) // the first page has none
	data, next := []any{}, any(nil)
	for i := max(from, 0); i < len(s.profiles); i++ {
		p := s.profiles[i]
		if !matches(p, r) {
			continue
		}
		if len(data) == limit {
			next = strconv.Itoa(i)
			break
		}
		c := map[string]any{"contact_id": p.ID, "email_hash": p.hash}
		maps.Copy(c, p.Fields)
		data = append(data, c)
	}
	return restserver.Reply{JSON: map[string]any{"data": data, "next": next}}
}

// matches applies filters[NAME]=VALUE: FIELD_not_empty (also fieldNotEmpty) and FIELD.
func matches(p *Profile, r *restserver.Request) bool {
	for name, values := range r.Query {
		f, ok := strings.CutPrefix(name, "filters[")
		if !ok {
			continue
		}
		f = strings.TrimSuffix(f, "]")
		field, filled := strings.CutSuffix(f, "_not_empty")
		if !filled {
			field, filled = strings.CutSuffix(f, "NotEmpty")
		}
		switch {
		case filled && (values[0] == "1" || values[0] == "true"):
			if text(p.Fields[field]) == "" {
				return false
			}
		case !filled && text(p.Fields[field]) != values[0]:
			return false
		}
	}
	return true
}
