package pipelines_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/engine"
	"weir/engine/plugin"
	"weir/engine/testkit/activate"
	"weir/engine/testkit/ftpserver"
	"weir/plugins/all"
)

const (
	customersHeader = "klantnummer;email;voornaam;tussenvoegsel;achternaam;geslacht;geboortedatum;telefoon;straat;huisnummer;postcode;plaats;land;nieuwsbrief;filiaal;gewijzigd_op\r\n"
	purchasesHeader = "ordernummer;bonnummer;filiaal;datumtijd;klantnummer;email;regel;artikelnummer;omschrijving;aantal;prijs;bedrag;valuta\r\n"
	secretPassword  = "ftp-s3cret-pw"
	secretKey       = "api-s3cret-key"
)

// rig is the connector between an FTP server and an Activate stand-in.
type rig struct {
	t     *testing.T
	ftp   *ftpserver.Server
	api   *activate.Server
	state string
	vars  map[string]string
	files int

	folder string // of the connector; "" is srs-activate
}

func newRig(t *testing.T, o activate.Options) *rig {
	t.Helper()
	f, err := ftpserver.New(ftpserver.Options{User: "srs", Password: secretPassword})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	o.APIKey = secretKey
	o.KeepApart = true
	a, err := activate.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	if err := f.FS().Mkdir("/srs"); err != nil {
		t.Fatal(err)
	}
	return &rig{t: t, ftp: f, api: a, state: t.TempDir(), vars: map[string]string{
		"ftp_host": "127.0.0.1", "ftp_port": fmt.Sprint(f.Port()), "ftp_username": "srs", "ftp_password": secretPassword, "ftp_tls": "none",
		"ready": "now", "activate_url": a.URL(), "activate_account": "12345", "activate_api_key": secretKey,
	}}
}

// put uploads a file of the given kind with the given lines below the usual header.
func (r *rig) put(kind string, lines ...string) string {
	r.files++
	header := customersHeader
	if kind == "verkopen" {
		header = purchasesHeader
	}
	name := fmt.Sprintf("/srs/%s_202407%02d000000.csv", kind, r.files)
	r.ftp.Put(name, []byte(header+strings.Join(lines, "\r\n")+"\r\n"), time.Date(2024, 7, r.files, 0, 0, 0, 0, time.UTC))
	return name
}

// try runs the connector once.
func (r *rig) try() *engine.RunReport {
	r.t.Helper()
	e, ds := engine.New(engine.Options{Plugins: all.Plugins(os.Stdout)})
	if ds != nil {
		r.t.Fatal(ds.Err())
	}
	in := engine.Inputs{Env: func(string) (string, bool) { return "", false }}
	for n, v := range r.vars {
		in.Vars = append(in.Vars, engine.VarFlag{Name: n, Value: v})
	}
	l, ds := e.Load(context.Background(), cmp.Or(r.folder, "srs-activate"), in)
	if ds.HasErrors() {
		r.t.Fatal(ds.Err())
	}
	rep, err := e.Run(context.Background(), l, engine.RunOptions{StateDir: r.state})
	if err != nil {
		r.t.Fatal(err)
	}
	return rep
}

// run is try for runs that succeed without offending the stand-in.
func (r *rig) run() (customers, purchases engine.Ledger) {
	r.t.Helper()
	rep := r.try()
	for _, p := range rep.Pipelines {
		if p.Err != nil {
			r.t.Fatalf("%s: %v", p.Name, p.Err)
		}
		if !p.Ledger.Balanced() {
			r.t.Errorf("%s: the ledger does not add up (I3): %+v", p.Name, p.Ledger)
		}
	}
	if v := r.api.Violations(); len(v) > 0 {
		r.t.Errorf("the API was offended: %q", v)
	}
	return rep.Pipelines[0].Ledger, rep.Pipelines[1].Ledger
}

// customer is a line with the usual columns; more sets some of them.
func customer(number, email string, more map[string]string) string {
	return line(customersHeader, map[string]string{"klantnummer": number, "email": email}, more)
}

