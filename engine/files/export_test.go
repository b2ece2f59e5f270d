package files

// SetFree makes the disk of the spool folder look as if it had so many bytes left.
func SetFree(s *Set, bytes int64) { s.free = func(string) (int64, error) { return bytes, nil } }

// SetOverlap sets how much a transfer that is taken up again fetches once more, which is
// more than the files of most tests have.
func SetOverlap(s *Set, bytes int64) { s.overlap = bytes }
