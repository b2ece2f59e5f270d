package compute

import (
	"fmt"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"weir/engine/diag"
)

// Words of other languages that people write by habit, and what stands for them here.

// foreign reports a name that is a constant elsewhere.
func (c *checker) foreign(n ast.Node, name string) bool {
	fix := ""
	switch strings.ToLower(name) {
	case "null", "none", "undefined":
		fix = "nil"
	case "true", "false":
		fix = strings.ToLower(name)
	default:
		return false
	}
	loc := n.Location()
	d := diag.Errorf("expr.unknown_name", c.at(loc.From, loc.To), fmt.Sprintf("There is no column %q here", name), "Write %s.", fix)
	d.Fix = fix
	c.diags = append(c.diags, d)
	return true
}

// foreignFunction says what does here what a function of that name does in SQL, JavaScript,
// Excel or a language for mappings, "" when nothing is known of it.
func foreignFunction(name string) string {
	name = strings.ReplaceAll(strings.ToLower(name), "_", "")
	for line := range strings.Lines(foreignFunctions) {
		names, here, _ := strings.Cut(strings.TrimSpace(line), " = ")
		if slices.Contains(strings.Fields(names), name) {
			return "Write " + here + "."
		}
	}
	return ""
}

// foreignFunctions has, on each line, names of other languages without underscores and
// what is written here.
const foreignFunctions = `
strip btrim ltrim rtrim trimspace trimspaces = trim()
length size strlen charlength characterlength runelength = len()
substring left right mid slice = substr(x, start, length), or a slice such as name[0:3]
ifnull isnull nvl default orelse = ` + "`a ?? b`" + ` for b where a is nil, or coalesce()
ifempty emptytonull noneempty = nullif(x, '') to make nil of an empty text, and ` + "`?? b`" + ` behind it
isblank isempty empty isnil isnullorempty = blank(x), or ` + "`x == nil`" + `
exists has isset defined = ` + "`x != nil`" + `
concat concatws textjoin joinws = ` + "`a + b`" + `, join(list, ', '), or join_nonempty() for parts that may be nil
if iif case when switch decode choose ifs = ` + "`condition ? a : b`" + `
iferror trycatch catch ifna = try(x, fallback)
tonumber parsefloat number todecimal numeric tonum = decimal(), int() or float()
parseint toint integer toint64 int64 cint = int()
tofloat double real parsedouble = float()
str tostring text tochar varchar asstring = string()
cast convert trycast = int(), float(), decimal(), string() or date()
todate parsedate strptime datevalue cdate = date() or datetime() with a format
totimestamp parsetimestamp timestamp todatetime parsetime tsparse = datetime() with a format
formatdate dateformat tsstrftime formattimestamp tsformat timeformat = strftime()
getdate currentdate currenttimestamp sysdate today timestampnow = now(), or date(now()) for the day
dateadd adddate dayadd adddays plusdays = add_days() or add_months()
addmonth datemonth edate plusmonths monthadd = add_months()
eomonth lastday lastdayofmonth monthend = end_of_month()
datediff daysdiff timestampdiff = days_between()
dayofweek dow isodow isoweekday = weekday()
isoweek weeknum weekofyear isoweeknum = week()
dayofmonth = day()
lowercase tolower lcase downcase tolowercase = lower()
uppercase toupper ucase upcase touppercase = upper()
capitalize initcap proper titlecase ucfirst = title()
regex regexp match rematch regexmatch regexplike regexpmatch test rlike = ` + "`text matches 'pattern'`" + `, or match_re() for the part that matches
regexextract regexpextract regexpsubstr refind refindall parseregex capture findsubmatch regexpmatches = match_re(x, pattern, group)
regexreplace regexpreplace replaceall gsub rereplace rereplaceall sub = replace_re(), or replace() for plain text
substitute translate = replace()
charindex instr strpos position find_in indexof locate search = indexOf()
timezone totimezone attimezone = in_zone(t, 'Europe/Amsterdam'), or give datetime() its zone
includes contain = ` + "`a contains b`" + ` for texts, ` + "`x in list`" + ` for lists
startswith hasprefix beginswith = ` + "`a startsWith b`" + `
endswith hassuffix = ` + "`a endsWith b`" + `
lpad padstart leftpad zfill = pad_left()
rpad padend rightpad = pad_right()
sprintf printf formatstring stringformat = format()
tofixed formatnumber numberformat = fixed()
trunc = int(), or truncate() for a text
pow power = ` + "`a ** b`" + `
mod modulo remainder = ` + "`a % b`" + `
avg average = mean()
sumif sumifs = sum(filter(list, condition), .field)
countif countifs counta = count(list, condition)
vlookup xlookup hlookup lookuptable = lookup(table, key)
foreach maparray mapeach = map(list, ...)
select where = filter(list, condition)
fold_left aggregate = reduce()
order orderby sorted = sort() or sort_by(list, .field)
unique distinct dedup = uniq()
push append union = concat(list, [x])
encodeuricomponent urlencode encodeurl urlquote escapeuri uriencode percentencode escapeurlquery queryescape pathescape urlsegment = url()
btoa encodebase64 tobase64 base64encode b64encode = base64()
atob decodebase64 frombase64 base64decode b64decode = base64_decode()
hexencode encodehex tohex = hex()
unhex decodehex fromhex = hex_decode()
jsonparse parsejson fromjson tryparsejson jsondecode = parse_json() or parse_json_or_nil()
stringify jsonstringify tojson jsonencode formatjson = to_json()
typeof typename = type()
removeaccents stripaccents deburr asciify foldaccents transliterate = unaccent()
casefold = fold()
nfc nfkc unicodenormalize = normalize()
uuidv4 uuid4 newid newguid genuuid genrandomuuid randomuuid guid ksuid ulid nanoid = uuid(), which a retry gives the same row again, or uuid5('url', x) of a key of the row
secret getsecret env getenv environ = hmac(x, var.k) with a variable "k" that is declared with sensitive = true and default = secret("K"): a secret can be the key of hmac() and nothing else in a row
rand random randint = nothing: a value that differs at every retry has no place in a row
sha2 hashsha256 = sha256()
hmacsha256 = hmac()
validiban isiban ibanvalid = iban_ok()
validean isean eanvalid gtinok isgtin = ean_ok()
tocsv csvformat formatcsv = csv_row()
`

// foreignOperator says what is written here for a word that is an operator elsewhere.
func foreignOperator(word string) string {
	switch strings.ToUpper(word) {
	case "IS":
		return `Write "== nil" or "!= nil".`
	case "AND", "OR", "NOT", "IN":
		return fmt.Sprintf("Write %q, in lower case.", strings.ToLower(word))
	case "LIKE":
		return `Write "contains", "startsWith", "endsWith" or "matches".`
	case "BETWEEN":
		return `Write "x >= a and x <= b".`
	case "===":
		return `Write "==" to compare.`
	}
	return ""
}
