package stored

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"

	"github.com/caddy-experiments/caddy-experiments/store"
)

// Signature signs as an edge does, with HMAC-SHA256.
type Signature struct{}

// Seal implements store.Sealer.
func (Signature) Seal(message []byte) (keyID, text string) {
	mac := hmac.New(sha256.New, []byte("a key as long as the hash's output"))
	mac.Write(message)
	return "bench", base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Verify implements store.Sealer.
func (s Signature) Verify(keyID, text string, message []byte) error {
	own, want := s.Seal(message)
	if keyID != own {
		return store.ErrUnknownKey
	}
	if !hmac.Equal([]byte(want), []byte(text)) {
		return store.ErrBadSignature
	}
	return nil
}

// Interface guard
var _ store.Sealer = Signature{}
