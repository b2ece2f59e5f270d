// Package function is the library of functions that row expressions call besides
// the built-ins of expr.
//
// Every function is pure: its result depends on its arguments alone. Null goes
// in, null comes out, unless a function's summary says otherwise. What a row can
// get wrong is an error, which rejects the row, except in the variants whose name
// ends in _or_nil. The examples of each function are its tests.
package function
