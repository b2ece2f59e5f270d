package plugin

// Shower is implemented by sinks that can show what they would send, for preview.
type Shower interface {
	Sink
	// OpenShow makes a writer that calls show with everything its deliveries would
	// be sent as, and neither sends anything nor connects. It rejects rows that cannot
	// be sent.
	OpenShow(h Host, show func(Message)) (Writer, error)
}

// Message is what a sink would send for one delivery, or a part of one. It holds no
// secret (I9): what is one in headers is masked.
type Message struct {
	Method  string // such as POST
	URL     string
	Headers []Header // in the order of their names
	Body    []byte   // as text, before it is compressed
	Rows    int      // that it is made of
}

// Header is a header of a Message.
type Header struct{ Name, Value string }
