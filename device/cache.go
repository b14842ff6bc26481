package device

import (
	"hash/maphash"
	"strings"
	"sync/atomic"
)

const (
	// cacheSets and cacheWays bound a cache at 4,096 entries. The thousand most
	// frequent agents make up nearly all of real traffic.
	cacheSets = 1024
	cacheWays = 4

	// CacheEntries is how many answers a Detector remembers at most.
	CacheEntries = cacheSets * cacheWays

	// CacheKeyBytes bounds the bytes of all header values a Detector keeps. A longer
	// combination than the share of one entry is parsed anew each time.
	CacheKeyBytes = CacheEntries * maxKey

	maxKey = 1024
)

// cache is a set-associative table: the hash of the signals names a set, any of
// whose ways may hold the entry. Readers take no lock; a writer replaces one pointer.
type cache struct {
	seed maphash.Seed
	sets [cacheSets]cacheSet
}

type cacheSet struct {
	ways [cacheWays]atomic.Pointer[cacheEntry]
	hand atomic.Uint32
}

// cacheEntry is immutable but for used, which a hit sets and the eviction hand
// clears, so that a flood of agents seen once does not push out the frequent ones.
type cacheEntry struct {
	key    Signals
	device Device
	used   atomic.Bool
}

func newCache() *cache {
	return &cache{seed: maphash.MakeSeed()}
}

// set picks the set of key. The hints that have few values are left out of the hash:
// they cost time and would spread nothing.
func (c *cache) set(key *Signals) *cacheSet {
	const odd = 0x9e3779b97f4a7c15
	hash := maphash.String(c.seed, key.UserAgent)
	if key.Brands != "" {
		hash = hash*odd ^ maphash.String(c.seed, key.Brands)
	}
	if key.Model != "" {
		hash = hash*odd ^ maphash.String(c.seed, key.Model)
	}
	return &c.sets[hash%cacheSets]
}

func (c *cache) get(key *Signals) (Device, bool) {
	s := c.set(key)
	for i := range s.ways {
		e := s.ways[i].Load()
		if e == nil || !e.key.equal(key) {
			continue
		}
		// Storing only on a change keeps the line shared between cores.
		if !e.used.Load() {
			e.used.Store(true)
		}
		return e.device, true
	}
	return Device{}, false
}

// put remembers device under a copy of key, so that no request's buffer stays alive.
func (c *cache) put(key *Signals, device Device) {
	if key.size() > maxKey {
		return
	}
	s := c.set(key)
	e := &cacheEntry{key: key.clone(), device: device}
	for i := range s.ways {
		if s.ways[i].Load() == nil && s.ways[i].CompareAndSwap(nil, e) {
			return
		}
	}
	// One round of the hand clears every mark, so the second finds a victim.
	for range 2 * cacheWays {
		way := &s.ways[s.hand.Add(1)%cacheWays]
		old := way.Load()
		if old.used.Swap(false) {
			continue
		}
		if way.CompareAndSwap(old, e) {
			return
		}
	}
}

func (s *Signals) equal(t *Signals) bool {
	return s.UserAgent == t.UserAgent && s.Brands == t.Brands && s.Mobile == t.Mobile &&
		s.Platform == t.Platform && s.Model == t.Model && s.FormFactors == t.FormFactors
}

func (s *Signals) size() int {
	return len(s.UserAgent) + len(s.Brands) + len(s.Mobile) + len(s.Platform) + len(s.Model) + len(s.FormFactors)
}

func (s *Signals) clone() Signals {
	return Signals{
		UserAgent:   strings.Clone(s.UserAgent),
		Brands:      strings.Clone(s.Brands),
		Mobile:      strings.Clone(s.Mobile),
		Platform:    strings.Clone(s.Platform),
		Model:       strings.Clone(s.Model),
		FormFactors: strings.Clone(s.FormFactors),
	}
}
