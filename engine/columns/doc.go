// Package columns reads declarations of columns, such as "decimal comma" or
// "date '%d-%m-%Y' optional", and the cells of columns so declared. Decoders
// whose cells are text (csv, fixed, xlsx) share it.
//
// A declaration is a type, what belongs to the type, and modifiers in any order:
//
//	text                        the cell as it is, leading zeros included (I6)
//	int                         a whole number of 64 bits: 12, -3, 007
//	decimal                     an exact number: 1234.56, 1,234.56
//	decimal comma               with a decimal comma: 1234,56, 1.234,56
//	float, float comma          a double: 1.5e3; one whose whole part would be rounded is refused
//	bool                        true/false, yes/no, y/n, 1/0
//	bool J N                    words for true and false, in any case
//	bool 'ja,j,1' 'nee,n,0'     several words; '' is the empty cell
//	date                        2024-07-01
//	date '%d-%m-%Y'             a day in the given format
//	datetime                    an instant with its offset: 2024-07-01T12:00:00+02:00
//	datetime 'FORMAT' ZONE      an instant without one; ZONE is as Europe/Amsterdam
//
//	from 'Name'                 the column's name in the header, when it differs
//	optional                    the object may lack the column: it is then null
//	required                    an empty cell, or one that means null, rejects the row
//	trim                        spaces around the cell are taken off
//	null 'NULL'                 a cell of this text is null; may be repeated
//
// What a cell without text is:
//
//	               text      the other types
//	plain          '' (1)    null
//	required       rejected  rejected
//	null ''        null      null
//
// (1) so a text column never holds a null, unless it is optional or has a null
// modifier; the other columns may, unless they are required. A bool that has the
// empty cell among its words is true or false there. Spaces around cells of types
// other than text never matter. Within quotes, a doubled quote is one quote.
package columns
