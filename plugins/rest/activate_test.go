package rest

import (
	"fmt"
	"strings"
	"testing"

	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/testkit/activate"
	"weir/engine/testkit/restserver"
)

// customers is a batch of CRMUpdate events; the consent of every third is unknown.
func customers(n int) *record.Batch {
	b := new(record.Batch)
	b.Reset(record.NewSchema([]record.Field{
		{Name: "event", Type: record.Of(record.String)}, {Name: "email", Type: record.Of(record.String)},
		{Name: "newsletter", Type: record.NullableOf(record.String)}, {Name: "birthdate", Type: record.NullableOf(record.Date)},
		{Name: "timestamp", Type: record.Of(record.String)},
	}), n)
	for i := range n {
		b.Cols[0].SetString(i, []byte("CRMUpdate"))
		b.Cols[1].SetString(i, fmt.Appendf(nil, "p%d@example.nl", i))
		b.Cols[2].SetString(i, []byte("yes"))
		if i%3 == 0 {
			b.Cols[2].SetNull(i)
		}
		b.Cols[3].Ints[i] = int64(5000 + i)
		b.Cols[4].SetString(i, []byte("2024-07-01T14:03:00+02:00"))
	}
	return b
}

const track = `path = "/v1/track"
nulls = "omit"
body = "{events: rows}"
batch {
  rows = 100
}
reply {
  ok     = "status in [200, 201]"
  reject = "status == 400 ? body.errors : []"
  %s
}`

func activateSink(t *testing.T, o activate.Options, option string) (*activate.Server, plugin.Writer) {
	t.Helper()
	o.APIKey = apiKey
	srv, err := activate.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	})
	conn, ds := connection(t, fmt.Sprintf("url = %q\nheaders = {\n X-AUTH-ACCOUNT = \"12345\"\n X-AUTH-APIKEY = key\n}", srv.URL()))
	if ds.HasErrors() {
		t.Fatal(ds.Err())
	}
	s, ds := sink(t, fmt.Sprintf(track, option), conn, customers(0).Schema)
	if ds.HasErrors() {
		t.Fatal(ds.Err())
	}
	w, err := s.Open(t.Context(), newHost(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close(t.Context()) })
	return srv, w
}

func TestActivateTakesWhatIsSent(t *testing.T) {
	srv, w := activateSink(t, activate.Options{HonourKeys: true}, "")
	srv.Fail(restserver.Fault{Lose: true})
	srv.Fail(restserver.Fault{Status: 429, RetryAfter: "2"})
	if rejected, err := deliver(t, w, customers(50)); err != nil || rejected != nil {
		t.Fatalf("rejected %v, error %v", rejected, err)
	}
	if v := srv.Violations(); len(v) != 0 {
		t.Errorf("violations: %s", strings.Join(v, "\n"))
	}
	st := srv.State()
	if len(st.Events) != 50 || len(st.Profiles) != 50 || st.Profiles[3].Fields["newsletter"] != nil || len(srv.Requests()) != 3 {
		t.Errorf("%d events, %d profiles, %d requests", len(st.Events), len(st.Profiles), len(srv.Requests()))
	}
}

// However the assumptions about refusals turn out, the refused event is
// rejected, and every other arrives.
func TestActivateRefusesOneEvent(t *testing.T) {
	for _, tc := range []struct {
		name     string
		o        activate.Options
		option   string
		requests int
		events   int
	}{
		{"messages with a place; good ones are kept", activate.Options{}, "", 2, 38},
		{"counted", activate.Options{ReportProcessed: true}, `accepted = "body.processed"`, 1, 19},
		{"assumed to be kept", activate.Options{}, `accepted = "rows - len(body.errors)"`, 1, 19},
		{"objects; good ones are dropped", activate.Options{ErrorObjects: true, DropGood: true}, "", 2, 19},
		{"without a place; good ones are dropped", activate.Options{ErrorsUnplaced: true, DropGood: true}, "", 9, 19},
	} {
		t.Run(tc.name, func(t *testing.T) {
			srv, w := activateSink(t, tc.o, tc.option)
			b := customers(20)
			b.Cols[4].SetString(7, []byte("01-07-2024"))
			rejected, err := deliver(t, w, b)
			if err != nil || len(rejected) != 1 || rejected[0].Row != 7 || !strings.Contains(rejected[0].Reason, "TIMESTAMP_ERROR") {
				t.Fatalf("rejected %v, error %v", rejected, err)
			}
			st := srv.State()
			if n := len(srv.Requests()); len(st.Profiles) != 19 || len(st.Events) != tc.events || n != tc.requests {
				t.Errorf("%d profiles, %d events, %d requests", len(st.Profiles), len(st.Events), n)
			}
			for _, v := range srv.Violations() {
				if !strings.Contains(v, "TIMESTAMP_ERROR") && !strings.Contains(v, "carries no zone") && !strings.Contains(v, "01-07-2024") {
					t.Error(v)
				}
			}
		})
	}
}

func TestActivateRefusesCredentials(t *testing.T) {
	srv, w := activateSink(t, activate.Options{AuthStatus: 403, Account: "54321"}, "")
	_, err := deliver(t, w, customers(1))
	if f := failure(t, err); f.Code != "env.credentials_refused" || !strings.Contains(err.Error(), "Invalid account or API key") || len(srv.Requests()) != 1 {
		t.Errorf("error %v", err)
	}
}
