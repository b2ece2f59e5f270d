// Package engine is all that a command needs: load a configuration, plan it, run it.
//
// The map, in the order in which a configuration and then a row travel:
//
//   - config reads files into blocks, variables and modules; every literal keeps
//     the place it was written (spec.Origin).
//   - plan decodes blocks with the declarations of plugins and steps (spec), binds
//     each step to the columns that reach it, compiles row expressions (compute)
//     and computes backwards which columns are read at all.
//   - exec runs one pipeline: files hands out a file that is ready and not yet
//     handled; a decoder (plugins/csv) splits it into chunks and parses them into
//     column batches (record); steps (step) rewrite, drop, identify and group
//     rows; sinks (plugins/rest, plugins/file) get deliveries with stable keys.
//   - state makes cursor, file ledger, keys, identity, rejects and counts durable
//     in one commit; only then does files move or delete what was read.
//
// Problems that people cause are diag.Diagnostics with a range and a code.
package engine
