package caddymodule

import (
	"math/bits"
	"sync/atomic"
)

// recent remembers the latest of many hashes, of which each has one place. It
// forgets a hash when another one needs its place. Its length is a power of two. It
// is safe for concurrent use.
type recent []atomic.Uint64

// add reports whether the hash was not known yet.
func (r recent) add(hash uint64) bool {
	hash |= 1 // never 0, which stands for none
	return r.place(hash).Swap(hash) != hash
}

// forget takes a hash back.
func (r recent) forget(hash uint64) {
	hash |= 1
	r.place(hash).CompareAndSwap(hash, 0)
}

func (r recent) place(hash uint64) *atomic.Uint64 { return &r[hash>>(65-bits.Len(uint(len(r))))] }
