package serve

// Health returns why nothing can be committed any more, such as a state folder whose files
// were damaged; nil as long as commits are possible as far as is known. It reads no file.
func (s *Server) Health() error { return s.store.Health() }
