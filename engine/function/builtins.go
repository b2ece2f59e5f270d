package function

// Builtin documents a function that the language itself has. It is not in All:
// how it is typed and evaluated is the compiler's business.
type Builtin struct {
	Name     string
	Usage    string
	Summary  string
	Examples []Example // a Result that begins with "error: " is the reason of a row that is rejected
}

// Builtins returns the functions that the language has besides All, by subject.
func Builtins() []Builtin {
	var out []Builtin
	for _, group := range [][]Builtin{builtinTexts(), builtinNumbers(), builtinConversions(), builtinLoops(), builtinLists(), builtinObjects(), builtinBits()} {
		out = append(out, group...)
	}
	return out
}

func builtinTexts() []Builtin {
	return []Builtin{
		{"len", "len(x)", "The number of characters of a text, of elements of a list, or of fields of an object.", []Example{{"len('Zoë')", "3"}, {"len([1, nil])", "2"}, {"len({a: 1})", "1"}}},
		{"trim", "trim(x[, set])", "x without white space at its ends, or without the characters of set.", []Example{{"trim(' x ')", `"x"`}, {"trim('éaxaé', 'aé')", `"x"`}}},
		{"trimPrefix", "trimPrefix(x, prefix)", "x without prefix, once, where it begins with it.", []Example{{"trimPrefix('0012', '0')", `"012"`}}},
		{"trimSuffix", "trimSuffix(x, suffix)", "x without suffix, once, where it ends with it.", []Example{{"trimSuffix('a.csv', '.csv')", `"a"`}}},
		{"upper", "upper(x)", "x in upper case, character by character.", []Example{{"upper('łódź ß')", `"ŁÓDŹ ß"`}}},
		{"lower", "lower(x)", "x in lower case, character by character.", []Example{{"lower('ŁÓDŹ')", `"łódź"`}}},
		{"split", "split(x, separator[, parts])", "The parts of x between separators, all characters for an empty one; at most parts of them, the last of which is the rest. A negative number of parts is no limit.",
			[]Example{{"split('a,b,', ',')", `["a","b",""]`}, {"split('łé', '')", `["ł","é"]`}, {"split('a,b,c', ',', 2)", `["a","b,c"]`}, {"split('', ',')", `[""]`}, {"split('a,b', ',', 0)", "[]"}}},
		{"splitAfter", "splitAfter(x, separator[, parts])", "As split(), with the separators left at the ends of the parts.", []Example{{"splitAfter('a,b', ',')", `["a,","b"]`}}},
		{"replace", "replace(x, old, new[, times])", "x with new in the place of every old, or of the first ones.", []Example{{"replace('a-b-c', '-', '')", `"abc"`}, {"replace('a-b-c', '-', '+', 1)", `"a+b-c"`}}},
		{"repeat", "repeat(x, n)", "x, n times over.", []Example{{"repeat('ab', 3)", `"ababab"`}, {"repeat('a', -1)", "error: repeat() needs a number that is not negative"}, {"repeat('a', 1000000000)", "error: the expression builds too much text"}}},
		{"join", "join(list[, glue])", "The texts of list as one, with glue between them.", []Example{{"join(['a', 'b'], '-')", `"a-b"`}, {"join([], '-')", `""`}}},
		{"indexOf", "indexOf(x, part)", "The number of characters before the first part in x; -1 for none.", []Example{{"indexOf('Zoë Müller', 'M')", "4"}, {"indexOf('a', 'b')", "-1"}}},
		{"lastIndexOf", "lastIndexOf(x, part)", "The number of characters before the last part in x; -1 for none.", []Example{{"lastIndexOf('ëaëa', 'a')", "3"}}},
		{"hasPrefix", "hasPrefix(x, prefix)", "Whether x begins with prefix; `startsWith` is the operator, which takes nil.", []Example{{"hasPrefix('abc', 'ab')", "true"}}},
		{"hasSuffix", "hasSuffix(x, suffix)", "Whether x ends with suffix; `endsWith` is the operator, which takes nil.", []Example{{"hasSuffix('abc', 'ab')", "false"}}},
		{"toBase64", "toBase64(x)", "The base64 text of the UTF-8 bytes of x.", []Example{{"toBase64('é')", `"w6k="`}}},
		{"fromBase64", "fromBase64(x)", "The text whose base64 text x is; an error when x is none, or its bytes are not UTF-8.",
			[]Example{{"fromBase64('w6k=')", `"é"`}, {"fromBase64('w6')", "error: fromBase64() was given a text that is not base64"}, {"fromBase64('/w==')", "error: fromBase64() was given bytes that are not text in UTF-8"}}},
	}
}