// sale is one receipt line.
func sale(more map[string]string) string {
	return line(purchasesHeader, map[string]string{
		"bonnummer": "00123", "filiaal": "012", "datumtijd": "01-07-2024 14:03:00", "regel": "1", "artikelnummer": "ABC123",
		"omschrijving": "Trui", "aantal": "1", "prijs": "29,99", "bedrag": "29,99", "valuta": "EUR",
	}, more)
}

func line(header string, sets ...map[string]string) string {
	names := strings.Split(strings.TrimSpace(header), ";")
	cells := make([]string, len(names))
	for _, s := range sets {
		for n, v := range s {
			cells[slices.Index(names, n)] = v
		}
	}
	return strings.Join(cells, ";")
}

type set = map[string]string

// profile returns the only profile whose field has the value.
func (r *rig) profile(field, value string) activate.Profile {
	r.t.Helper()
	var found []activate.Profile
	for _, p := range r.api.State().Profiles {
		if p.Fields[field] == value {
			found = append(found, p)
		}
	}
	if len(found) != 1 {
		r.t.Fatalf("%d profiles with %s = %s: %+v", len(found), field, value, r.api.State().Profiles)
	}
	return found[0]
}

func (r *rig) profiles(want int) {
	r.t.Helper()
	if got := r.api.State().Profiles; len(got) != want {
		r.t.Errorf("%d profiles, want %d: %+v", len(got), want, got)
	}
}

func expect(t *testing.T, what string, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

const number = "custom_srs_customer_number"

func Test01WrongPassword(t *testing.T) {
	r := newRig(t, activate.Options{})
	r.put("klanten", customer("1", "a@example.nl", nil))
	r.vars["ftp_password"] = "wrong-s3cret"
	rep := r.try()
	msg := rep.Pipelines[0].Err.Error()
	if !strings.Contains(msg, "refused user \"srs\"") || strings.Contains(msg, "s3cret") {
		t.Errorf("message: %s", msg)
	}
	if rep.OK || plugin.ClassOf(rep.Pipelines[1].Err) != plugin.Environment {
		t.Errorf("purchases: %v", rep.Pipelines[1].Err)
	}
	r.vars["ftp_password"] = secretPassword
	c, _ := r.run()
	expect(t, "delivered after the password was corrected", c.Delivered, 1)
}

func Test03EmptyFolder(t *testing.T) {
	for name, prepare := range map[string]func(*rig){
		"empty":      func(*rig) {},
		"no folder":  func(r *rig) { r.vars["ftp_path"] = "/other" },
		"empty file": func(r *rig) { r.ftp.Put("/srs/klanten_1.csv", []byte(customersHeader), time.Now().Add(-time.Hour)) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, activate.Options{})
			prepare(r)
			c, p := r.run()
			expect(t, "read", c.Read+p.Read, 0)
			expect(t, "requests", len(r.api.Requests()), 0)
		})
	}
}

func Test04And05MappingsAndLinks(t *testing.T) {
	r := newRig(t, activate.Options{})
	r.vars["customer_fields"] = `{ custom_branch = "filiaal", firstname = "upper(voornaam ?? '')" }`
	r.vars["customer_columns"] = `{ filiaal = "text optional" }`
	r.vars["purchase_fields"] = `{ custom_branch = "filiaal" }`
	r.put("klanten", customer("1", "a@example.nl", set{"voornaam": "Jan", "filiaal": "012"}))
	r.put("verkopen", sale(set{"klantnummer": "1"}))
	r.run()
	p := r.profile(number, "1")
	expect(t, "branch", p.Fields["custom_branch"], "012")
	expect(t, "first name", p.Fields["firstname"], "JAN")
	events := r.api.State().Events
	expect(t, "branch of the order", events[len(events)-1].Fields["custom_branch"], "012")
}

