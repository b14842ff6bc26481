package caddymodule

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash"
	"strconv"
	"strings"
	"sync"
)

// shortestKey is the least length of a signing key in bytes: as long as the
// output of the hash that it keys.
const shortestKey = 32

// keyring signs with its first key and accepts signatures of all of them, so
// that keys can be rotated without anybody losing an assignment. It is safe for
// concurrent use.
type keyring struct {
	keys []*signingKey
}

// signingKey makes message authentication codes with HMAC-SHA256. Its id names
// it in what it signs without giving anything of it away.
type signingKey struct {
	id      string
	signers sync.Pool
}

// signer is the working memory of one signature.
type signer struct {
	mac     hash.Hash
	message []byte
	sum     []byte
}

// purpose keeps what is signed for one end from being taken for another.
type purpose string

const (
	purposeDevice purpose = "experiment_device"
	purposeCarry  purpose = "experiment_carry"
	purposeToken  purpose = "experiment_token"
	purposeUnit   purpose = "experiment_unit"
	purposeAccess purpose = "experiment_access"
)

// signatureLength is the length of a signature in base64.
var signatureLength = base64.RawURLEncoding.EncodedLen(sha256.Size)

func newKeyring(secrets []string) (*keyring, error) {
	k := &keyring{}
	for i, secret := range secrets {
		if err := checkSecret(i, secret); err != nil {
			return nil, err
		}
		id := sha256.Sum256([]byte("experiment_key_id\n" + secret))
		k.keys = append(k.keys, &signingKey{
			id: base64.RawURLEncoding.EncodeToString(id[:6]),
			signers: sync.Pool{New: func() any {
				return &signer{mac: hmac.New(sha256.New, []byte(secret))}
			}},
		})
	}
	return k, nil
}

// checkSecret names a key by its place only: it must not end up in a log.
func checkSecret(i int, secret string) error {
	if len(secret) < shortestKey {
		return fmt.Errorf("signing_key: key %d has %d bytes; it needs at least %d, for example from: openssl rand -base64 32", i+1, len(secret), shortestKey)
	}
	return nil
}

// namePlaceholders adds to the refusal of a key which placeholders have led to it.
// Nothing else of the key may end up in a log.
func namePlaceholders(err error, key string) error {
	names := placeholder.FindAllString(key, -1)
	if len(names) == 0 {
		return err
	}
	return fmt.Errorf("%w; is %s set, as the edge's own environment or file has it?", err, strings.Join(names, ""))
}

// current is the key that signs.
func (k *keyring) current() *signingKey { return k.keys[0] }

// named gives the key of an id, nil if it is none of the ring.
func (k *keyring) named(id string) *signingKey {
	for _, key := range k.keys {
		if key.id == id {
			return key
		}
	}
	return nil
}

// unit is what stands for a subject in logs and events: a keyed hash that
// nobody without the key can lead back. The oldest key makes it, so that
// putting a new one in front changes nobody's.
func (k *keyring) unit(tenant, subject string) string {
	return string(k.appendUnit(nil, tenant, subject))
}

// unitLength is that of a unit: 132 bits in base64.
const unitLength = 22

// appendUnit appends what unit gives.
func (k *keyring) appendUnit(b []byte, tenant, subject string) []byte {
	oldest := k.keys[len(k.keys)-1]
	s := oldest.signer(purposeUnit, []string{tenant, subject})
	defer oldest.signers.Put(s)
	return append(b, s.sum[:unitLength]...)
}

// appendSignature appends a dot and the signature of the parts and, as the last
// one, of what b has from start on.
func (k *signingKey) appendSignature(b []byte, start int, p purpose, parts ...string) []byte {
	s := k.signers.Get().(*signer)
	defer k.signers.Put(s)
	s.begin(p, parts)
	s.message = appendPart(s.message, b[start:])
	s.finish()
	return append(append(b, '.'), s.sum...)
}

// sign gives the signature of the parts for a purpose, in base64.
func (k *signingKey) sign(p purpose, parts ...string) string {
	s := k.signer(p, parts)
	defer k.signers.Put(s)
	return string(s.sum)
}

// verify compares in constant time.
func (k *signingKey) verify(signature string, p purpose, parts ...string) bool {
	if len(signature) != signatureLength {
		return false
	}
	s := k.signer(p, parts)
	defer k.signers.Put(s)
	s.message = append(s.message[:0], signature...)
	return hmac.Equal(s.sum, s.message)
}

// signer computes the signature of the parts.
func (k *signingKey) signer(p purpose, parts []string) *signer {
	s := k.signers.Get().(*signer)
	s.begin(p, parts)
	s.finish()
	return s
}

func (s *signer) begin(p purpose, parts []string) {
	s.message = append(s.message[:0], p...)
	for _, part := range parts {
		s.message = appendPart(s.message, part)
	}
}

// appendPart appends a part with its length, so that no two lists of parts make
// the same message.
func appendPart[T string | []byte](message []byte, part T) []byte {
	message = strconv.AppendInt(append(message, '\n'), int64(len(part)), 10)
	return append(append(message, ':'), part...)
}

func (s *signer) finish() {
	s.mac.Reset()
	s.mac.Write(s.message)
	raw := s.mac.Sum(s.message[:0])
	s.sum = base64.RawURLEncoding.AppendEncode(s.sum[:0], raw)
}
