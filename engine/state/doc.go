// Package state is the transactional store: where each pipeline got to, what it
// did with every row, and the keys its steps remember.
//
// A [Store] is one folder (or any kv.Store). A pipeline works through a
// [Session], which collects everything that a run of batches changes and makes
// it durable in one [Session.Commit], or not at all (I5). Taking a session bumps
// the epoch of the pipeline; the commit of an older session is refused inside the
// transaction with [ErrFenced], so two generations never interleave.
//
// One process has the folder open. Others read a copy of it, see [Store.Checkpoint];
// one may take it from a process that hangs, see Options.TakeOver and package pebblekv
// for why that loses nothing (I7).
//
// Memory is bounded by Options.Memory, whatever the number of keys; see package keyset
// for what becomes of the fingerprints that spare reads when they do not fit.
//
// # Keys
//
// Numbers in keys are big-endian, so that they sort; names inside keys (<name>)
// have their length before them. PID and SID are numbers given to pipelines and
// spaces when they are first seen.
//
//	01 "format"                       version of this layout, one byte
//	01 02, 01 03                      last PID and last SID given (4 bytes)
//	02 pipeline address               PID (4 bytes)
//	03 space name                     SID (4 bytes)
//	04 pipeline address               incarnation: how often it was made to begin anew
//	10 PID                            owner: epoch, generation, revision, when taken
//	11 PID source                     cursor
//	12 PID sink                       resume token of the sink, as the sink made it
//	13 PID <sink> n (4 bytes)         row count of the n-th cut by time since the last commit
//	14 PID <source> path              file ledger: the present file of that name
//	15 PID n (8 bytes)                reject n of the pipeline, from 1
//	16 PID                            totals: counts of all commits
//	17 PID n (8 bytes)                run n of the pipeline, from 1
//	18 PID                            the last reject number and the last run number
//	19 SID                            version of a shared space, bumped by each commit that changes it
//	1a PID <source> <path> id         file ledger: earlier files of that name
//	1b PID sink                       rows since the last commit that may have been delivered already
//	1d PID digest (8 bytes)           header of the objects that dead letters came from
//	1c PID object n (8 bytes)         trail: the delivery whose first row is n, see Trail
//	1e PID object                     what a commit in the middle of the object keeps of it, see Held
//	1f PID <object> <step> n (4)      part n of that, as the step made it
//	20 SID key                        value of a key of a space, as the step made it
//	21 name                           note: a value of the engine itself
//	22 PID object                     how often the object was to be read once more
//	24 PID n (8 bytes)                reject n, which was edited and then replayed or discarded
//
// Values other than those of sinks and steps begin with the version of their
// encoding and continue with varints and length-prefixed strings. Fields are only
// ever added at the end; those that an older version did not write are zero.
package state
