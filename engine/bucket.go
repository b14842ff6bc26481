package engine

import (
	"crypto/sha256"
	"encoding/binary"
)

// Bucket is where a subject falls in an experiment, in thousandths of a
// percent: 0 to 99,999. Its whole percent, Bucket/1000, is
//
//	uint64(first 8 bytes, big endian, of SHA-256(subject + key)) % 100
//
// where the key is the experiment's BucketingKey,
// and the next digits of the same number refine it, so that whole weights give
// exactly that formula and fractional ones split a percent.
type Bucket int32

// longestOnStack is the length of subject and key together up to
// which bucketing needs no memory of its own.
const longestOnStack = 256

// BucketOf computes the bucket of a subject in an experiment with the given key.
func BucketOf(subject, key string) Bucket {
	var stack [longestOnStack]byte
	text := append(append(stack[:0], subject...), key...)
	sum := sha256.Sum256(text)
	n := binary.BigEndian.Uint64(sum[:8])
	return Bucket(n%100*1000 + n/100%1000)
}
