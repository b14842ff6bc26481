package redis

// WriteWithoutPause has the store keep every document on disk.
func (s *Store) WriteWithoutPause() { s.disk.pause = 0 }