func builtinNumbers() []Builtin {
	return []Builtin{
		{"abs", "abs(x)", "x without its sign, of the same kind.", []Example{{"abs(-7)", "7"}, {"abs(decimal('-1.5'))", "1.5"}, {"abs(-9223372036854775807 - 1)", "error: out of range for a whole number"}}},
		{"floor", "floor(x)", "The whole number at or below x, of the same kind as x: an int is one already.", []Example{{"floor(-1.5)", "-2"}, {"floor(decimal('2.9'))", "2"}, {"floor(7)", "7"}}},
		{"ceil", "ceil(x)", "The whole number at or above x, of the same kind as x.", []Example{{"ceil(1.2)", "2"}, {"ceil(decimal('-1.5'))", "-1"}}},
		{"min", "min(x, ...)", "The least of numbers, texts, dates or datetimes, given one by one or in lists; nil for empty lists. Numbers are compared by value.",
			[]Example{{"min(3, 2.5)", "2.5"}, {"min(['b', 'a'])", `"a"`}, {"min([])", "null"}, {"min(fromJSON('[1, \"a\"]'))", "error: min(): string and int cannot be ordered"}}},
		{"max", "max(x, ...)", "The greatest, as min().", []Example{{"max([1, 2], 3)", "3"}, {"max([decimal('1.5'), decimal('1.25')])", "1.5"}}},
		{"sum", "sum(list[, expression])", "The sum of numbers, or of what expression gives for each element; 0 for none. An int, a decimal or a float, as they are.",
			[]Example{{"sum([1, 2])", "3"}, {"sum([], #)", "0"}, {"sum([decimal('0.1'), decimal('0.2')])", "0.3"}, {"sum([9223372036854775807, 1])", "error: out of range for a whole number"}}},
		{"mean", "mean(x, ...)", "The mean of numbers, 0 for none: a decimal of decimals, else a float. Of ints, their exact sum is divided.", []Example{{"mean([1, 2])", "1.5"}, {"mean([decimal('0.1'), decimal('0.2')])", "0.15"}, {"mean([])", "0"}}},
		{"median", "median(x, ...)", "The number in the middle, or the mean of the two that are; 0 for none.", []Example{{"median([3, 1, 2])", "2"}, {"median([decimal('0.1'), decimal('0.2')])", "0.15"}}},
	}
}

func builtinConversions() []Builtin {
	return []Builtin{
		{"int", "int(x)", "x as a whole number: of a number the part before the point, of a text its digits. An error when it has none, or more than 64 bits hold.",
			[]Example{{"int('-12')", "-12"}, {"int(2.9)", "2"}, {"int(decimal('-2.9'))", "-2"}, {"int(1e20)", "error: out of range for a whole number"}, {"int('99999999999999999999')", "error: out of range for a whole number"}, {"int(' 1')", "error: int() was given a text that is no whole number"}}},
		{"float", "float(x)", "The float nearest to x: fractions are rounded to the 15 to 17 digits that a float keeps. A number from 2^53 on must be one that a float is, or the shortest notation of one; an id that would become another is an error. For money there is decimal().", []Example{{"float('1.5e3')", "1500"}, {"float('9007199254740993')", "error: a whole number has more digits than a float holds; convert it with decimal()"}, {"float('NaN')", "error: float() was given a text that is no number"}, {"float('1e999')", "error: out of range for a float"}}},
		{"string", "string(x)", "The text of one value, as JSON shows it but without quotes. to_json() writes lists and objects.",
			[]Example{{"string(2500000 / 2)", `"1250000"`}, {"string(decimal('79.90'))", `"79.9"`}, {"string(true)", `"true"`}, {"string(date('2024-02-29'))", `"2024-02-29"`}, {"string(fromJSON('[1]'))", "error: string() needs one value, not list; to_json() writes lists and objects"}}},
		{"type", "type(x)", "The kind of a value: `nil`, `bool`, `int`, `float`, `decimal`, `string`, `date`, `datetime`, `duration`, `array` or `map`.", []Example{{"type(1)", `"int"`}, {"type(fromJSON('1.0'))", `"decimal"`}, {"type({})", `"map"`}}},
		{"duration", "duration(x)", "A span of time, such as `90m` or `1h30m`. It can be added to a datetime, compared, and asked for its Hours(), Minutes(), Seconds() and Milliseconds().",
			[]Example{{"duration('90m').Hours()", "1.5"}, {"duration('soon').Hours()", "error: duration() was given a text that is no span of time, such as 90m or 1h30m"}}},
		{"toJSON", "toJSON(x)", "The JSON text of x over several lines, the names of objects in order. to_json() writes it without white space.", []Example{{"toJSON({b: 1, a: 2})", `"{\n  \"a\": 2,\n  \"b\": 1\n}"`}}},
		{"fromJSON", "fromJSON(x)", "The value of the JSON text x, as exact as parse_json() gives it; an error also when x is empty.",
			[]Example{{"fromJSON('9007199254740993')", "9007199254740993"}, {"fromJSON('0.10')", "0.1"}, {"fromJSON('12345678901234567890')", "error: fromJSON() was given a text that is not JSON that can be kept at character 1: a number of 20 digits has more digits than a number keeps; have it sent as text"}}},
	}
}

