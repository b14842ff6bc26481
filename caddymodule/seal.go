package caddymodule

import (
	"crypto/hmac"
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/caddy-experiments/caddy-experiments/store"
)

// purposeDocument is what documents are signed for that the store keeps where
// others can write.
const purposeDocument purpose = "experiment_document"

// Seal implements store.Sealer.
func (k *keyring) Seal(message []byte) (keyID, signature string) {
	key := k.current()
	return key.id, key.seal(message)
}

// Verify implements store.Sealer.
func (k *keyring) Verify(keyID, signature string, message []byte) error {
	key := k.named(keyID)
	if key == nil {
		return store.ErrUnknownKey
	}
	if !hmac.Equal([]byte(key.seal(message)), []byte(signature)) {
		return store.ErrBadSignature
	}
	return nil
}

// seal signs a message that may be large, without a copy of it.
func (k *signingKey) seal(message []byte) string {
	s := k.signers.Get().(*signer)
	defer k.signers.Put(s)
	s.mac.Reset()
	s.mac.Write([]byte(string(purposeDocument) + "\n" + strconv.Itoa(len(message)) + ":"))
	s.mac.Write(message)
	return base64.RawURLEncoding.EncodeToString(s.mac.Sum(nil))
}

// ids names the keys in their order.
func (k *keyring) ids() string {
	ids := make([]string, len(k.keys))
	for i, key := range k.keys {
		ids[i] = key.id
	}
	return strings.Join(ids, " ")
}

// Interface guard
var _ store.Sealer = (*keyring)(nil)
