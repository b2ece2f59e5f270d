# Job C: order lines, sorted by receipt, become one JSON object a receipt.

variable "input" {
  type        = string
  description = "Order lines, delimited with |"
}

variable "output" {
  type        = string
  description = "NDJSON file to write"
}

pipeline "c" {
  source "file" "receipts" {
    path  = var.input
    ready = "now"
    after = "keep"
  }

  decode "csv" {
    delimiter = "|"
    columns = {
      receipt_no  = "text"
      branch      = "text"
      datetime    = "datetime '%d-%m-%Y %H:%M:%S' UTC"
      customer_no = "text"
      email       = "text"
      sku         = "text"
      qty         = "int required"
      price       = "decimal comma required"
    }
  }

  group "receipt" {
    by     = ["receipt_no"]
    within = "adjacent" # the lines of a receipt follow one another, so only one receipt is held
    fields = {
      receiptNo  = "first(rows).receipt_no"
      branch     = "first(rows).branch"
      dateTime   = "strftime(first(rows).datetime, '%Y-%m-%dT%H:%M:%S')"
      customerId = "first(rows).customer_no"
      email      = "lower(trim(first(rows).email))"
      type       = "all(rows, .qty < 0) ? 'return' : 'sale'"
      total      = "round(sum(rows, .qty * .price), 2)"
      lines      = "map(rows, {{sku: .sku, qty: .qty, price: .price}})"
    }
  }

  sink "file" "out" {
    path   = var.output
    format = "ndjson"
    exists = "replace"
  }
}
