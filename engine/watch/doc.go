// Package watch tells when a configuration may have changed. It never reads
// configurations: who is told takes a snapshot and compares it with the one
// that runs.
//
// What is watched are folders, never files, because editors replace files by
// renaming others over them. A path is followed one component at a time, as the
// system does, and every folder on the way is watched: those of symbolic links,
// so that a swap as Kubernetes does it is seen (pipeline.hcl -> ..data/pipeline.hcl,
// ..data -> ..2024_x, and a rename replaces ..data); those of folders, so that one
// that is replaced, or deleted and created again, is picked up; and where a part
// is missing, the folder in which it would appear.
//
// Three things lead to a Change: a notification of the system, a difference
// found by the rescan that runs every minute for what notifications lost, and a
// difference found by polling, where notifications do not arrive (network file
// systems) or cannot be had (limits of the system). Each is passed on after a
// time of quiet, so that a checkout of many files is one Change, and so that a
// file being written in pieces is usually whole. Usually is not always: a reader
// makes sure with config.Snapshot.Changed.
//
// What cannot matter does not lead to a Change: temporary files of editors, and
// other files beside those of the configuration.
package watch
