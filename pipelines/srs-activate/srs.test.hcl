# What the connector must do, by number: each test is one behaviour.

locals {
  customer = ["klantnummer", "email", "voornaam", "tussenvoegsel", "achternaam", "geslacht", "geboortedatum", "telefoon",
  "straat", "huisnummer", "postcode", "plaats", "land", "nieuwsbrief", "filiaal", "gewijzigd_op"]
  purchase = ["ordernummer", "bonnummer", "filiaal", "datumtijd", "klantnummer", "email", "regel", "artikelnummer",
  "omschrijving", "aantal", "prijs", "bedrag", "valuta"]

  # One line of a receipt of the shop, by a customer whom only the number names.
  sale = {
    bonnummer     = "00123"
    filiaal       = "012"
    datumtijd     = "01-07-2024 14:03:00"
    klantnummer   = "0001"
    regel         = "1"
    artikelnummer = "ABC123"
    omschrijving  = "Trui"
    aantal        = "1"
    prijs         = "29,99"
    bedrag        = "29,99"
    valuta        = "EUR"
  }
  minus = { aantal = "-1", bedrag = "-29,99" }
  jan   = { klantnummer = "0001", email = "jan@example.nl", voornaam = "Jan" }
}

defaults {
  at = "2024-07-03T12:00:00+02:00"
  vars = {
    ftp_tls          = "explicit"
    activate_account = "12345"
    activate_api_key = "key-of-activate"
  }
  serve "ftp" "activate" {
    tls     = "explicit"
    folders = ["/srs"]
  }
  serve "rest" "activate" {
    like = "activate"
    activate {
      api_key    = "key-of-activate"
      keep_apart = true
    }
  }
}

test "1 a wrong password is a clear error and no secret is shown" {
  vars = { ftp_username = "srs", ftp_password = "right-password" }
  serve "ftp" "activate" {
    tls      = "explicit"
    user     = "srs"
    password = "right-password"
    file "/srs/klanten_1.csv" {
      content = csv(";", local.customer, [local.jan])
    }
  }
  run "wrong password" {
    vars = { ftp_password = "wrong-password" }
    expect {
      error    = "refused user \"srs\""
      requests = "len(activate) == 0"
    }
  }
  run "right password" {
    vars = { ftp_password = "right-password" }
    expect {
      ledger = { customers = { read = 1, delivered = 1 } }
    }
  }
}

test "2 the first run makes the folder, the next changes nothing" {
  serve "ftp" "activate" {
    tls = "explicit"
  }
  run "enabled" {
    expect {
      files  = "folders.activate == ['/srs'] and len(activate) == 0"
      ledger = { read = 0 }
    }
  }
  run "enabled again" {
    advance = "10m"
    expect {
      files  = "folders.activate == ['/srs']"
      ledger = { read = 0 }
    }
  }
  run "files arrive" {
    file "/srs/klanten_1.csv" {
      content = csv(";", local.customer, [local.jan])
    }
    expect {
      ledger = { read = 1, delivered = 1 }
    }
  }
}

test "3 an empty folder is a run that writes nothing" {
  run "empty" {
    expect {
      requests = "len(activate) == 0"
      ledger   = { customers = { read = 0 }, purchases = { read = 0 } }
    }
  }
  run "a file with only a header" {
    file "/srs/klanten_1.csv" {
      content = csv(";", local.customer, [])
    }
    expect {
      requests = "len(activate) == 0"
      ledger   = { read = 0 }
    }
  }
}

test "4 the mappings of customers and purchases are separate" {
  vars = {
    customer_fields = { firstname = "upper(voornaam ?? '')" }
  }
  run "only customers changed" {
    file "/srs/klanten_1.csv" {
      content = csv(";", local.customer, [local.jan])
    }
    file "/srs/verkopen_1.csv" {
      content = csv(";", local.purchase, [local.sale])
    }
    expect {
      requests = [
        "activate[0].body.events[0].firstname == 'JAN'",
        "activate[1].body.events[0].orderid == '00123-012-20240701140300' and not ('firstname' in activate[1].body.events[0])",
      ]
    }
  }
  run "only purchases changed" {
    vars = {
      customer_fields = {}
      purchase_fields = { currency = "'USD'" }
    }
    file "/srs/klanten_2.csv" {
      content = csv(";", local.customer, [merge(local.jan, { voornaam = "Johan" })])
    }
    file "/srs/verkopen_2.csv" {
      content = csv(";", local.purchase, [merge(local.sale, { bonnummer = "00124" })])
    }
    expect {
      requests = "activate[0].body.events[0].firstname == 'Johan' and activate[1].body.events[0].currency == 'USD'"
    }
  }
}

