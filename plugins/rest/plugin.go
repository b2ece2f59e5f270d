// Package rest delivers rows to systems with an HTTP interface.
//
// The connection "rest" holds address, credentials and limits; the sink "rest"
// turns rows into request bodies, judges the replies by expressions, repeats
// what may be repeated and finds the rows that a receiver refuses.
//
// # What a receiver gets
//
// A delivery is sent until a reply says that it was taken, so a receiver may see
// it more than once: after a lost reply, a crash, a 503. Every request carries
// a key (Idempotency-Key by default), made of the delivery's key and a digest of
// method, path, query and body. One key is one request, for ever. What is repeated is the same
// request under the same key, on every retry, by the next run and after a crash, because what
// it is made of is durable before it is sent: where deliveries are cut, what now() gives.
// A receiver that remembers keys applies each once. What cannot be held makes another
// request, under another key: the mapping was changed in between, or another
// pipeline changed what the row looks up. A receiver that took the first one then has
// both; the run says so when the configuration was changed.
//
// A reply that is ok is searched for failures that it carries nevertheless
// (reply.failures), and a request that is too large (413) is sent in halves.
//
// A reply may refuse some rows (reply.reject). Three cases follow:
//
//   - The reply is ok, or reply.accepted counts the other rows as taken: they are
//     delivered; only the refused rows are rejected.
//   - The reply is not ok and nothing says that the other rows were taken: they are
//     sent again without the refused ones.
//   - A refusal cannot be assigned to a row: the rows are sent again in halves,
//     down to the single row that is refused (reply.unassigned = "split").
//
// A request for a part of a delivery has the key of the delivery, a slash and
// the places of its rows ("k/0-49"). A receiver that takes the
// good rows of a refused request therefore gets them a second time under another
// key: choose unassigned = "stop" or "all", or rows = 1, where it cannot bear that.
package rest

import "weir/engine/plugin"

// Plugin returns the plugin "rest".
func Plugin() plugin.Plugin {
	return plugin.Plugin{
		Name:       "rest",
		Summary:    "Sends rows to an HTTP interface as JSON, with retries, rate limit and idempotency keys.",
		Example:    example,
		Connection: func() plugin.Connection { return new(Connection) },
		Sink:       func() plugin.Sink { return new(Sink) },
	}
}

const example = `connection "rest" "shop" {
  url        = "https://api.example.com"
  headers    = { X-AUTH-ACCOUNT = "12345" }
  timeout    = "30s"
  rate_limit = "10/s"
}

pipeline "orders" {
  source "file" "in" {
    path = "/data/in/*.csv"
  }
  decode "csv" {
    columns = { id = "text" }
  }
  sink "rest" "shop" {
    connection = connection.rest.shop
    path       = "/v1/orders"
    body       = "{orders: rows}"
    batch {
      rows = 100
      wait = "2s"
    }
    reply {
      ok     = "status in [200, 201]"
      reject = "status == 400 ? body.errors : []"
    }
  }
}
`
