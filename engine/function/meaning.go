package function

// Meaning tells what a function does, where an evaluator of columns may have a
// form of its own for it. Such a form agrees with Call.
type Meaning uint8

// The meanings. Arguments and results are those of the function of that name.
const (
	Opaque       Meaning = iota // Call and Prepare alone know
	Coalesce                    // the first argument that is not null
	Nullif                      // the first argument, null where it equals the second
	Blank                       // null, or text of nothing but white space
	JoinNonempty                // the arguments behind the first that are not blank, joined by it
	Round                       // a number rounded half away from zero to some places, 0 unless given
	Fixed                       // a number as text with so many places
	YearOf                      // the year of a date, or of a datetime in its zone
	MonthOf                     // its month
	DayOf                       // its day of the month
	InZone                      // the same instant in the zone of the result's type
	DateOf                      // the day of a datetime in its zone, or a date itself; of text see Prepare
)
