package store

import "errors"

// Sealer signs documents that are kept where others can write, and checks their
// signatures. It is safe for concurrent use.
type Sealer interface {
	// Seal signs a message with the current key. Key id and signature have no
	// space in them.
	Seal(message []byte) (keyID, signature string)
	// Verify checks a signature in constant time. It returns ErrUnknownKey or
	// ErrBadSignature.
	Verify(keyID, signature string, message []byte) error
}

// The errors of a Sealer.
var (
	ErrUnknownKey   = errors.New("it is signed with a key that is not configured here; all edges and writers must share one signing_key")
	ErrBadSignature = errors.New("its signature is wrong: it was changed after it had been written")
)
