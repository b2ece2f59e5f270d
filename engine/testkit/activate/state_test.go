package activate

import (
	"fmt"
	"strings"
	"testing"

	"weir/engine/testkit/restserver"
)

func TestIdentity(t *testing.T) {
	num := func(n, email, first string) string {
		return fmt.Sprintf(`{"event":"CRMUpdate","custom_srs_customer_number":%q,"email":%q,"firstname":%q}`, n, email, first)
	}
	t.Run("attached by e-mail, then known by number", func(t *testing.T) {
		c := start(t, Options{})
		c.track(`{"event":"EmailOptIn","email":"Jan@Example.nl","newsletter":"yes"}`)
		c.track(num("0004711", "jan@example.nl", "Jan"))
		c.track(num("0004711", "new@example.nl", "Jan"))
		st := c.s.State()
		if len(st.Profiles) != 1 || st.Profiles[0].Fields["email"] != "new@example.nl" || st.Profiles[0].Fields["newsletter"] != "yes" || st.Profiles[0].Events != 3 {
			t.Errorf("profiles %+v", st.Profiles)
		}
	})
	t.Run("by the hash of an address", func(t *testing.T) {
		c := start(t, Options{})
		c.track(num("1", "jan@example.nl", "Jan"))
		c.track(fmt.Sprintf(`{"event":"EmailOptIn","email":%q,"newsletter":"no"}`, emailHash("jan@example.nl")))
		st := c.s.State()
		if len(st.Profiles) != 1 || st.Profiles[0].Fields["email"] != "jan@example.nl" || st.Profiles[0].Fields["newsletter"] != "no" {
			t.Errorf("profiles %+v", st.Profiles)
		}
		c.noViolations()
	})
	for _, apart := range []bool{false, true} {
		t.Run(fmt.Sprintf("two profiles in one event, kept apart: %v", apart), func(t *testing.T) {
			c := start(t, Options{KeepApart: apart})
			c.track(num("1", "a@example.nl", "A"), num("2", "b@example.nl", "B"))
			c.track(`{"event":"Purchase","email":"b@example.nl","orderid":"7","timestamp":"2024-07-01T14:03:00Z","products":[{"id":"X","quantity":1}]}`)
			c.track(num("1", "b@example.nl", "C"))
			st := c.s.State()
			if apart && len(st.Profiles) != 2 || !apart && (len(st.Profiles) != 1 || len(st.Profiles[0].Merged) != 1 || st.Orders[0].Profile != st.Profiles[0].ID || st.Profiles[0].Events != 4) {
				t.Errorf("profiles %+v, orders %+v", st.Profiles, st.Orders)
			}
			if st.Profiles[0].Fields["firstname"] != "C" || st.Profiles[0].Fields["email"] != "b@example.nl" {
				t.Errorf("the stronger profile is %+v", st.Profiles[0])
			}
		})
	}
	t.Run("number only", func(t *testing.T) {
		c := start(t, Options{})
		if status, _ := c.track(`{"event":"CRMUpdate","custom_srs_customer_number":"9"}`); status != 200 || len(c.s.State().Profiles) != 1 {
			t.Errorf("%d %+v", status, c.s.State())
		}
	})
}

func TestFieldsOverwrite(t *testing.T) {
	for _, ignore := range []bool{false, true} {
		c := start(t, Options{IgnoreEmptyConsent: ignore, EventFields: []string{"custom_note"}, CustomFields: []string{"custom_note", "custom_tier"}})
		c.track(`{"event":"CRMUpdate","email":"a@example.nl","newsletter":"yes","city":"Delft"}`)
		c.track(`{"event":"CRMUpdate","email":"a@example.nl","newsletter":"","city":"Gouda","custom_note":"x","custom_tier":"gold","custom_unknown":"y"}`)
		p := c.s.State().Profiles[0].Fields
		want := ""
		if ignore {
			want = "yes"
		}
		if p["newsletter"] != want || p["city"] != "Gouda" || p["custom_note"] != nil || p["custom_tier"] != "gold" || p["custom_unknown"] != nil {
			t.Errorf("ignore %v: %v", ignore, p)
		}
		if v := c.s.Violations(); len(v) != 2 {
			t.Errorf("violations %v", v)
		}
	}
}

func TestKeys(t *testing.T) {
	for _, honour := range []bool{false, true} {
		c := start(t, Options{HonourKeys: honour})
		body := `{"event":"CRMUpdate","email":"a@example.nl","firstname":"A"}`
		for range 2 {
			if status, _ := c.call("POST", "/v1/track", body, "Idempotency-Key", "k1"); status != 200 {
				t.Errorf("status %d", status)
			}
		}
		want := 2
		if honour {
			want = 1
		}
		if n := len(c.s.State().Events); n != want {
			t.Errorf("honour %v: %d events", honour, n)
		}
		c.noViolations()
		status, _ := c.call("POST", "/v1/track", strings.Replace(body, `"A"`, `"B"`, 1), "Idempotency-Key", "k1")
		if v := c.s.Violations(); len(v) != 1 || !strings.Contains(v[0], "k1 came before with another body") || honour != (status == 422) {
			t.Errorf("%d, violations %v", status, v)
		}
	}
}

