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
//   - "stable 30s": a Set has itself seen the same size and time for that long, by its own
//     clock. What the time of a file is says nothing: uploads keep it, and servers have
//     clocks and zones of their own. A run waits for the files that are there, and for
//     one that changes meanwhile once more. What is still changing is left for the next
//     run, see [Set.Waiting]; in a process that goes on, its [plugin.Memory] has since when it
//     was not. It is not kept longer: a new process watches anew.
//   - "marker *.done": its marker exists: a.done or a.csv.done for a.csv. The
//     marker is moved or deleted together with the file.
//
// # What makes a file the same
//
// A file is known by path, size and time; then it is not read again, for as long as it
// is listed. With a new time but the same size, its content is compared by hash with
// what was committed: the same content is not read again, other content is a new file,
// read from its beginning. Its predecessor goes into the history of the ledger; when that
// was not read to its end it is superseded. Where the server tells no times, path
// and size alone decide.
//
// A finished entry does not stand for a file that is there again. What has the name of a
// file that was moved or deleted is a new file, whatever size and time it has, and also
// with the same content, unless same_content = "skip". A file that is kept, vanishes from
// the listings and comes back with its size and time is compared by hash: with other
// content it is a new file; with the same it is not read again, and people are told.
// That a folder cannot be listed, or is missing, makes no file vanish.
//
// # What is read of a file
//
// All that the server gives. A told size does not decide where the data ends: when
// something else came, and the server calls that complete, the file is fetched once more,
// and read when it comes twice alike. A server may forget a file as soon as it gave it;
// the copy is then all there is, so it is kept through power cuts and read by a later
// process when this one dies. A server whose listings tell another size than it does when
// asked for the file alone, again and again, is believed the latter.
//
// What an earlier run left of a copy is gone on with only when the file was old when the copy
// was begun: a time that is newer, or none, does not tell that the file changed since.
//
// A file or folder that cannot be read is set aside for this run ([Set.Aside]) and the
// others are read. A connection that is lost is no such thing; a transfer that breaks off
// again and again is, unless the next file fares alike.
//
// # Crashes
//
// Everything a Set writes to the ledger is pending until Session.Commit. A file
// is moved away only when its entry is durably committed (I1). A crash in between
// leaves the move to the next run, which does not read the file again (I7): it looks
// whether the file has the content that was committed, since another may be there by then.
package files
