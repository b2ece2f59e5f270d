// Package bytestream turns the bytes of an object into text: it undoes
// compression and tells and converts character sets. Decoders share it, so that
// their options, limits and error texts are the same everywhere.
//
// [Open] gives the decompressed parts of an object one after another: one part
// for a plain or gzip object, one for each chosen member of a zip archive. A
// [Charset] converts text to UTF-8, either a piece at a time (sets of one byte a
// character that contain ASCII) or as a stream (UTF-16 and the others).
//
// Errors about what was read are of class plugin.Data; an error of the
// underlying reader is passed on as it is, with its own class.
package bytestream