func builtinLoops() []Builtin {
	return []Builtin{
		{"map", "map(list, expression)", "What expression gives for each element. `#` is the element, `.name` a field of it, `#index` its place.", []Example{{"map([1, 2], # * 2)", "[2,4]"}, {"map(['a', 'b'], #index)", "[0,1]"}}},
		{"filter", "filter(list, condition)", "The elements for which condition holds.", []Example{{"filter([1, 2, 3], # > 1)", "[2,3]"}}},
		{"all", "all(list, condition)", "Whether condition holds for every element; true for none.", []Example{{"all([], # > 1)", "true"}}},
		{"any", "any(list, condition)", "Whether condition holds for an element.", []Example{{"any([1, 2], # > 1)", "true"}}},
		{"none", "none(list, condition)", "Whether condition holds for no element.", []Example{{"none([1, 2], # > 2)", "true"}}},
		{"one", "one(list, condition)", "Whether condition holds for exactly one element.", []Example{{"one([1, 2], # > 1)", "true"}}},
		{"count", "count(list[, condition])", "The number of elements for which condition holds, or that are true.", []Example{{"count([1, 2, 3], # > 1)", "2"}, {"count([true, false])", "1"}}},
		{"find", "find(list, condition)", "The first element for which condition holds; nil for none.", []Example{{"find([1, 2, 3], # > 1)", "2"}, {"find([1], # > 1)", "null"}}},
		{"findIndex", "findIndex(list, condition)", "Its place, from 0; nil for none.", []Example{{"findIndex([1, 2, 3], # > 1)", "1"}}},
		{"findLast", "findLast(list, condition)", "The last element for which condition holds; nil for none.", []Example{{"findLast([1, 2, 3], # > 1)", "3"}}},
		{"findLastIndex", "findLastIndex(list, condition)", "Its place, from 0; nil for none.", []Example{{"findLastIndex([1, 2, 3], # > 1)", "2"}}},
		{"reduce", "reduce(list, expression[, start])", "What expression gives for the last element, where `#acc` is what it gave for the one before: start for the first or, without a start, the first element.",
			[]Example{{"reduce([1, 2, 3], #acc * 10 + #, 0)", "123"}, {"reduce([9223372036854775807, 1], #acc + #)", "error: out of range for a whole number"}, {"reduce([], #acc + #)", "error: reduce of empty array with no initial value"}}},
		{"groupBy", "groupBy(list, key)", "An object of lists: the elements by the text of their keys. nil as a key, and keys of two kinds with one text, are errors.",
			[]Example{{"groupBy(['ab', 'c', 'de'], len(#))", `{"1":["c"],"2":["ab","de"]}`}, {"groupBy([1, '1'], #)", "error: groupBy() has keys of two kinds, int and string, with one text"}, {"groupBy([1, nil], #)", "error: groupBy() needs a key for every element, not nil"}}},
		{"sortBy", "sortBy(list, key[, order])", "The elements by their keys, `'asc'` unless the order is `'desc'`; those with equal keys stay in their order.",
			[]Example{{"sortBy(['bb', 'a', 'cc', 'd'], len(#))", `["a","d","bb","cc"]`}, {"sortBy([1, 2], #, 'desc')", "[2,1]"}, {"sortBy([1, 'a'], #)", "error: the list has values that cannot be ordered with one another"}}},
	}
}

