// Package pipelines holds the connectors that come with weir, one folder each.
package pipelines

import "embed"

// SRSActivate is the folder srs-activate with its sample files.
//
//go:embed srs-activate
var SRSActivate embed.FS //nolint:gochecknoglobals // go:embed needs a variable
