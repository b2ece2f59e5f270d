locals {
  # The certificate itself, or the name of a file with it.
  ftp_ca = var.ftp_tls == "none" ? "" : var.ftp_ca == "" || length(regexall("-----BEGIN ", var.ftp_ca)) > 0 ? var.ftp_ca : file(var.ftp_ca)
}

connection "ftp" "activate" {
  host     = var.ftp_host
  port     = var.ftp_port
  user     = var.ftp_username
  password = var.ftp_password
  tls      = var.ftp_tls
  ca       = local.ftp_ca
}

connection "rest" "activate" {
  url = var.activate_url
  headers = {
    X-AUTH-ACCOUNT = var.activate_account
    X-AUTH-APIKEY  = var.activate_api_key
  }
}

# One person in Activate, known by SRS numbers and e-mail addresses. Both
# pipelines share it: an order that names only the number learns the address here.
entity "profile" {
  keys = {
    srs   = "trim(value)"
    email = "email(value)"
  }
}