func TestLimitsOfACall(t *testing.T) {
	c := start(t, Options{MaxEvents: 2})
	ev := `{"event":"CRMUpdate","email":"a@example.nl"}`
	if status, out := c.track(ev, ev, ev); status != 400 || len(c.s.State().Events) != 0 || len(c.s.Violations()) != 1 {
		t.Errorf("%d %v", status, out)
	}
	c.s.Reset()
	for _, body := range []string{`{"events":[]}`, `[]`, `{"events":{}}`, `{`, `{} {}`} {
		if status, _ := c.call("POST", "/v1/track", body); status != 400 {
			t.Errorf("%s: %d", body, status)
		}
	}
	if n := len(c.s.Violations()); n != 5 {
		t.Errorf("%d violations", n)
	}
	c.s.Fail(restserver.Fault{Status: 429, RetryAfter: "3"})
	if status, _ := c.track(ev); status != 429 {
		t.Errorf("status %d", status)
	}
	if status, _ := c.track(ev); status != 200 || len(c.s.Requests()) == 0 {
		t.Errorf("status %d", status)
	}
}

func TestProducts(t *testing.T) {
	c := start(t, Options{MaxProducts: 3})
	a := `{"id":"A","language":"nl_NL","price":29.99,"condition":"new","availability":"in stock","currency":"EUR"}`
	if status, out := c.call("POST", "/v1/products", `{"products":[`+a+`,{"id":"B"}]}`); status != 200 || out["created"] != 2.0 || out["updated"] != 0.0 || out["success"] != true {
		t.Errorf("%d %v", status, out)
	}
	c.noViolations()
	status, out := c.call("POST", "/v1/products", `{"products":[`+a+`,{"id":""},{"id":"C","price":"1","condition":"old"}]}`)
	if status != 200 || out["created"] != 1.0 || out["updated"] != 1.0 || len(out["errors"].([]any)) != 1 || len(c.s.Violations()) != 3 {
		t.Errorf("%d %v, %v", status, out, c.s.Violations())
	}
	for _, path := range []string{"/products", "/v1/products"} {
		if status, out := c.call("DELETE", path, `{"products":[{"id":"A","language":"nl_NL"},{"id":"B"}]}`); status != 200 || out["success"] != true {
			t.Errorf("%s: %d %v", path, status, out)
		}
	}
	if p := c.s.State().Products; len(p) != 1 || p[0]["id"] != "C" {
		t.Errorf("products %v", p)
	}
	if status, _ := c.call("POST", "/v1/products", `{"products":[{},{},{},{}]}`); status != 400 {
		t.Errorf("too many: %d", status)
	}
	if status, _ := start(t, Options{LooseDelete: true}).call("DELETE", "/products", `{"products":[]}`); status != 404 {
		t.Errorf("DELETE /products: %d", status)
	}
}

func TestContactsAndVerify(t *testing.T) {
	c := start(t, Options{})
	if status, out := c.call("POST", "/v1/verifyAuth?channel=2", `{}`); status != 200 || out["verified"] != true {
		t.Errorf("%d %v", status, out)
	}
	for i := range 3 {
		c.track(fmt.Sprintf(`{"event":"CRMUpdate","email":"p%d@example.nl"}`, i), fmt.Sprintf(`{"event":"CRMUpdate","userid":"u%d"}`, i))
	}
	for _, filter := range []string{"email_not_empty", "emailNotEmpty"} {
		var got []any
		for next := ""; ; {
			_, out := c.call("GET", "/v1/contacts?limit=2&filters%5B"+filter+"%5D=1&next="+next, "")
			for _, p := range out["data"].([]any) {
				got = append(got, p.(map[string]any)["email"])
			}
			var more bool
			if next, more = out["next"].(string); !more {
				break
			}
		}
		if fmt.Sprint(got) != "[p0@example.nl p1@example.nl p2@example.nl]" {
			t.Errorf("%s: %v", filter, got)
		}
	}
	_, out := c.call("GET", "/v1/contacts?filters[userid]=u1", "")
	if d := out["data"].([]any); len(d) != 1 {
		t.Errorf("by userid: %v", out)
	}
	if status, _ := c.call("GET", "/v1/other", ""); status != 404 || len(c.s.Violations()) != 1 {
		t.Errorf("an unknown path: %d %v", status, c.s.Violations())
	}
}

func TestTestRoutes(t *testing.T) {
	c := start(t, Options{})
	c.track(`{"event":"CRMUpdate","email":"a@example.nl"}`, `{"event":"CRMUpdate","email":"b@example.nl","gender":"x"}`)
	if status, out := c.call("GET", "/__test/state", "", "X-AUTH-APIKEY", ""); status != 200 || len(out["profiles"].([]any)) != 2 || len(out["events"].([]any)) != 2 {
		t.Errorf("%d %v", status, out)
	}
	if _, out := c.call("GET", "/__test/violations", ""); !strings.Contains(fmt.Sprint(out), "gender") {
		t.Errorf("violations %v", out)
	}
	if _, out := c.call("GET", "/__test/requests", ""); out["calls"] != 1.0 {
		t.Errorf("requests %v", out)
	}
	c.call("POST", "/__test/reset", "")
	if st := c.s.State(); len(st.Profiles)+len(st.Events)+len(c.s.Violations()) != 0 {
		t.Errorf("after the reset %+v", st)
	}
	if status, _ := c.call("GET", "/__test/x", ""); status != 404 {
		t.Errorf("status %d", status)
	}
}
