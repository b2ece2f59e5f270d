// Package datetime reads and writes dates and times in formats that are
// compiled once, in the notation of strftime.
//
// An instant is a number of microseconds since 1970-01-01T00:00:00Z, a date a
// number of days since 1970-01-01: the values of the Time and Date columns of
// package record. Reading is strict: the whole text must match, digits are
// counted, and a day or a local time that does not exist is an error, never the
// next one that does. Nothing is allocated when reading or writing succeeds.
//
// A [Format] is immutable and may be used by any number of goroutines. A [Zone],
// [Parser] and [Printer] remember the offsets they met and belong to one
// goroutine each.
//
// # Local times
//
// When clocks go forward, the local times in between do not exist; reading one is
// a [NoSuchTimeError]. When clocks go back, a range of local times exists twice;
// the first is meant, which is summer time. A zone in the text (%z) decides by
// itself.
package datetime

import _ "time/tzdata" // zones must exist on every machine, also without a zone database
