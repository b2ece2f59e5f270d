package columns

import (
	"fmt"
	"strings"
	"time"

	"weir/engine/datetime"
	"weir/engine/diag"
)

const (
	isoDate = "%Y-%m-%d"
	isoTime = "%Y-%m-%dT%H:%M:%S%z"
)

// compile compiles the format in t, or the given one when there is none.
func (d *decl) compile(t token, given bool, otherwise string) *datetime.Format {
	s := otherwise
	if given {
		s = t.s
	}
	f, err := datetime.Compile(s)
	if err != nil {
		d.failTok(t, "The format is not understood", "%s.", strings.TrimSuffix(err.Error(), "."))
		return nil
	}
	return f
}

func (d *decl) date(c *Column) {
	t, given := d.quoted()
	if c.format = d.compile(t, given, isoDate); c.format == nil {
		return
	}
	if err := c.format.CanParseDate(); err != nil {
		d.failTok(t, "Dates cannot be read with this format", "%s.", strings.TrimSuffix(err.Error(), "."))
	} else if c.format.HasTime() {
		d.failTok(t, "The format holds a time of day", "a date has none. Declare the column as datetime and take the day with date(), so that its zone is known.")
	}
}

func (d *decl) datetime(c *Column, word token) {
	t, given := d.quoted()
	if c.format = d.compile(t, given, isoTime); c.format == nil {
		_, _ = d.argument()
		return
	}
	if err := c.format.CanParseTime(); err != nil {
		d.failTok(t, "Times cannot be read with this format", "%s.", strings.TrimSuffix(err.Error(), "."))
	}
	zone, ok := d.argument()
	if ok {
		loc, err := loadZone(zone.s)
		if err != nil {
			near := suggestZone(zone.s)
			d.failTok(zone, fmt.Sprintf("There is no time zone %q", zone.s), "%s", didYouMean(near)+"Zones have names such as Europe/Amsterdam or UTC.")
			return
		}
		c.Type.Zone = loc
		return
	}
	if !knowsInstant(c.format) {
		at := word
		if given {
			at = t
		}
		d.fail(at.from, at.to, "The time zone is missing", "a datetime without an offset of its own (%%z) needs a zone after the format, such as %s Europe/Amsterdam. UTC is a zone, too.", quote(c.format.String()))
	}
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// knowsInstant reports whether texts of f tell their offset themselves: with %z, or as unix seconds.
func knowsInstant(f *datetime.Format) bool {
	s := strings.ReplaceAll(f.String(), "%%", "")
	return strings.Contains(s, "%z") || strings.Contains(s, "%:z") || strings.Contains(s, "%s")
}

// loadZone is time.LoadLocation without the names that depend on the machine.
func loadZone(name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return nil, fmt.Errorf("%q is not a zone", name)
	}
	return time.LoadLocation(name)
}

// suggestZone returns the zone nearest to name, or the one whose city is nearest, or "".
func suggestZone(name string) string {
	zones := strings.Fields(zoneNames)
	if s := diag.Suggest(name, zones); s != "" {
		return s
	}
	cities := make([]string, len(zones))
	for i, z := range zones {
		cities[i] = z[strings.LastIndexByte(z, '/')+1:]
	}
	city := name[strings.LastIndexByte(name, '/')+1:]
	s := diag.Suggest(city, cities)
	for i := range cities {
		if s != "" && cities[i] == s {
			return zones[i]
		}
	}
	return ""
}

// zoneNames are the zones that a suggestion may propose.
const zoneNames = `UTC Europe/Amsterdam Europe/Andorra Europe/Athens Europe/Belgrade Europe/Berlin Europe/Bratislava Europe/Brussels
Europe/Bucharest Europe/Budapest Europe/Chisinau Europe/Copenhagen Europe/Dublin Europe/Gibraltar Europe/Helsinki Europe/Istanbul
Europe/Kyiv Europe/Lisbon Europe/Ljubljana Europe/London Europe/Luxembourg Europe/Madrid Europe/Malta Europe/Minsk Europe/Monaco
Europe/Moscow Europe/Oslo Europe/Paris Europe/Podgorica Europe/Prague Europe/Riga Europe/Rome Europe/Sarajevo Europe/Skopje
Europe/Sofia Europe/Stockholm Europe/Tallinn Europe/Tirane Europe/Vaduz Europe/Vienna Europe/Vilnius Europe/Warsaw Europe/Zagreb
Europe/Zurich Atlantic/Reykjavik Atlantic/Canary Atlantic/Azores Africa/Cairo Africa/Casablanca Africa/Johannesburg Africa/Lagos
Africa/Nairobi Africa/Tunis America/Anchorage America/Argentina/Buenos_Aires America/Bogota America/Caracas America/Chicago
America/Denver America/Halifax America/Lima America/Los_Angeles America/Mexico_City America/New_York America/Phoenix
America/Santiago America/Sao_Paulo America/St_Johns America/Toronto America/Vancouver Asia/Baghdad Asia/Bangkok Asia/Beirut
Asia/Colombo Asia/Dhaka Asia/Dubai Asia/Ho_Chi_Minh Asia/Hong_Kong Asia/Jakarta Asia/Jerusalem Asia/Karachi Asia/Kathmandu
Asia/Kolkata Asia/Kuala_Lumpur Asia/Manila Asia/Nicosia Asia/Qatar Asia/Riyadh Asia/Seoul Asia/Shanghai Asia/Singapore
Asia/Taipei Asia/Tashkent Asia/Tbilisi Asia/Tehran Asia/Tokyo Asia/Yerevan Australia/Adelaide Australia/Brisbane
Australia/Darwin Australia/Melbourne Australia/Perth Australia/Sydney Pacific/Auckland Pacific/Honolulu`