test "5 default links can be overridden and custom fields added" {
  vars = {
    customer_columns = { filiaal = "text optional" }
    customer_fields  = { custom_branch = "filiaal", lastname = "upper(achternaam ?? '')" }
    purchase_fields  = { custom_branch = "filiaal" }
  }
  run "links" {
    file "/srs/klanten_1.csv" {
      content = csv(";", local.customer, [{
        klantnummer   = "0004711", email = "jan@example.nl", voornaam = "Jan", tussenvoegsel = "van", achternaam = "Smit", geslacht = "M"
        geboortedatum = "31-12-1985", telefoon = "0612345678", postcode = "1011AB", plaats = "Amsterdam", land = "NL", nieuwsbrief = "J"
        filiaal       = "012", gewijzigd_op = "01-07-2024 14:03:00"
      }])
    }
    file "/srs/verkopen_1.csv" {
      content = csv(";", local.purchase, [local.sale])
    }
    expect {
      requests = [
        <<-EXPR
          activate[0].body.events[0] == {
            event: 'CRMUpdate', email: 'jan@example.nl', custom_srs_customer_number: '0004711', firstname: 'Jan', lastname: 'SMIT',
            gender: 'M', birthdate: '1985-12-31', phone: '+31612345678', postcode: '1011AB', city: 'Amsterdam', country: 'NL',
            newsletter: 'yes', timestamp: '2024-07-01T14:03:00+02:00', custom_branch: '012'
          }
        EXPR
        ,
        "activate[1].body.events[0].custom_branch == '012'",
      ]
    }
  }
  run "genders, surnames and countries" {
    vars = { customer_fields = {} }
    file "/srs/klanten_2.csv" {
      content = csv(";", local.customer, [
        { klantnummer = "1", geslacht = "V", tussenvoegsel = "de", achternaam = "Wit", land = "Nederland" },
        { klantnummer = "2", geslacht = "O", achternaam = "Bos", nieuwsbrief = "N" },
        { klantnummer = "3", geslacht = "?" },
      ])
    }
    expect {
      requests = [
        "map(activate[0].body.events, .gender) == ['F', 'U', nil]",
        "activate[0].body.events[0].lastname == 'de Wit' and not ('country' in activate[0].body.events[0])",
        "activate[0].body.events[1].newsletter == 'no'",
      ]
    }
  }
}

test "6 a known number updates its profile and makes no second one" {
  run "new" {
    file "/srs/klanten_1.csv" {
      content = csv(";", local.customer, [local.jan])
    }
    expect {
      state = "len(activate.profiles) == 1"
    }
  }
  run "known" {
    advance = "15m"
    file "/srs/klanten_2.csv" {
      content = csv(";", local.customer, [{ klantnummer = "0001", voornaam = "Johan" }])
    }
    expect {
      ledger   = { customers = { read = 1, delivered = 1 } }
      requests = "activate[0].body.events[0].email == 'jan@example.nl'"
      state    = "len(activate.profiles) == 1 and activate.profiles[0].fields.firstname == 'Johan'"
    }
  }
}

test "7 an unknown number with a known address is attached to that profile" {
  run "address only" {
    file "/srs/klanten_1.csv" {
      content = csv(";", local.customer, [{ email = "piet@example.nl" }])
    }
    expect {
      state = "len(activate.profiles) == 1"
    }
  }
  run "number and address" {
    file "/srs/klanten_2.csv" {
      content = csv(";", local.customer, [{ klantnummer = "0002", email = " Piet@Example.NL " }])
    }
    expect {
      state = "len(activate.profiles) == 1 and activate.profiles[0].fields.custom_srs_customer_number == '0002'"
    }
  }
  run "the number alone finds the profile from now on" {
    file "/srs/klanten_3.csv" {
      content = csv(";", local.customer, [{ klantnummer = "0002", voornaam = "Piet" }])
    }
    expect {
      requests = "activate[0].body.events[0].email == 'piet@example.nl'"
      state    = "len(activate.profiles) == 1 and activate.profiles[0].fields.firstname == 'Piet'"
    }
  }
}

