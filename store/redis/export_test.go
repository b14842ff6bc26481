package redis

// WriteWithoutPause has the store keep every document on disk.
func (s *Store) WriteWithoutPause() { s.disk.pause = 0 }

// HeadPatience is for how long a head may be ahead.
const HeadPatience = headPatience
