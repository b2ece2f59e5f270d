package csv

import "weir/engine/plugin"

var _ plugin.Framer = (*Decoder)(nil)

// Framing implements plugin.Framer.
func (d *Decoder) Framing() []string {
	return []string{"delimiter", "quote", "escape", "header", "skip", "comment", "max_row", "trim", "charset", "compression", "member"}
}

// Cells implements plugin.Framer.
func (d *Decoder) Cells() []string {
	return []string{"delimiter", "quote", "escape", "trim", "charset", "match"}
}
