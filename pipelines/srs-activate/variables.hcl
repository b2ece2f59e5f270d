# What a merchant gives, and what is assumed about SRS and Activate.

variable "ftp_host" {
  type        = string
  description = "Host of the FTP account in the merchant's Activate settings."
}

variable "ftp_port" {
  type        = number
  default     = 21
  description = "990 is usual with ftp_tls = \"implicit\"."
}

variable "ftp_username" {
  type        = string
  description = "User of the FTP account."
}

variable "ftp_password" {
  type        = string
  sensitive   = true
  description = "Password of the FTP account; Activate shows it once."
}

variable "ftp_tls" { # assumed: explicit TLS on port 21
  type    = string
  default = "explicit"
  validation {
    condition     = contains(["none", "explicit", "implicit"], var.ftp_tls)
    error_message = "ftp_tls must be \"none\", \"explicit\" or \"implicit\"."
  }
}

variable "ftp_ca" {
  type        = string
  default     = ""
  description = "PEM certificate, or file of one, of the authority that signed the server's certificate; empty takes the system's."
}

variable "ftp_path" {
  type        = string
  default     = "/srs"
  description = "Folder that enabling SRS adds to the account."
}

variable "create_folder" {
  type        = bool
  default     = true
  description = "Whether the first run makes ftp_path when it is missing, as enabling SRS does; a run that finds it changes nothing."
}

variable "ready" { # assumed: SRS writes files in place, without a marker
  type    = string
  default = "stable 30s"
}

variable "after" { # assumed: processed files stay where they are
  type        = string
  default     = "keep"
  description = "What becomes of a file that is done: \"keep\", \"delete\" or \"move /srs/processed\"."
}

variable "activate_url" {
  type    = string
  default = "https://api.squeezely.tech"
}

variable "activate_account" {
  type        = string
  description = "Account id, sent as X-AUTH-ACCOUNT."
}

variable "activate_api_key" {
  type        = string
  sensitive   = true
  description = "API key, sent as X-AUTH-APIKEY."
}

variable "customer_fields" {
  type        = map(string)
  default     = {}
  description = "The merchant's own links of customer files: Activate field = expression. They win over the defaults."
}

variable "purchase_fields" {
  type        = map(string)
  default     = {}
  description = "The merchant's own links of purchase files, evaluated for each receipt line; the first line's value goes with the order."
}

variable "customer_columns" {
  type        = map(string)
  default     = {}
  description = "Columns that this merchant's customer files have besides, or instead of, the usual ones."
}

variable "purchase_columns" {
  type        = map(string)
  default     = {}
  description = "Columns that this merchant's purchase files have besides, or instead of, the usual ones."
}

# Assumed about the files. The usual names, formats and rules of Dutch retail exports.

variable "customer_files" {
  type    = string
  default = "klanten_*.csv"
}

variable "purchase_files" {
  type    = string
  default = "verkopen_*.csv"
}

variable "delimiter" {
  type    = string
  default = ";"
}

variable "charset" {
  type    = string
  default = "UTF-8"
}

variable "country" {
  type        = string
  default     = "NL"
  description = "Country in which telephone numbers without a country code are read."
}

variable "order_id" {
  type        = string
  default     = "ordernummer != '' ? ordernummer : bonnummer + '-' + filiaal + '-' + strftime(datumtijd, '%Y%m%d%H%M%S')"
  description = "The id of an order from its lines: the order number online; receipt, branch and local date and time in the shop."
}

variable "strict_identity" {
  type        = bool
  default     = false
  description = "true skips orders that lack either the customer number or the e-mail address, not only those that lack both."
}

# Assumed about Activate.

variable "return_event" {
  type    = string
  default = "Return"
}

variable "return_amounts" {
  type        = string
  default     = "signed"
  description = "\"signed\" sends amounts as in the file; \"abs\" sends the total of a return without its sign."
  validation {
    condition     = contains(["signed", "abs"], var.return_amounts)
    error_message = "return_amounts must be \"signed\" or \"abs\"."
  }
}

variable "identify_by" {
  type        = string
  default     = "email"
  description = "\"userid\" also sends the SRS number as userid, which ranks above all other identifiers in Activate."
  validation {
    condition     = contains(["email", "userid"], var.identify_by)
    error_message = "identify_by must be \"email\" or \"userid\"."
  }
}

variable "takes_the_rest" {
  type        = bool
  default     = true
  description = "true: a 400 with errors means that the events it does not name were taken; false: none was, and they are sent again."
}

variable "batch_rows" {
  type        = number
  default     = 100
  description = "Events in one request, at most."
}

variable "reject_limit" {
  type        = string
  default     = "50%"
  description = "More rejected rows than this stop a pipeline."
}

variable "schedule" {
  type    = string
  default = "every 10m"
}