func builtinLists() []Builtin {
	return []Builtin{
		{"first", "first(list)", "The first element; nil for an empty list.", []Example{{"first([1, 2])", "1"}, {"first([])", "null"}}},
		{"last", "last(list)", "The last element; nil for an empty list.", []Example{{"last([1, 2])", "2"}}},
		{"get", "get(x, key)", "The element of a list at the place key, or the field of an object of that name; nil when there is none, or x is nil. A negative place counts from the end.",
			[]Example{{"get([1, 2], -1)", "2"}, {"get([1, 2], 2)", "null"}, {"get({a: 1}, 'b')", "null"}}},
		{"take", "take(list, n)", "The first n elements, all of a shorter list.", []Example{{"take([1, 2, 3], 2)", "[1,2]"}, {"take([1], 5)", "[1]"}, {"take([1], -1)", "error: take() needs a number that is not negative"}}},
		{"reverse", "reverse(list)", "The elements from the last to the first.", []Example{{"reverse([1, 2])", "[2,1]"}}},
		{"concat", "concat(list, ...)", "The elements of all lists, in one.", []Example{{"concat([1], [], [2])", "[1,2]"}, {"concat([], [])", "[]"}}},
		{"flatten", "flatten(list)", "The elements of list with those of lists inside, however deep, in their places.", []Example{{"flatten([1, [2, [3, []]], nil])", "[1,2,3,null]"}}},
		{"uniq", "uniq(list)", "The elements without those that equal one before. Numbers are equal by value, lists and objects by what is in them.", []Example{{"uniq([1, 2, 1, decimal('2.0')])", "[1,2]"}, {"uniq([[1], [1], {a: 1}, {a: 1}])", `[[1],{"a":1}]`}, {"uniq([1, '1', nil, nil])", `[1,"1",null]`}}},
		{"sort", "sort(list[, order])", "The elements in order, `'asc'` unless it is `'desc'`: numbers, texts by their characters' numbers, dates or datetimes. Kinds that do not mix are an error.",
			[]Example{{"sort([3, 1.5, decimal('2.25')])", "[1.5,2.25,3]"}, {"sort(['b', 'a'], 'desc')", `["b","a"]`}, {"sort([1, 'a'])", "error: the list has values that cannot be ordered with one another"}}},
	}
}

func builtinObjects() []Builtin {
	return []Builtin{
		{"keys", "keys(object)", "The names of the fields, in order.", []Example{{"keys({b: 1, a: 2})", `["a","b"]`}}},
		{"values", "values(object)", "The values of the fields, in the order of their names.", []Example{{"values({b: 1, a: 2})", "[2,1]"}}},
		{"toPairs", "toPairs(object)", "Lists of name and value, in the order of the names.", []Example{{"toPairs({b: 1, a: 2})", `[["a",2],["b",1]]`}}},
		{"fromPairs", "fromPairs(list)", "The object of lists of name and value. A name that is no text, or is given twice, is an error.",
			[]Example{{"fromPairs([['a', 1], ['b', nil]])", `{"a":1,"b":null}`}, {"fromPairs([['a', 1], ['a', 2]])", "error: one name is given twice to an object"}, {"fromPairs([[1, 2]])", "error: a field's name must be a string, not int"}}},
	}
}

func builtinBits() []Builtin {
	return []Builtin{
		{"bitand", "bitand(a, b)", "The bits that a and b have.", []Example{{"bitand(6, 3)", "2"}}},
		{"bitor", "bitor(a, b)", "The bits that a or b has.", []Example{{"bitor(6, 3)", "7"}}},
		{"bitxor", "bitxor(a, b)", "The bits that one of a and b has.", []Example{{"bitxor(6, 3)", "5"}}},
		{"bitnand", "bitnand(a, b)", "The bits that a has and b has not.", []Example{{"bitnand(6, 3)", "4"}}},
		{"bitnot", "bitnot(a)", "The bits that a has not, of all 64.", []Example{{"bitnot(0)", "-1"}}},
		{"bitshl", "bitshl(a, n)", "a times 2, n times over; an error when that is no int.", []Example{{"bitshl(3, 2)", "12"}, {"bitshl(1, 63)", "error: out of range for a whole number"}}},
		{"bitshr", "bitshr(a, n)", "a divided by 2, n times over, rounded down.", []Example{{"bitshr(-5, 1)", "-3"}}},
		{"bitushr", "bitushr(a, n)", "The 64 bits of a moved down by n.", []Example{{"bitushr(-1, 63)", "1"}}},
	}
}
