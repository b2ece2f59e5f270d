package scenario

import (
	"time"

	"weir/engine/plugin"
	"weir/engine/spec"
	"weir/engine/testkit/activate"
)

// activateSpec are the named switches of the stand-in for Spotler Activate.
type activateSpec struct {
	o    activate.Options
	zone string
}

func (a *activateSpec) block() spec.Item {
	o := &a.o
	return spec.Block("activate", nil, "The account of the stand-in \"activate\", and switches for what is only assumed of the real interface.",
		spec.String("account", &o.Account).Default("12345", `"12345"`).Doc("The value of X-AUTH-ACCOUNT that is let in."),
		spec.String("api_key", &o.APIKey).Default("test-key", `"test-key"`).Doc("The value of X-AUTH-APIKEY that is let in."),
		spec.Int("auth_status", &o.AuthStatus).Default(401, "401").Doc("Status for wrong credentials; 403 is the other known one."),
		spec.Int("max_events", &o.MaxEvents).Default(100, "100").Doc("Most events in a call; -1 is any number."),
		spec.Int("max_products", &o.MaxProducts).Default(150, "150").Doc("Most products in a call; -1 is any number."),
		spec.String("zone", &a.zone).Check(checkZone).Default("Europe/Amsterdam", `"Europe/Amsterdam"`).Doc("Zone of times that carry none."),
		spec.Bool("error_objects", &o.ErrorObjects).Doc("Refusals are objects {event, code, message} instead of messages."),
		spec.Bool("errors_unplaced", &o.ErrorsUnplaced).Doc("Refusals do not tell which event is meant."),
		spec.Bool("drop_good", &o.DropGood).Doc("A call with refused events keeps none of them."),
		spec.Bool("report_processed", &o.ReportProcessed).Doc("Replies with refusals tell how many events were kept."),
		spec.Int("status_of_rejects", &o.StatusOfRejects).Default(400, "400").Doc("Status of a reply with refusals."),
		spec.Bool("honour_keys", &o.HonourKeys).Doc("A call whose idempotency key was seen is answered as before, without effect."),
		spec.String("key_header", &o.KeyHeader).Default("Idempotency-Key", `"Idempotency-Key"`).Doc("Header that carries the key."),
		spec.String("return_event", &o.ReturnEvent).Default("Return", `"Return"`).Doc("Name of the event of a return."),
		spec.Strings("identify_by", &o.IdentifyBy).Doc("Fields that identify a profile, strongest first; left out: userid, custom_srs_customer_number, email."),
		spec.Bool("keep_apart", &o.KeepApart).Doc("An event that names two profiles goes to the stronger one, instead of merging them."),
		spec.Strings("custom_fields", &o.CustomFields).Doc("The custom_ fields that exist; left out, any."),
		spec.Strings("event_fields", &o.EventFields).Doc("custom_ fields of events, which do not change the profile."),
		spec.Bool("ignore_empty_consent", &o.IgnoreEmptyConsent).Doc("An empty consent changes nothing, instead of overwriting what is known."),
		spec.Bool("allow_null", &o.AllowNull).Doc("A null is nothing to complain about."),
	)
}

func checkZone(s string) error {
	_, err := time.LoadLocation(s)
	return err
}

// options returns the options of a server on the given clock.
func (a *activateSpec) options(tls bool, c plugin.Clock) (activate.Options, error) {
	o := a.o
	loc, err := time.LoadLocation(a.zone)
	o.Location, o.TLS, o.Clock = loc, tls, c
	return o, err
}
