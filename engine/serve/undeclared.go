package serve

import (
	"slices"

	"github.com/hashicorp/hcl/v2"

	"weir/engine"
	"weir/engine/diag"
	"weir/engine/lineage"
)

// undeclared returns ds, what is said of a configuration that a process starts with, with a
// warning of pipelines that were served when the one before ended and are not in it. Whoever
// deletes a file means that; a file that is empty may have lost its content in a crash or
// on a full disk, so it is named.
func (s *Server) undeclared(l *engine.Loaded, ds diag.List) (diag.List, error) {
	if ds.HasErrors() { // what cannot be planned may be what is missing
		return ds, nil
	}
	var names []string
	var gone []*lineage.Record
	err := s.book.Present(func(r *lineage.Record) {
		if l.Plan.Pipeline(r.Description.Address) == nil {
			names, gone = append(names, r.Description.Address), append(gone, r)
		}
	})
	if err != nil || len(names) == 0 {
		return ds, err
	}
	detail := "Served before and not declared any more: " + diag.Names(names) + ". What is stored of them is kept, and they go on with it once they are declared again; weir state prune drops it."
	empty := l.Config.Snapshot.Empty()
	if len(empty) == 0 {
		for _, r := range gone { // that they are gone is meant, and told once
			r.Removed = true
			if err := s.book.Write(r, s.generation); err != nil {
				return ds, err
			}
		}
		return append(ds, diag.Warnf("serve.undeclared", nil, "Pipelines are not declared any more", "%s", detail)), nil
	}
	ds = slices.DeleteFunc(ds, func(d diag.Diagnostic) bool { return d.Code == "config.empty_file" })
	for _, file := range empty {
		rng := hcl.Range{Filename: file, Start: hcl.InitialPos, End: hcl.InitialPos}
		ds = append(ds, diag.Warnf("config.emptied", &rng, "The file is empty, and pipelines are missing",
			"It may be the one that declared them, and have lost what it held: put that back, or delete the file if nothing is meant. %s", detail))
	}
	return ds, nil
}
