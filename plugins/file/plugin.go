// Package file reads and writes files of the machine's own file system.
//
// The sink "file" collects the rows of a run in a part file beside the target
// (".NAME.N.weir-part") and shows it under its name at the end of the run, whole or
// not at all. Every commit of the run keeps how far the part file is durable; after
// a crash the next run cuts it there and goes on. A crash between the last commit
// and the renaming is finished by the next run. So every row of a committed run is
// in exactly one published file, once.
package file

import "weir/engine/plugin"

// Plugin returns the plugin "file".
func Plugin() plugin.Plugin {
	return plugin.Plugin{
		Name:    "file",
		Summary: "Reads local files; writes rows to a file as NDJSON or CSV, shown only when it is complete.",
		Example: example,
		Files:   func() plugin.FileSource { return new(Source) },
		Sink:    func() plugin.Sink { return new(Sink) },
	}
}

const example = `pipeline "export" {
  source "file" "in" {
    path = "/data/in/*.csv"
  }
  decode "csv" {
    columns = {
      id   = "text"
      name = "text"
    }
  }
  sink "file" "people" {
    path   = "/data/out/people_%Y%m%d%H%M%S.csv"
    format = "csv"
    exists = "number"
  }
}
`
