// Package files takes the files of one source through their states, so that
// each is read once: discovered -> ready -> reading -> committed -> archived, or
// quarantined, or superseded.
//
// A plugin.FileSystem only speaks a protocol. Here it is decided which files
// are complete, which were read before, where reading goes on after a crash, and
// when a file may be moved away. What is known of a file is its entry in the file
// ledger of a state.Session, which becomes durable with the rows that were read
// from it.
//
// # When a file may be read
//
//   - "now": as soon as it is listed.
//   - "stable 30s": its size and time have not changed for that long. A file whose
//     time is older is looked at once more and taken; a younger one is waited for,
//     within the run, as long as it stays the same. A time in the future, without
//     seconds, or unknown says nothing, so such a file is watched for the whole
//     duration. What is still changing is left for the next run, see [Set.Waiting].
//   - "marker *.done": its marker exists: a.done or a.csv.done for a.csv. The
//     marker is moved or deleted together with the file.
//
// # What makes a file the same
//
// A file is known by path, size and time; then it is not read again. With a new
// time but the same size, its content is compared by hash with what was committed:
// the same content is not read again, other content is a new file, read from its
// beginning. Its predecessor goes into the history of the ledger; when that was
// not read to its end it is superseded. Where the server tells no times, path
// and size alone decide.
//
// # Crashes
//
// Everything a Set writes to the ledger is pending until Session.Commit. A file
// is moved away only when its entry is durably committed (I1). A crash in between
// leaves the move to the next run, which does not read the file again (I7).
package files