test "8 an unknown number and an unknown address make one profile with both" {
  run "new" {
    file "/srs/klanten_1.csv" {
      content = csv(";", local.customer, [local.jan])
    }
    expect {
      state = [
        "len(activate.profiles) == 1",
        "activate.profiles[0].fields.custom_srs_customer_number == '0001' and activate.profiles[0].fields.email == 'jan@example.nl'",
      ]
    }
  }
}

test "9 an unknown number without an address makes a profile with the number only" {
  run "new" {
    file "/srs/klanten_1.csv" {
      content = csv(";", local.customer, [{ klantnummer = "0003" }, { voornaam = "Niemand" }])
    }
    expect {
      ledger = { customers = { read = 2, delivered = 1, "filtered.no_identity" = 1 } }
      state  = "len(activate.profiles) == 1 and activate.profiles[0].fields == {custom_srs_customer_number: '0003'}"
    }
  }
}

test "10 a known number wins over an address of another profile" {
  run "two profiles" {
    file "/srs/klanten_1.csv" {
      content = csv(";", local.customer, [local.jan, { klantnummer = "0003", email = "kees@example.nl" }])
    }
    expect {
      state = "len(activate.profiles) == 2"
    }
  }
  run "the number of one, the address of the other" {
    file "/srs/klanten_2.csv" {
      content = csv(";", local.customer, [{ klantnummer = "0003", email = "jan@example.nl", plaats = "Ede" }])
    }
    expect {
      requests = "activate[0].body.events[0].email == 'kees@example.nl'"
      state = [
        "len(activate.profiles) == 2",
        "find(activate.profiles, .fields.custom_srs_customer_number == '0003').fields.city == 'Ede'",
        "not ('city' in find(activate.profiles, .fields.custom_srs_customer_number == '0001').fields)",
      ]
    }
  }
}

test "11 the number is an identifier and a custom field" {
  run "customers" {
    file "/srs/klanten_1.csv" {
      content = csv(";", local.customer, [local.jan])
    }
    file "/srs/verkopen_1.csv" {
      content = csv(";", local.purchase, [local.sale])
    }
    expect {
      requests = [
        "activate[0].body.events[0].custom_srs_customer_number == '0001'",
        "activate[1].body.events[0].custom_srs_customer_number == '0001' and activate[1].body.events[0].email == 'jan@example.nl'",
        "not ('userid' in activate[0].body.events[0])",
      ]
    }
  }
  run "as userid, where the merchant wants it" {
    vars = { identify_by = "userid" }
    file "/srs/klanten_2.csv" {
      content = csv(";", local.customer, [{ klantnummer = "0005", email = "els@example.nl" }])
    }
    file "/srs/verkopen_2.csv" {
      content = csv(";", local.purchase, [
        merge(local.sale, { bonnummer = "1", klantnummer = "0005" }),
        merge(local.sale, { bonnummer = "2", klantnummer = "", email = "els@example.nl" }),
      ])
    }
    expect {
      requests = "activate[0].body.events[0].userid == '0005' and all(activate[1].body.events, .userid == '0005')"
    }
  }
}

test "12 mapped fields fill found and created profiles" {
  run "created" {
    file "/srs/klanten_1.csv" {
      content = csv(";", local.customer, [merge(local.jan, { plaats = "Amsterdam" })])
    }
    expect {
      state = "activate.profiles[0].fields.firstname == 'Jan' and activate.profiles[0].fields.city == 'Amsterdam'"
    }
  }
  run "found by number, found by address, created" {
    file "/srs/klanten_2.csv" {
      content = csv(";", local.customer, [
        { klantnummer = "0001", plaats = "Ede" },
        { email = "jan@example.nl", voornaam = "Johan", plaats = "Ede" },
        { email = "els@example.nl", voornaam = "Els", plaats = "Goes" },
      ])
    }
    expect {
      state = [
        "map(activate.profiles, .fields.city) == ['Ede', 'Goes']",
        "map(activate.profiles, .fields.firstname) == ['Johan', 'Els']",
      ]
    }
  }
}

