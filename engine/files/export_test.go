package files

// SetFree makes the disk of the spool folder look as if it had so many bytes left.
func SetFree(s *Set, bytes int64) { s.free = func(string) (int64, error) { return bytes, nil } }