func Test06To13Identity(t *testing.T) {
	r := newRig(t, activate.Options{})
	r.put("klanten",
		customer("0001", "jan@example.nl", set{"voornaam": "Jan"}), // 8: both new
		customer("", "piet@example.nl", nil),
		customer("0003", "", nil)) // 9: number only
	c, _ := r.run()
	expect(t, "delivered", c.Delivered, 3)
	r.profiles(3)

	r.put("klanten",
		customer("0001", "", set{"voornaam": "Johan"}),                               // 6: known number
		customer("0002", "Piet@Example.NL ", set{"voornaam": "Piet"}),                // 7: new number, known address
		customer("0003", "jan@example.nl", set{"voornaam": "Kees", "plaats": "Ede"})) // 10: the number wins
	c, _ = r.run()
	expect(t, "delivered", c.Delivered, 3)
	r.profiles(3)
	jan := r.profile(number, "0001")
	expect(t, "first name of 0001", jan.Fields["firstname"], "Johan") // 12
	expect(t, "address of 0001", jan.Fields["email"], "jan@example.nl")
	piet := r.profile(number, "0002") // 11
	expect(t, "address of 0002", piet.Fields["email"], "piet@example.nl")
	kees := r.profile(number, "0003")
	expect(t, "first name of 0003", kees.Fields["firstname"], "Kees")
	expect(t, "address of 0003", kees.Fields["email"], nil)

	before := fmt.Sprint(r.api.State().Profiles) // 13: the same again, under another name
	r.put("klanten",
		customer("0001", "", set{"voornaam": "Johan"}),
		customer("0002", "Piet@Example.NL ", set{"voornaam": "Piet"}),
		customer("0003", "jan@example.nl", set{"voornaam": "Kees", "plaats": "Ede"}))
	c, _ = r.run()
	expect(t, "deduplicated", c.Deduplicated, 3)
	expect(t, "state", fmt.Sprint(r.api.State().Profiles), before)
}

func Test14To23Orders(t *testing.T) {
	r := newRig(t, activate.Options{})
	r.put("klanten", customer("0001", "jan@example.nl", nil))
	minus := set{"aantal": "-1", "bedrag": "-29,99"}
	with := func(sets ...set) string {
		all := set{}
		for _, s := range sets {
			maps.Copy(all, s)
		}
		return sale(all)
	}
	r.put("verkopen",
		with(set{"ordernummer": "100", "bonnummer": "", "filiaal": "", "klantnummer": "0001", "datumtijd": "31-03-2024 03:30:00"}), // 14, 23
		with(set{"bonnummer": "00123", "klantnummer": "0001"}),                                                                     // 15, 16
		with(set{"bonnummer": "00123", "filiaal": "013", "klantnummer": "0001"}),
		with(set{"bonnummer": "00123", "datumtijd": "02-07-2024 14:03:00", "klantnummer": "0001"}),
		with(set{"bonnummer": "00123", "klantnummer": "0001", "regel": "2", "artikelnummer": "XYZ", "aantal": "2", "bedrag": "59,98"}),
		with(minus, set{"bonnummer": "00200", "klantnummer": "0001"}), // 17
		with(minus, set{"bonnummer": "00201", "email": "new@example.nl"}),
		with(set{"bonnummer": "00201", "email": "new@example.nl", "regel": "2"}), // 18
		with(set{"bonnummer": "00202"}),                        // 20
		with(set{"bonnummer": "00203", "klantnummer": "0099"})) // 21: a number nobody told of
	_, p := r.run()
	expect(t, "read", p.Read, 10)
	expect(t, "no_customer", p.Filtered["no_customer"], 1)
	expect(t, "grouped", p.Grouped, 2)
	orders := map[string]activate.Order{}
	for _, o := range r.api.State().Orders {
		orders[o.ID] = o
	}
	for id, want := range map[string]string{
		"100":                      "Purchase 1 29.99 jan@example.nl",
		"00123-012-20240701140300": "Purchase 2 89.97 jan@example.nl",
		"00123-013-20240701140300": "Purchase 1 29.99 jan@example.nl",
		"00123-012-20240702140300": "Purchase 1 29.99 jan@example.nl",
		"00200-012-20240701140300": "Return 1 -29.99 jan@example.nl",
		"00201-012-20240701140300": "Purchase 2 0 new@example.nl",
		"00203-012-20240701140300": "Purchase 1 29.99 <nil>",
	} {
		o, ok := orders[id]
		email := any(nil)
		for _, e := range r.api.State().Events {
			if e.Fields["orderid"] == id {
				email = e.Fields["email"]
			}
		}
		if got := fmt.Sprintf("%s %d %v %v", o.Event, len(o.Products), o.TotalValue, email); !ok || got != want {
			t.Errorf("order %s is %s, want %s", id, got, want)
		}
	}
	expect(t, "orders", len(orders), 7)
	expect(t, "time of 100", r.sent("100")["timestamp"], "2024-03-31T03:30:00+02:00")

	// 22: the same lines in another file.
	r.put("verkopen", with(set{"bonnummer": "00200", "klantnummer": "0001", "aantal": "-1", "bedrag": "-29,99"}))
	_, p = r.run()
	expect(t, "deduplicated", p.Deduplicated, 1)
	expect(t, "orders", len(r.api.State().Orders), 7)
}

