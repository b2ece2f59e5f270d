# The default links of customer files: Activate field = expression over SRS columns.
mapping "customers" {
  fields = {
    event                      = "'CRMUpdate'"
    email                      = "email(email ?? '')"
    custom_srs_customer_number = "nullif(trim(klantnummer), '')"
    userid                     = "var.identify_by == 'userid' ? nullif(trim(klantnummer), '') : nil"
    firstname                  = "nullif(trim(voornaam ?? ''), '')"
    lastname                   = "nullif(trim(trim(tussenvoegsel ?? '') + ' ' + trim(achternaam ?? '')), '')"
    gender                     = <<-EXPR
      upper(trim(geslacht ?? '')) == 'M' ? 'M' :
      upper(trim(geslacht ?? '')) in ['V', 'F'] ? 'F' :
      upper(trim(geslacht ?? '')) in ['O', 'X', 'U'] ? 'U' : nil
    EXPR
    birthdate                  = "geboortedatum"
    phone                      = "phone(telefoon ?? '', var.country)"
    postcode                   = "nullif(trim(postcode ?? ''), '')"
    city                       = "nullif(trim(plaats ?? ''), '')"
    country                    = "len(trim(land ?? '')) == 2 ? upper(trim(land ?? '')) : nil"
    newsletter                 = "nieuwsbrief == true ? 'yes' : nieuwsbrief == false ? 'no' : nil" # unknown consent is left out, never sent empty
    timestamp                  = "gewijzigd_op"
  }
}

pipeline "customers" {
  description = "SRS customers become profiles: known by number, else by e-mail address, else new."
  schedule    = var.schedule

  source "ftp" "files" {
    connection = connection.ftp.activate
    path       = "${var.ftp_path}/${var.customer_files}"
    ready      = var.ready
    after      = var.after
    create     = var.create_folder
  }

  decode "csv" {
    delimiter = var.delimiter
    charset   = var.charset
    columns = merge({
      klantnummer   = "text"
      email         = "text optional"
      voornaam      = "text optional"
      tussenvoegsel = "text optional"
      achternaam    = "text optional"
      geslacht      = "text optional"
      geboortedatum = "date '%d-%m-%Y' optional"
      telefoon      = "text optional"
      straat        = "text optional"
      huisnummer    = "text optional"
      postcode      = "text optional"
      plaats        = "text optional"
      land          = "text optional"
      filiaal       = "text optional"
      nieuwsbrief   = "bool 'J,ja,1' 'N,nee,0' optional"
      gewijzigd_op  = "datetime '%d-%m-%Y %H:%M:%S' Europe/Amsterdam optional"
    }, var.customer_columns)
  }

  map "profile" {
    extends = mapping.customers
    fields  = var.customer_fields
  }

  filter "no_identity" {
    drop = "custom_srs_customer_number == nil and email == nil"
  }

  dedupe "profile" {
    entity = entity.profile
    keys = {
      srs   = "custom_srs_customer_number"
      email = "email"
    }
    attach   = true
    conflict = "keep" # a known number wins over an address that belongs to another profile
    keep     = "changed"
  }

  map "event" {
    keep = "*"
    fields = {
      email = "dedupe.keys.email"
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
