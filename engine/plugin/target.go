package plugin

// Target is a place of which a sink writes the whole, such as a file: two sinks with
// one target lose each other's rows.
type Target struct {
	// Place is where Path is: "" for the disk of this machine, else what a FileSource
	// of the same server has as its Location.
	Place string
	// Path is the path as it is configured. On the disk it may be relative.
	Path string
	// Shape is Path with an AnyDigit for every digit that is not known before it is
	// written, such as those of a date.
	Shape string
	// Gives tells that the sink takes another path when the target is there, so that sinks
	// which run one after the other lose nothing.
	Gives bool
	// Keeps tells that the sink never overwrites a target that is there: it takes another
	// path, or refuses.
	Keeps bool
}

// AnyDigit stands for a digit in a Target's Shape.
const AnyDigit = '\x00'

// Targeter is implemented by sinks that have targets. The engine compares those of all
// sinks while it plans.
type Targeter interface {
	Sink
	// Targets returns what the sink writes. It is called after Bind and does no I/O.
	Targets() []Target
}