test "13 the same customers twice give the same state" {
  run "first" {
    file "/srs/klanten_1.csv" {
      content = csv(";", local.customer, [local.jan, { email = "piet@example.nl" }])
    }
    expect {
      ledger = { read = 2, delivered = 2 }
    }
  }
  run "the file is still there" {
    advance = "15m"
    expect {
      ledger   = { read = 0 }
      requests = "len(activate) == 0"
    }
  }
  run "under another name" {
    file "/srs/klanten_2.csv" {
      content = csv(";", local.customer, [local.jan, { email = "piet@example.nl" }])
    }
    expect {
      ledger   = { read = 2, deduplicated = 2, delivered = 0 }
      requests = "len(activate) == 0"
      state    = "len(activate.profiles) == 2 and all(activate.profiles, .events == 1)"
    }
  }
}

test "14 an online purchase has the order number as id" {
  run "online" {
    file "/srs/verkopen_1.csv" {
      content = csv(";", local.purchase, [merge(local.sale, { ordernummer = "100000123", bonnummer = "", filiaal = "" })])
    }
    expect {
      state = "len(activate.orders) == 1 and activate.orders[0].orderid == '100000123'"
    }
  }
}

test "15 a shop purchase has an id of receipt, branch and time" {
  run "equal receipt numbers" {
    file "/srs/verkopen_1.csv" {
      content = csv(";", local.purchase, [
        local.sale,
        merge(local.sale, { filiaal = "013" }),
        merge(local.sale, { datumtijd = "02-07-2024 14:03:00" }),
      ])
    }
    expect {
      state = "map(activate.orders, .orderid) == ['00123-012-20240701140300', '00123-013-20240701140300', '00123-012-20240702140300']"
    }
  }
}

test "16 all lines of a receipt become one event with several products" {
  run "two receipts, mixed" {
    file "/srs/verkopen_1.csv" {
      content = csv(";", local.purchase, [
        local.sale,
        merge(local.sale, { bonnummer = "00124" }),
        merge(local.sale, { regel = "2", artikelnummer = "XYZ_789", omschrijving = "Sjaal", aantal = "2", prijs = "39,95", bedrag = "79,90" }),
      ])
    }
    expect {
      ledger = { purchases = { read = 3, grouped = 1, delivered = 2 } }
      requests = [
        "len(activate) == 1 and len(activate[0].body.events) == 2",
        <<-EXPR
          activate[0].body.events[0].products == [
            {id: 'ABC123', name: 'Trui', quantity: 1, price: 29.99},
            {id: 'XYZ_789', name: 'Sjaal', quantity: 2, price: 39.95}
          ]
        EXPR
        ,
        "activate[0].body.events[0].totalvalue == 109.89",
      ]
    }
  }
}

test "17 an order with only minus amounts is a Return" {
  run "return" {
    file "/srs/verkopen_1.csv" {
      content = csv(";", local.purchase, [
        merge(local.sale, local.minus),
        merge(local.sale, { regel = "2", bedrag = "0,00" }),
      ])
    }
    expect {
      state = "len(activate.orders) == 1 and activate.orders[0].event == 'Return' and activate.orders[0].totalvalue == -29.99"
    }
  }
  run "without the sign, under another name" {
    vars = { return_amounts = "abs", return_event = "Refund" }
    file "/srs/verkopen_2.csv" {
      content = csv(";", local.purchase, [merge(local.sale, local.minus, { bonnummer = "00124" })])
    }
    expect {
      requests = "activate[0].body.events[0].event == 'Refund' and activate[0].body.events[0].totalvalue == 29.99"
    }
  }
}

