// Package engine is all that a command needs: load a configuration, plan it, run it.
//
// The map, in the order in which a configuration and then a row travel:
//
//   - config reads files into blocks, variables and modules; every literal keeps
//     the place it was written (spec.Origin).
//   - plan decodes blocks with the declarations of plugins and steps (spec), binds
//     each step to the columns that reach it, compiles row expressions (compute)
//     and computes backwards which columns are read at all.
//   - exec runs one pipeline: the feeds of its sources (plugin.Feed) hand out objects in
//     turn; a decoder (plugins/csv) splits one into chunks and parses them into
//     column batches (record), unless the source yields rows itself; steps (step)
//     rewrite, drop, identify and group rows; sinks (plugins/rest, plugins/file) get
//     deliveries with stable keys.
//   - files is the feed of every source of files: it hands out what is ready and not yet
//     handled, of the local disk (plugins/file) or a server (plugins/ftp, plugins/sftp).
//   - state makes cursor, ledger of objects, keys, identity, rejects and counts durable
//     in one commit; only then does the feed hear of it, which moves or deletes files.
//   - serve keeps many pipelines running: schedule says when, a bounded number of
//     runs go side by side, failures are tried again.
//
// The walk of a change: watch notices files that changed; serve has the folder
// loaded again (config takes over what is the same, plan likewise), describes the
// new plan and takes the difference to what is in effect (plan.Describe,
// plan.Difference): for each pipeline keep, swap, restart, add or remove, with reasons
// and with what it means for stored state. Only then is anything touched: a swap is
// handed to the run, which takes it at a commit between two batches (exec.Control);
// a restart probes what is new, stops the run at a commit, and goes on from there. The
// verdict goes to whoever asked, to the log, the history and the metrics (api).
//
// Problems that people cause are diag.Diagnostics with a range and a code.
package engine
