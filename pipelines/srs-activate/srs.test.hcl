locals {
  customer_columns = ["klantnummer", "email", "voornaam", "tussenvoegsel", "achternaam", "geslacht", "geboortedatum", "telefoon", "straat",
  "huisnummer", "postcode", "plaats", "land", "nieuwsbrief", "filiaal", "gewijzigd_op"]
}

defaults {
  at = "2024-07-03T12:00:00+02:00"
  vars = {
    activate_account = "12345"
    activate_api_key = "test-key"
  }
  serve "ftp" "activate" {
    tls     = "explicit"
    folders = ["/srs"]
  }
  serve "rest" "activate" {
    like = "activate"
    activate {
      keep_apart = true
    }
  }
}

test "6 known number" {
  run "first" {
    file "/srs/klanten_1.csv" {
      content = csv(";", local.customer_columns, [{ klantnummer = "0001", email = "jan@example.nl", voornaam = "Jan" }])
    }
    expect {
      requests = "len(activate) == 1 and activate[0].body.events[0].email == 'jan@example.nl'"
      ledger   = { read = 1, delivered = 1 }
      state    = "len(activate.profiles) == 1"
    }
  }
  run "crash" {
    advance  = "15m"
    crash_at = "before_commit"
    file "/srs/klanten_2.csv" {
      content = csv(";", local.customer_columns, [{ klantnummer = "0001", email = "jan@example.nl", voornaam = "Piet" }])
    }
    expect {
      requests = "len(activate) == 1"
      ledger   = { read = 0 }
    }
  }
  run "again" {
    expect {
      requests = "len(activate) == 1 and activate[0].headers['Idempotency-Key'] == all.activate[1].headers['Idempotency-Key']"
      ledger   = { customers = { read = 1, delivered = 1 } }
      state    = "activate.profiles[0].fields.firstname == 'Piets'"
    }
  }
}