test "18 an exchange is a Purchase with all its lines" {
  run "exchange" {
    file "/srs/verkopen_1.csv" {
      content = csv(";", local.purchase, [
        merge(local.sale, local.minus),
        merge(local.sale, { regel = "2", artikelnummer = "DEF456", prijs = "59,95", bedrag = "59,95" }),
      ])
    }
    expect {
      state = [
        "len(activate.orders) == 1 and activate.orders[0].event == 'Purchase'",
        "map(activate.orders[0].products, .id) == ['ABC123', 'DEF456']",
        "activate.orders[0].totalvalue == 29.96",
      ]
    }
  }
}

test "19 an order with only plus amounts is a Purchase" {
  run "purchase" {
    file "/srs/verkopen_1.csv" {
      content = csv(";", local.purchase, [local.sale, merge(local.sale, { bonnummer = "2", bedrag = "0,00" })])
    }
    expect {
      state = "map(activate.orders, .event) == ['Purchase', 'Purchase']"
    }
  }
}

test "20 an order without number and address is skipped and counted" {
  run "nobody" {
    file "/srs/verkopen_1.csv" {
      content = csv(";", local.purchase, [local.sale, merge(local.sale, { bonnummer = "2", klantnummer = "" })])
    }
    expect {
      ledger = { purchases = { read = 2, delivered = 1, "filtered.no_customer" = 1 } }
      state  = "len(activate.orders) == 1"
    }
  }
  run "strict: both are needed" {
    vars = { strict_identity = true }
    file "/srs/verkopen_2.csv" {
      content = csv(";", local.purchase, [
        merge(local.sale, { bonnummer = "3" }),
        merge(local.sale, { bonnummer = "4", email = "jan@example.nl" }),
      ])
    }
    expect {
      ledger = { purchases = { read = 2, delivered = 1, "filtered.no_customer" = 1 } }
    }
  }
}

test "21 an order finds its profile by number or by address" {
  run "orders" {
    file "/srs/klanten_1.csv" {
      content = csv(";", local.customer, [local.jan, { email = "piet@example.nl" }])
    }
    file "/srs/verkopen_1.csv" {
      content = csv(";", local.purchase, [
        merge(local.sale, { bonnummer = "1" }),
        merge(local.sale, { bonnummer = "2", klantnummer = "", email = "Piet@example.nl" }),
        merge(local.sale, { bonnummer = "3", klantnummer = "0099" }),
      ])
    }
    expect {
      requests = "map(activate[1].body.events, .email) == ['jan@example.nl', 'piet@example.nl', nil]"
      state = [
        "len(activate.profiles) == 3",
        "activate.orders[0].contact_id == find(activate.profiles, .fields.email == 'jan@example.nl').contact_id",
        "activate.orders[1].contact_id == find(activate.profiles, .fields.email == 'piet@example.nl').contact_id",
        "activate.orders[2].contact_id == find(activate.profiles, .fields.custom_srs_customer_number == '0099').contact_id",
      ]
    }
  }
}

test "22 the same purchases twice make no second order" {
  run "first" {
    file "/srs/verkopen_1.csv" {
      content = csv(";", local.purchase, [local.sale, merge(local.sale, { bonnummer = "2" })])
    }
    expect {
      ledger = { purchases = { read = 2, delivered = 2 } }
    }
  }
  run "uploaded again under the same name" {
    advance = "1h"
    file "/srs/verkopen_1.csv" {
      content = csv(";", local.purchase, [local.sale, merge(local.sale, { bonnummer = "2" })])
    }
    expect {
      ledger   = { delivered = 0 }
      requests = "len(activate) == 0"
    }
  }
  run "under another name, with a new order" {
    file "/srs/verkopen_2.csv" {
      content = csv(";", local.purchase, [local.sale, merge(local.sale, { bonnummer = "2" }), merge(local.sale, { bonnummer = "3" })])
    }
    expect {
      ledger = { purchases = { read = 3, deduplicated = 2, delivered = 1 } }
      state  = "len(activate.orders) == 3 and all(activate.orders, .events == 1)"
    }
  }
  run "a crash after the delivery repeats it with its key" {
    crash_at = "after_delivery"
    file "/srs/verkopen_3.csv" {
      content = csv(";", local.purchase, [merge(local.sale, { bonnummer = "4" })])
    }
    expect {
      requests = "len(activate) == 1"
      ledger   = { delivered = 0 }
    }
  }
  run "after the crash" {
    expect {
      requests = [
        "len(activate) == 1 and activate[0].body == history.activate[len(history.activate) - 2].body",
        "activate[0].headers['Idempotency-Key'] == history.activate[len(history.activate) - 2].headers['Idempotency-Key']",
      ]
      ledger = { purchases = { read = 1, delivered = 1 } }
      state  = "len(activate.orders) == 4"
    }
  }
}