// sent returns the event with the order id as it was sent.
func (r *rig) sent(order string) map[string]any {
	for _, q := range r.api.Requests() {
		body, _ := q.Body.(map[string]any)
		events, _ := body["events"].([]any)
		for _, e := range events {
			if m, _ := e.(map[string]any); m["orderid"] == order {
				return m
			}
		}
	}
	r.t.Fatalf("order %s was not sent", order)
	return nil
}

func Test24Refusals(t *testing.T) {
	t.Run("wrong key", func(t *testing.T) {
		r := newRig(t, activate.Options{})
		r.put("klanten", customer("1", "a@example.nl", nil))
		r.vars["activate_api_key"] = "other-s3cret"
		rep := r.try()
		err := rep.Pipelines[0].Err
		if err == nil || plugin.ClassOf(err) != plugin.Environment || !strings.Contains(err.Error(), "401") || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("error: %v", err)
		}
		expect(t, "requests", len(r.api.Requests()), 1)
		r.vars["activate_api_key"] = secretKey
		c, _ := r.run()
		expect(t, "delivered after the key was corrected", c.Delivered, 1)
	})
	t.Run("some events", func(t *testing.T) {
		r := newRig(t, activate.Options{CustomFields: []string{number}})
		r.vars["customer_columns"] = `{ land = "text from 'land' optional" }`
		r.vars["customer_fields"] = `{ timestamp = "voornaam == 'bad' ? '1-7-2024' : nil" }`
		r.put("klanten", customer("1", "a@example.nl", nil), customer("2", "b@example.nl", set{"voornaam": "bad"}), customer("3", "c@example.nl", nil))
		rep := r.try()
		l := rep.Pipelines[0].Ledger
		expect(t, "delivered, rejected", fmt.Sprint(l.Delivered, l.Rejected, rep.Pipelines[0].Err), "2 1 <nil>")
		r.profiles(2)
	})
}

func Test25UnknownConsent(t *testing.T) {
	r := newRig(t, activate.Options{})
	r.put("klanten", customer("1", "a@example.nl", set{"nieuwsbrief": "J"}))
	r.run()
	r.put("klanten", customer("1", "a@example.nl", set{"voornaam": "Anna"}))
	r.run()
	p := r.profile(number, "1")
	expect(t, "consent", p.Fields["newsletter"], "yes")
	expect(t, "first name", p.Fields["firstname"], "Anna")
}

func TestRaggedRowAndQuarantine(t *testing.T) {
	r := newRig(t, activate.Options{})
	r.put("klanten", customer("1", "a@example.nl", nil), "2;only;three", customer("3", "c@example.nl", nil))
	c, _ := r.run()
	expect(t, "read, delivered, rejected", fmt.Sprint(c.Read, c.Delivered, c.Rejected), "3 2 1")
	r.ftp.Put("/srs/klanten_bad.csv", []byte("nummer;email\r\n5;e@example.nl\r\n"), time.Now().Add(-time.Hour))
	r.put("klanten", customer("4", "d@example.nl", nil))
	rep := r.try()
	l := rep.Pipelines[0].Ledger
	expect(t, "delivered", l.Delivered, 1)
	if err := rep.Pipelines[0].Err; err == nil || !strings.Contains(err.Error(), "klanten_bad.csv") {
		t.Errorf("error: %v", err)
	}
	c, _ = r.run()
	expect(t, "read again", c.Read, 0)
}
