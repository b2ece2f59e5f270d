package plugin

// Framer is implemented by decoders that tell which of their options decide what.
// Where a decoder does not, every option but the columns counts as framing. Options of
// nested blocks have their path as name: "rows.tag".
type Framer interface {
	Decoder
	// Framing lists the options that decide where rows begin and end in an
	// object, and so which row a number or an offset that was committed means.
	Framing() []string
	// Cells lists the options, besides the declarations of columns, that decide
	// what text the cells of a row have.
	Cells() []string
}