test "23 leading zeros, decimal commas and times over the summer-time switch" {
  run "times" {
    file "/srs/klanten_1.csv" {
      content = csv(";", local.customer, [merge(local.jan, { klantnummer = "0004711" })])
    }
    file "/srs/verkopen_1.csv" {
      content = csv(";", local.purchase, [
        merge(local.sale, { klantnummer = "0004711", bonnummer = "007", datumtijd = "31-03-2024 01:59:59", prijs = "1234,50", bedrag = "1234,50" }),
        merge(local.sale, { klantnummer = "0004711", bonnummer = "008", datumtijd = "31-03-2024 03:00:00" }),
        merge(local.sale, { klantnummer = "0004711", bonnummer = "009", datumtijd = "27-10-2024 01:59:59" }),
        merge(local.sale, { klantnummer = "0004711", bonnummer = "010", datumtijd = "27-10-2024 03:00:00" }),
      ])
    }
    expect {
      requests = [
        "activate[0].body.events[0].custom_srs_customer_number == '0004711'",
        <<-EXPR
          map(activate[1].body.events, .timestamp) == [
            '2024-03-31T01:59:59+01:00', '2024-03-31T03:00:00+02:00', '2024-10-27T01:59:59+02:00', '2024-10-27T03:00:00+01:00'
          ]
        EXPR
        ,
        "activate[1].body.events[0].orderid == '007-012-20240331015959' and activate[1].body.events[0].totalvalue == 1234.5",
      ]
    }
  }
}

test "24 refusals of Activate stop or are reported, and nothing is lost" {
  run "401 stops the run" {
    vars = { activate_api_key = "another-key" }
    file "/srs/klanten_1.csv" {
      content = csv(";", local.customer, [local.jan, { klantnummer = "0002", voornaam = "bad" }, { klantnummer = "0003" }])
    }
    expect {
      error    = "401"
      requests = "len(activate) == 1"
      ledger   = { delivered = 0 }
    }
  }
  run "403 stops the run" {
    fault "rest" "activate" {
      status = 403
      body   = "{\"errors\": [\"account is closed\"]}"
    }
    expect {
      error    = "403.*account is closed"
      requests = "len(activate) == 1"
    }
  }
  run "400 names the refused events, the others are kept" {
    vars = {
      activate_api_key = "key-of-activate"
      customer_fields  = { timestamp = "voornaam == 'bad' ? '1-7-2024' : nil" }
    }
    expect {
      ledger     = { customers = { read = 3, delivered = 2, rejected = 1 } }
      rejects    = "len(rejects) == 1 and rejects[0].row == 2 and rejects[0].reason contains 'TIMESTAMP_ERROR' and rejects[0].raw startsWith '0002'"
      violations = "all(activate, # contains 'TIMESTAMP_ERROR')"
      state      = "map(activate.profiles, .fields.custom_srs_customer_number) == ['0001', '0003']"
    }
  }
  run "times carry their offset, unknown consent is left out" {
    vars = { customer_fields = {} }
    file "/srs/klanten_2.csv" {
      content = csv(";", local.customer, [{ klantnummer = "0004", gewijzigd_op = "01-12-2024 14:03:00" }])
    }
    expect {
      requests = "activate[0].body.events[0].timestamp == '2024-12-01T14:03:00+01:00' and not ('newsletter' in activate[0].body.events[0])"
    }
  }
  run "too many requests are sent again later" {
    fault "rest" "activate" {
      status      = 429
      retry_after = "30"
      times       = 2
    }
    file "/srs/klanten_3.csv" {
      content = csv(";", local.customer, [{ klantnummer = "0005" }])
    }
    expect {
      requests = "map(activate, .status) == [429, 429, 200] and len(uniq(map(activate, .headers['Idempotency-Key']))) == 1"
      ledger   = { customers = { read = 1, delivered = 1 } }
    }
  }
}

