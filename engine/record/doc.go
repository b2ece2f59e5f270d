// Package record holds the data plane: typed columns in reusable batches.
//
// It does no I/O, imports nothing else from engine, and allocates only when a
// buffer must grow. A Batch belongs to exactly one goroutine at a time: whoever
// holds it may read and write it, and must not keep any []byte or string taken
// from it after handing it on. What has to live longer is copied with
// [Column.AppendFrom] into a column of one's own.
package record
