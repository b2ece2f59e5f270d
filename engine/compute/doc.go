// Package compute compiles row expressions (expr-lang programs) into column kernels.
//
// The walk of an expression: its length and nesting are limited before it is
// parsed by expr's parser; the checker of this package then gives every node a
// record.Type, in one run that reports every unknown name and every type
// problem at its own characters; a checked tree is lowered to kernels, which
// evaluate a column at a time over a selection. The smallest part around what no
// kernel exists for runs row by row in expr's VM and gives a column, too. The VM
// runs whole expressions as well, with the same meaning: it is the oracle that a
// differential test compares the kernels with.
//
// Where the language differs from plain expr:
//
//   - A value that may be nil is refused, while compiling, by operators and
//     functions that fail on nil; ==, !=, in, ??, ?., contains, startsWith,
//     endsWith and matches take it. What a condition finds out counts: after
//     n != nil, n is not nil in the rest of an "and", in the side of a choice that
//     is taken then, and in the elements that filter() keeps.
//   - A call whose arguments are all constants is made while compiling: a literal
//     such as date('2026-01-01') is never nil, and a bad one is a problem of the plan.
//   - Text is measured and cut in characters (code points), never in bytes.
//   - Integers never wrap: overflow, division by zero, infinities and NaN reject
//     the row, and so does an integer that a float it becomes would round. Where
//     that happens in every row it is a problem of the plan.
//   - ** of ints is an int where the exponent is known not to be negative, else a
//     float; exact in both, or an error. float() and decimal() never change a whole number.
//   - Numbers are compared by value whatever their kinds, lists and objects by what
//     is in them.
//   - The built-ins of lists and objects are of this package (vm_list.go): fields
//     come in the order of their names, sorting is stable, and what expr drops,
//     takes for something else or has in no order is an error. sortBy() and groupBy()
//     compute their keys first; groupBy() gives an object.
//   - floor, ceil and abs of an int are ints. fromJSON() is exact or an error.
//   - Decimals stay decimal (I6): + - * are exact or fail; / rounds half away
//     from zero to 18 significant digits and at most 18 digits after the point.
//     A decimal mixes with integers and with number literals, not with floats.
//   - A decimal has one notation, without zeros at its end: string(79.90) is 79.9,
//     as it is in JSON, and "+" joins text with text alone. fixed(x, 2) writes 79.90.
//   - A datetime is shown in the zone of its type; where two meet in one place,
//     such as the sides of a choice, in that of the first.
//   - now() is the time when the object that a row is of was begun to be read: the
//     same for all its rows, and the same when they are delivered again. Over no
//     rows it is the engine's clock.
//   - min and max also take strings, decimals, dates and datetimes; abs, round,
//     floor, ceil, sum, mean, median and sort take decimals.
//   - What one evaluation may use is limited: loop steps, list elements and
//     bytes of built strings. Going beyond fails the row, never the process.
//   - try(x, fallback) is fallback where x fails. Built-ins of expr can be written
//     with underscores, sort_by() for sortBy().
//   - var and local hold values of the configuration. A sensitive one is the key of
//     hmac() and nothing else (I9).
//   - $env, timezone() and expr's own date() do not exist.
package compute