test "25 unknown consent leaves an opt-in as it is" {
  run "opted in" {
    file "/srs/klanten_1.csv" {
      content = csv(";", local.customer, [merge(local.jan, { nieuwsbrief = "J" })])
    }
    expect {
      state = "activate.profiles[0].fields.newsletter == 'yes'"
    }
  }
  run "consent unknown" {
    file "/srs/klanten_2.csv" {
      content = csv(";", local.customer, [{ klantnummer = "0001", voornaam = "Johan" }])
    }
    expect {
      requests = "not ('newsletter' in activate[0].body.events[0])"
      state    = "activate.profiles[0].fields.newsletter == 'yes' and activate.profiles[0].fields.firstname == 'Johan'"
    }
  }
}

# The connector is served, and its configuration changes while it is.

test "26 a mapping that changes in the middle of a file takes effect at a batch boundary" {
  batch = "1B" # a small file is read as a big one is
  vars  = { batch_rows = 2 }
  start "nothing to do" {}
  reload "first names in capitals" {
    file "/srs/klanten_1.csv" {
      content = csv(";", local.customer, [for n in range(1, 9) : merge(local.jan, { klantnummer = "000${n}", email = "jan${n}@example.nl" })])
    }
    at = "before_delivery 2"
    edit "customers.hcl" {
      replace = "\"nullif(trim(voornaam ?? ''), '')\""
      with    = "\"nullif(upper(trim(voornaam ?? '')), '')\""
    }
    expect {
      outcome    = "applied"
      actions    = { customers = "swap" }
      ledger     = { customers = { read = 8, delivered = 8 } }
      deliveries = "map(deliveries, .generation) == [1, 1, 2, 2]"
      requests = [
        "map(flatten(map(activate, .body.events)), .custom_srs_customer_number) == map(1..8, '000' + string(#))",
        "map(flatten(map(activate, .body.events)), .firstname) == ['Jan', 'Jan', 'Jan', 'Jan', 'JAN', 'JAN', 'JAN', 'JAN']",
        "len(uniq(map(activate, .headers['Idempotency-Key']))) == 4",
      ]
    }
  }
  advance "what was delivered is known" {
    by = "1h"
    expect {
      requests = "len(activate) == 0"
    }
  }
}

test "27 a broken file keeps the last good plan, and hinders no other pipeline" {
  start "nothing to do" {}
  reload "a typing error in one file, a change in the other" {
    edit "customers.hcl" {
      replace = "trim(voornaam ?? '')"
      with    = "trim(voornam ?? '')"
    }
    edit "purchases.hcl" {
      replace = "quantity: aantal,"
      with    = "quantity: abs(aantal),"
    }
    expect {
      outcome = "partial"
      error   = "There is no column \"voornam\" here.*Did you mean \"voornaam\""
      actions = { customers = "keep", purchases = "swap" }
      verdict = "verdict.diagnostics[0].range.file endsWith 'customers.hcl' and verdict.kept == 1"
    }
  }
  run "customers go on as they were, purchases as they are" {
    file "/srs/klanten_1.csv" {
      content = csv(";", local.customer, [local.jan])
    }
    file "/srs/verkopen_1.csv" {
      content = csv(";", local.purchase, [merge(local.sale, local.minus)])
    }
    expect {
      requests = "activate[0].body.events[0].firstname == 'Jan' and activate[1].body.events[0].products[0].quantity == 1"
    }
  }
  reload "mended" {
    edit "customers.hcl" {
      replace = "voornam ??"
      with    = "voornaam ??"
    }
    expect {
      outcome = "unchanged"
    }
  }
}

