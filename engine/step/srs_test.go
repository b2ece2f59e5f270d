package step

import (
	"strings"
	"testing"

	"weir/engine/record"
)

// chain runs steps one after the other, as a pipeline does.
type chain struct {
	t    *testing.T
	runs []*trial
}

func (c *chain) object(b *record.Batch) []string {
	c.t.Helper()
	for _, r := range c.runs {
		r.rows = nil
	}
	c.feed(0, b)
	for i, r := range c.runs {
		err := r.run.EndObject(c.t.Context(), &r.tally, func(b *record.Batch) error {
			r.refused(b)
			c.feed(i+1, b)
			return nil
		})
		if err != nil {
			c.t.Fatal(err)
		}
	}
	return c.runs[len(c.runs)-1].rows
}

func (c *chain) feed(i int, b *record.Batch) {
	c.t.Helper()
	if i == len(c.runs) {
		c.runs[i-1].collect(b)
		return
	}
	r := c.runs[i]
	out, err := r.run.Apply(c.t.Context(), b, &r.tally)
	if err != nil {
		c.t.Fatal(err)
	}
	r.refused(b)
	if out != nil {
		c.feed(i+1, out)
	}
}

// purchases is the order pipeline of a shop's till: lines become orders.
func purchases(t *testing.T, env Env) *chain {
	t.Helper()
	c := &chain{t: t}
	in := schema("ordernummer string", "bonnummer string", "filiaal string", "tijd string", "klantnummer string", "email string?", "artikel string", "bedrag decimal")
	for _, st := range [][2]string{
		{"map", `fields = {
			order_id = "ordernummer != '' ? ordernummer : bonnummer + '-' + filiaal + '-' + tijd"
			number   = "trim(klantnummer)"
			email    = "email"
			amount   = "bedrag"
			product  = "{id: artikel, price: bedrag}"
		}`},
		{"group", `by = ["order_id"]
		fields = {
			order_id = "first(rows).order_id"
			number   = "first(rows).number"
			email    = "first(rows).email"
			event    = "all(rows, .amount <= 0) and any(rows, .amount < 0) ? 'Return' : 'Purchase'"
			total    = "sum(rows, .amount)"
			products = "map(rows, .product)"
		}`},
		{"filter", `drop = "number == '' and email == nil"`},
		{"dedupe", `keys = { order = "order_id" }`},
		{"map", `fields = { line = "order_id + ' ' + event + ' ' + string(total) + ' ' + string(len(products))" }`},
	} {
		s := bind(t, st[0], in, st[1], nil)
		c.runs = append(c.runs, start(t, s, env))
		in = s.Out()
	}
	return c
}

func TestPurchases(t *testing.T) {
	env := store{}.env()
	in := purchases(t, env).runs[0].step.(*mapStep).in
	file := func() *record.Batch {
		return table(in, 1,
			"W1|||2024|7|~|a|10.00", "W1|||2024|7|~|b|2.50", // online: the order number
			"|5|A|2024|7|~|c|-4.00", "|5|A|2024|7|~|d|0", "|5|A|2024|7|~|e|-1", // all minus or neutral
			"|5|B|2024|7|~|f|3", "|5|B|2024|7|~|g|-1", // the same receipt in another branch: an exchange
			"W2|||2024|||h|1", "W3|||2024||~|i|1", "W4|||2024||x@y|j|0") // an e-mail is '' or nil or there
	}
	c := purchases(t, env)
	got := c.object(file())
	orders := make([]string, 0, len(got))
	for _, row := range got {
		line, _, _ := strings.Cut(row, "|")
		orders = append(orders, line)
	}
	want(t, "orders", orders, []string{"W1 Purchase 12.5 2", "5-A-2024 Return -5 3", "5-B-2024 Purchase 2 2", "W2 Purchase 1 1", "W4 Purchase 0 1"})
	if f := c.runs[2].tally.Filtered; f != 1 {
		t.Errorf("filtered %d, want the one without number and e-mail", f)
	}
	again := purchases(t, env)
	if got := again.object(file()); len(got) != 0 || again.runs[3].tally.Deduplicated != 5 {
		t.Errorf("the same file again gives %q", got)
	}
}
