package activate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type client struct {
	t *testing.T
	s *Server
}

func start(t *testing.T, o Options) client {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return client{t, s}
}

// call makes a request with the right credentials unless header says otherwise.
func (c client) call(method, path, body string, header ...string) (int, map[string]any) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.s.URL()+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	for i, h := 0, append([]string{"X-AUTH-ACCOUNT", "12345", "X-AUTH-APIKEY", "test-key", "Content-Type", "application/json"}, header...); i < len(h); i += 2 {
		r.Header.Set(h[i], h[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	var out map[string]any
	if err := json.NewDecoder(bytes.NewReader(raw)).Decode(&out); err != nil {
		out = map[string]any{"text": string(raw)}
	}
	return res.StatusCode, out
}

func (c client) track(events ...string) (int, map[string]any) {
	c.t.Helper()
	return c.call("POST", "/v1/track", `{"events":[`+strings.Join(events, ",")+`]}`)
}

func (c client) noViolations() {
	c.t.Helper()
	if v := c.s.Violations(); len(v) > 0 {
		c.t.Errorf("violations: %s", strings.Join(v, "\n"))
	}
}

// A purchase with every documented field, as the fact sheet has it.
const purchase = `{"event":"Purchase","email":"jan@example.nl","firstname":"Jan","lastname":"Smit","orderid":"100000123",
"timestamp":"2024-07-01T14:03:00+02:00","userid":"881","gender":"M","birthdate":"1985-12-31","phone":"+31612345678","postcode":"1011AB",
"city":"Amsterdam","country":"NL","currency":"EUR","service":"yes","newsletter":"yes","totalvalue":99.93,"custom_srs_customer_number":"0004711",
"products":[{"id":"ABC123","name":"Trui","price":29.99,"quantity":2,"language":"nl-NL"},{"id":"XYZ_789","name":"Sjaal","price":39.95,"quantity":1,"category_ids":["ZYX"]}]}`

func TestPurchase(t *testing.T) {
	c := start(t, Options{})
	for range 2 { // the second time it is merged into the first
		if status, out := c.track(purchase); status != 200 || out["success"] != true || out["processed"] != 1.0 {
			t.Fatalf("%d %v", status, out)
		}
	}
	if status, _ := c.call("POST", "/api/v1/track", purchase); status != 200 { // one bare event, by the other path
		t.Errorf("a bare event: %d", status)
	}
	st := c.s.State()
	if len(st.Profiles) != 1 || st.Profiles[0].Events != 3 || st.Profiles[0].Fields["custom_srs_customer_number"] != "0004711" || st.Profiles[0].Fields["orderid"] != nil {
		t.Errorf("profiles %+v", st.Profiles)
	}
	if len(st.Orders) != 1 || st.Orders[0].Events != 3 || len(st.Orders[0].Products) != 2 || fmt.Sprint(st.Orders[0].TotalValue) != "99.93" || st.Orders[0].At != "2024-07-01 14:03:00" {
		t.Errorf("orders %+v", st.Orders)
	}
	c.noViolations()
}

func TestCredentials(t *testing.T) {
	for _, want := range []int{401, 403} {
		c := start(t, Options{AuthStatus: want})
		for _, h := range [][]string{{"X-AUTH-APIKEY", "wrong"}, {"X-AUTH-ACCOUNT", ""}} {
			status, out := c.call("POST", "/v1/track", purchase, h...)
			if status != want || out["errors"].([]any)[0] != "Invalid account or API key" {
				t.Errorf("%v: %d %v", h, status, out)
			}
		}
		if len(c.s.State().Events) != 0 {
			t.Error("an event was taken")
		}
	}
}

func TestRefusals(t *testing.T) {
	good := `{"event":"CRMUpdate","email":"a@example.nl","firstname":"A"}`
	bad := `{"event":"CRMUpdate","email":"b@example.nl","timestamp":"01-07-2024 14:03:00"}`
	for _, tc := range []struct {
		name   string
		o      Options
		status int
		errs   any
		taken  int
	}{
		{"messages", Options{}, 400, []any{"events[1]: TIMESTAMP_ERROR: 01-07-2024 14:03:00 is not a supported date: it must begin with YYYY-mm-dd"}, 2},
		{"unplaced", Options{ErrorsUnplaced: true}, 400, []any{"TIMESTAMP_ERROR: 01-07-2024 14:03:00 is not a supported date: it must begin with YYYY-mm-dd"}, 2},
		{"objects", Options{ErrorObjects: true, StatusOfRejects: 200}, 200, []any{map[string]any{"event": 1.0, "code": "TIMESTAMP_ERROR", "message": "01-07-2024 14:03:00 is not a supported date: it must begin with YYYY-mm-dd"}}, 2},
		{"good ones dropped", Options{DropGood: true, ErrorsUnplaced: true, ReportProcessed: true}, 400, []any{"TIMESTAMP_ERROR: 01-07-2024 14:03:00 is not a supported date: it must begin with YYYY-mm-dd"}, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := start(t, tc.o)
			status, out := c.track(good, bad, good)
			if d := cmp.Diff(tc.errs, out["errors"]); status != tc.status || d != "" || len(c.s.State().Events) != tc.taken {
				t.Errorf("%d, %d taken\n%s", status, len(c.s.State().Events), d)
			}
			if _, ok := out["processed"]; ok != tc.o.ReportProcessed {
				t.Errorf("reply %v", out)
			}
		})
	}
}

func TestViolations(t *testing.T) {
	base := `"email":"a@example.nl","timestamp":"2024-07-01T14:03:00+02:00"`
	order := base + `,"event":"Purchase","orderid":"1",`
	for _, tc := range []struct {
		event, want string
		status      int
	}{
		{`{"event":"CRMUpdate","email":"a@example.nl","newsletter":""}`, "newsletter must be yes or no, and is left out when unknown", 200},
		{`{"event":"CRMUpdate","email":"a@example.nl","service":null}`, "service is null: an unknown consent is left out", 200},
		{`{"event":"CRMUpdate","email":"a@example.nl","city":null}`, "city is null", 200},
		{`{"event":"CRMUpdate","email":"not an address"}`, "email must be an address", 200},
		{`{"event":"CRMUpdate","email":"a@example.nl","gender":"V"}`, "gender must be M, F or U", 200},
		{`{"event":"CRMUpdate","email":"a@example.nl","country":"Netherlands"}`, "country must be two upper-case letters", 200},
		{`{"event":"CRMUpdate","email":"a@example.nl","birthdate":"31/12/1985"}`, "birthdate must be YYYY-MM-DD or DD-MM-YYYY", 200},
		{`{"event":"CRMUpdate","email":"a@example.nl","userId":"1"}`, "userId is not a known field", 200},
		{`{"event":"CRMUpdate","email":"a@example.nl","custom_x":"1"}`, "custom_x is not declared", 200},
		{`{"event":"CRMUpdate","email":"a@example.nl","phone":"06 123"}`, "phone must be digits", 200},
		{`{"event":"CRMUpdate","email":"a@example.nl","language":"nl_NL"}`, "language must be of the form nl-NL", 200},
		{`{"event":"CRMUpdate","email":"a@example.nl","timestamp":"2024-07-01 14:03:00"}`, "carries no zone", 200},
		{`{"event":"CRMUpdate"}`, "NO_IDENTIFIER", 400},
		{`{"email":"a@example.nl"}`, "INVALID_EVENT", 400},
		{`"text"`, "an event must be an object", 400},
		{`{` + order + `"products":[{"id":"","quantity":1}]}`, "products[0] has no id", 400},
		{`{` + order + `"products":[{"id":"A","quantity":1,"price":"29.99"}]}`, "price must be a number, not \"29.99\"", 200},
		{`{` + order + `"products":[{"id":"A"}]}`, "A has no quantity", 200},
		{`{` + order + `"products":{"id":"A","quantity":1}}`, "Purchase needs products", 400},
		{`{` + order + `"products":[{"id":"A","quantity":1}],"totalvalue":1.005}`, "at most two decimals", 200},
		{`{` + base + `,"event":"Return","products":[{"id":"A","quantity":1}]}`, "Return needs orderid", 400},
		{`{"event":"Purchase","email":"a@example.nl","orderid":"1","products":[{"id":"A","quantity":1}]}`, "has no timestamp", 200},
		{`{"event":"EmailOptIn","email":"a@example.nl"}`, "EmailOptIn needs email and newsletter", 200},
	} {
		c := start(t, Options{CustomFields: []string{"custom_srs_customer_number"}})
		status, _ := c.track(tc.event)
		if v := strings.Join(c.s.Violations(), "\n"); status != tc.status || !strings.Contains(v, tc.want) || !strings.HasPrefix(v, "call 1, events[0]: ") {
			t.Errorf("%s: %d, violations %q, want %q", tc.event, status, v, tc.want)
		}
	}
}

func TestTimestampForms(t *testing.T) {
	c := start(t, Options{})
	for v, want := range map[string]string{
		`1719835380`: "2024-07-01 14:03:00", `"2024-07-01T12:03:00Z"`: "2024-07-01 14:03:00", `"2024-01-01T12:03:00Z"`: "2024-01-01 13:03:00",
		`"2024-07-01 14:03:00"`: "2024-07-01 14:03:00", `"2024-07-01"`: "2024-07-01 00:00:00", `"2024-07-01T14:03:00.5+0200"`: "2024-07-01 14:03:00",
	} {
		c.s.Reset()
		status, _ := c.track(`{"event":"X","email":"a@example.nl","timestamp":` + v + `}`)
		if ev := c.s.State().Events; status != 200 || len(ev) != 1 || ev[0].At != want {
			t.Errorf("%s: %d %+v, want %s", v, status, ev, want)
		}
	}
	for _, v := range []string{`"07/01/2024"`, `"tomorrow"`, `1.5`, `""`, `true`, `"2024-13-01"`} {
		if status, out := c.track(`{"event":"X","email":"a@example.nl","timestamp":` + v + `}`); status != 400 || !strings.Contains(fmt.Sprint(out), "TIMESTAMP_ERROR") {
			t.Errorf("%s: %d %v", v, status, out)
		}
	}
}
