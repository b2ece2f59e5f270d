# The default links of purchase files, evaluated for each receipt line.
mapping "purchases" {
  fields = {
    orderid   = var.order_id
    number    = "trim(klantnummer ?? '')"
    email     = "email(email ?? '')"
    timestamp = "datumtijd"
    currency  = "nullif(trim(valuta ?? ''), '')"
    amount    = "bedrag"
    product   = "{id: artikelnummer, name: nullif(omschrijving ?? '', ''), quantity: aantal, price: prijs}"
  }
}

pipeline "purchases" {
  description = "SRS receipt lines become one Purchase or Return event per order."
  schedule    = var.schedule
  after       = [pipeline.customers]

  source "ftp" "files" {
    connection = connection.ftp.activate
    path       = "${var.ftp_path}/${var.purchase_files}"
    ready      = var.ready
    after      = var.after
    create     = var.create_folder
  }

  decode "csv" {
    delimiter = var.delimiter
    charset   = var.charset
    columns = merge({
      ordernummer   = "text"
      bonnummer     = "text"
      filiaal       = "text"
      datumtijd     = "datetime '%d-%m-%Y %H:%M:%S' Europe/Amsterdam required"
      klantnummer   = "text optional"
      email         = "text optional"
      regel         = "text optional"
      artikelnummer = "text"
      omschrijving  = "text optional"
      aantal        = "int required"
      prijs         = "decimal comma required"
      bedrag        = "decimal comma required"
      valuta        = "text optional"
    }, var.purchase_columns)
  }

  map "line" {
    extends = mapping.purchases
    fields  = var.purchase_fields
  }

  group "order" {
    by     = ["orderid"]
    within = "object"
    fields = merge({
      event      = "all(rows, .amount <= 0) and any(rows, .amount < 0) ? var.return_event : 'Purchase'"
      orderid    = "first(rows).orderid"
      number     = "first(rows).number"
      email      = "first(rows).email"
      timestamp  = "first(rows).timestamp"
      currency   = "first(rows).currency"
      totalvalue = "var.return_amounts == 'abs' ? abs(sum(rows, .amount)) : sum(rows, .amount)"
      products   = "map(rows, .product)"
    }, { for name, link in var.purchase_fields : name => "first(rows).${name}" if !contains(["orderid", "number", "email", "timestamp", "currency", "amount", "product"], name) })
  }

  filter "no_customer" {
    drop = "var.strict_identity ? (number == '' or email == nil) : (number == '' and email == nil)"
  }

  dedupe "order" {
    keys = { order = "orderid" }
    keep = "first"
  }

  dedupe "customer" {
    entity = entity.profile
    keys = {
      srs   = "number"
      email = "email"
    }
    attach   = true
    conflict = "keep"
    keep     = "all"
  }

  map "event" {
    keep = "*"
    drop = ["number"]
    fields = {
      email                      = "dedupe.keys.email"
      custom_srs_customer_number = "number != '' ? number : dedupe.keys.srs"
      userid                     = "var.identify_by == 'userid' ? (number != '' ? number : dedupe.keys.srs) : nil"
    }
  }

  sink "rest" "activate" {
    connection = connection.rest.activate
    method     = "POST"
    path       = "/v1/track"
    body       = "{events: rows}"
    nulls      = "omit"
    batch {
      rows = var.batch_rows
    }
    reply {
      ok       = "status in [200, 201]"
      reject   = "status in [200, 201, 400] ? body?.errors ?? [] : []"
      accepted = "var.takes_the_rest"
    }
  }

  dead_letter {
    limit = var.reject_limit
  }
}
