package plugin

// Located is implemented by sources and sinks that talk to a remote host. Runs
// against one location are limited, so that a host that hangs holds up no other.
type Located interface {
	// Location names the place for people, without credentials, such as
	// "ftp://weir@ftp.example.com:21". Steps with equal locations share the limit.
	Location() string
}