test "28 a change of what customers are known by is refused with their number" {
  run "two customers" {
    file "/srs/klanten_1.csv" {
      content = csv(";", local.customer, [local.jan, { klantnummer = "0002", email = "eva@example.nl" }])
    }
    expect {
      ledger = { customers = { read = 2, delivered = 2 } }
    }
  }
  start "served from here on" {}
  reload "numbers without zeros" {
    edit "customers.hcl" {
      replace = "srs   = \"custom_srs_customer_number\""
      with    = "srs   = \"trimPrefix(custom_srs_customer_number ?? '', '0')\""
    }
    expect {
      outcome = "rejected"
      actions = { customers = "restart refused" }
      error   = "customers would lose what it knows: dedupe.profile: the key srs is computed in another way.*2 entities with 4 keys are stored in entity.profile"
    }
  }
  run "both are known" {
    file "/srs/klanten_2.csv" {
      content = csv(";", local.customer, [local.jan])
    }
    expect {
      ledger   = { customers = { read = 1, deduplicated = 1 } }
      requests = "len(activate) == 0"
    }
  }
}

test "29 a process that dies while it takes a change goes on with it, and nothing is lost" {
  batch = "1B"
  vars  = { batch_rows = 2 }
  start "nothing to do" {}
  reload "killed when the first rows with the new mapping are sent" {
    file "/srs/klanten_1.csv" {
      content = csv(";", local.customer, [for n in range(1, 9) : merge(local.jan, { klantnummer = "000${n}", email = "jan${n}@example.nl" })])
    }
    at       = "before_delivery 2"
    crash_at = "after_delivery 2" # the first commits what has the old mapping
    edit "customers.hcl" {
      replace = "\"nullif(trim(voornaam ?? ''), '')\""
      with    = "\"nullif(upper(trim(voornaam ?? '')), '')\""
    }
    expect {
      ledger = { customers = { read = 4, delivered = 4 } }
    }
  }
  start "the same configuration" {}
  run "the rest" {
    expect {
      ledger = { customers = { read = 4, delivered = 4 } }
      requests = [
        "map(flatten(map(activate, .body.events)), .firstname) == ['JAN', 'JAN', 'JAN', 'JAN']",
        "len(uniq(map(history.activate, .headers['Idempotency-Key']))) == 4",
      ]
      state = "len(activate.profiles) == 8"
    }
  }
}

test "30 a server that is away is tried again after a pause, and the schedule goes on" {
  start "away" {
    file "/srs/klanten_1.csv" {
      content = csv(";", local.customer, [local.jan])
    }
    fault "ftp" "activate" {
      refuse_login = "421 Too many connections."
    }
    expect {
      error    = "421"
      requests = "len(activate) == 0"
    }
  }
  advance "back again" {
    by = "10s"
    expect {
      ledger = { customers = { read = 1, delivered = 1 } }
    }
  }
  advance "an hour" {
    by = "1h"
    expect {
      runs = "count(runs, .pipeline == 'customers') == 6 and all(runs, .outcome == 'succeeded')"
    }
  }
}

test "31 a customer that Activate refused is sent by the next full export, though nothing changed" {
  run "one is refused" {
    vars = { customer_fields = { timestamp = "voornaam == 'bad' ? '1-7-2024' : nil" } }
    file "/srs/klanten_1.csv" {
      content = csv(";", local.customer, [local.jan, { klantnummer = "0002", voornaam = "bad" }])
    }
    expect {
      ledger     = { customers = { read = 2, delivered = 1, rejected = 1 } }
      violations = "all(activate, # contains 'TIMESTAMP_ERROR')"
      state      = "map(activate.profiles, .fields.custom_srs_customer_number) == ['0001']"
    }
  }
  run "the mapping is mended, and the export comes again" {
    vars = { customer_fields = {} }
    file "/srs/klanten_2.csv" {
      content = csv(";", local.customer, [local.jan, { klantnummer = "0002", voornaam = "bad" }])
    }
    expect {
      ledger = { customers = { read = 2, delivered = 1, deduplicated = 1 } }
      state  = "map(activate.profiles, .fields.custom_srs_customer_number) == ['0001', '0002']"
    }
  }
  run "once more" {
    file "/srs/klanten_3.csv" {
      content = csv(";", local.customer, [local.jan, { klantnummer = "0002", voornaam = "bad" }])
    }
    expect {
      requests = "len(activate) == 0"
      ledger   = { customers = { read = 2, deduplicated = 2 } }
    }
  }
}
