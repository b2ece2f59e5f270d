// Package all lists the plugins that come with weir.
package all

import (
	"io"

	"weir/engine/plugin"
	"weir/plugins/csv"
	"weir/plugins/file"
	"weir/plugins/ftp"
	"weir/plugins/rest"
	"weir/plugins/sftp"
	"weir/plugins/stdout"
)

// Plugins returns every built-in plugin. out is where the stdout sink writes.
func Plugins(out io.Writer) []plugin.Plugin {
	return []plugin.Plugin{
		csv.Plugin(),
		file.Plugin(),
		ftp.Plugin(),
		rest.Plugin(),
		sftp.Plugin(),
		stdout.Plugin(out),
	}
}
