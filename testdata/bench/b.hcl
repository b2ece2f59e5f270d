# Job B: job A, then the first row of each customer. The keys are durable state.

variable "input" {
  type        = string
  description = "Customers, delimited with |"
}

variable "output" {
  type        = string
  description = "NDJSON file to write"
}

pipeline "b" {
  source "file" "customers" {
    path  = var.input
    ready = "now"
    after = "keep"
  }

  decode "csv" {
    delimiter = "|"
    columns = {
      customer_no   = "text"
      email         = "text"
      first_name    = "text"
      last_name     = "text"
      gender        = "text"
      birth_date    = "text"
      street        = "text"
      house_no      = "text"
      postal_code   = "text"
      city          = "text"
      country       = "text"
      phone         = "text"
      mobile        = "text"
      registered_at = "text"
      last_order    = "text"
      total_spent   = "decimal comma"
      discount      = "decimal comma"
      newsletter    = "text"
      sms_consent   = "text"
      notes         = "text"
    }
  }

  map "customer" {
    fields = {
      customerId   = "customer_no"
      email        = "lower(trim(email))"
      name         = "trim(first_name + ' ' + last_name)"
      gender       = "gender == 'M' ? 'male' : gender in ['F', 'K'] ? 'female' : gender == 'X' ? 'other' : 'unknown'"
      birthDate    = "date_or_nil(birth_date, '%d-%m-%Y')"
      street       = "street + ' ' + house_no"
      postalCode   = "postal_code"
      city         = "city"
      country      = "country != '' ? country : 'PL'"
      phone        = "phone"
      registeredAt = "date_or_nil(registered_at, '%d-%m-%Y')"
      totalSpent   = "total_spent"
    }
  }

  filter "no_identity" {
    drop = "customerId == '' and email == ''"
  }

  # A customer is known by number, or by e-mail address where there is none.
  dedupe "customer" {
    keys = { customer = "customerId != '' ? 'c' + customerId : 'e' + email" }
    keep = "first"
  }

  sink "file" "out" {
    path   = var.output
    format = "ndjson"
    exists = "replace"
  }
}
