package redis

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/caddy-experiments/caddy-experiments/store"
)

// An envelope is how a document is kept, in Redis and on disk: one line
//
//	experiments.v1 <prefix> <tenant> <revision> <key id> <signature>
//
// and the document. The signature is that of the line up to the key id, a line
// feed and the document, so that no document can be taken for another tenant's,
// another deployment's or a newer one. Key id and signature are "-" in one that
// is not signed.
const (
	envelopeFormat = "experiments.v1"
	unsigned       = "-"

	// longestLine bounds the first line: two names of 64 and 129 bytes, a
	// number, a key id and a signature.
	longestLine = 512
)

// seal wraps a document.
func (s *Store) seal(tenant store.Tenant, revision uint64, text []byte) []byte {
	// The key id is a part of what is signed and only known after signing
	// something with the same key.
	keyID, _ := s.options.Sealer.Seal(nil)
	head := strings.Join([]string{envelopeFormat, s.options.Prefix, string(tenant), strconv.FormatUint(revision, 10), keyID}, " ")
	_, signature := s.options.Sealer.Seal(signedPart(head, text))
	sealed := make([]byte, 0, len(head)+1+len(signature)+1+len(text))
	sealed = append(sealed, head...)
	sealed = append(sealed, ' ')
	sealed = append(sealed, signature...)
	sealed = append(sealed, '\n')
	return append(sealed, text...)
}

// open checks an envelope of a tenant and gives what is in it. The text is a
// part of sealed.
func (s *Store) open(tenant store.Tenant, sealed []byte) (store.Version, error) {
	end := bytes.IndexByte(sealed[:min(len(sealed), longestLine)], '\n')
	if end < 0 {
		return store.Version{}, refused("it is no document of ours: the first line is missing")
	}
	fields := strings.Split(string(sealed[:end]), " ")
	if len(fields) != 6 || fields[0] != envelopeFormat {
		return store.Version{}, refused("it is no document of ours: it does not begin with %s and five words", envelopeFormat)
	}
	if fields[1] != s.options.Prefix {
		return store.Version{}, refused("it belongs to the prefix %.64q", fields[1])
	}
	if fields[2] != string(tenant) {
		return store.Version{}, refused("it belongs to the tenant %.129q", fields[2])
	}
	revision, err := strconv.ParseUint(fields[3], 10, 64)
	if err != nil || revision == 0 || revision > greatestRevision || strconv.FormatUint(revision, 10) != fields[3] {
		return store.Version{}, refused("its revision %.32q is no number from 1 to %d", fields[3], uint64(greatestRevision))
	}
	text := sealed[end+1:]
	if int64(len(text)) > s.options.MaxDocumentSize {
		return store.Version{}, fmt.Errorf("%w: the limit is %d bytes", store.ErrTooLarge, s.options.MaxDocumentSize)
	}
	if keyID, signature := fields[4], fields[5]; keyID == unsigned && signature == unsigned {
		if !s.options.AcceptUnsigned {
			return store.Version{}, refused("it is not signed; write it over the API or with caddy experiments import, or let such documents in with accept_unsigned")
		}
	} else if err := s.options.Sealer.Verify(keyID, signature, signedPart(strings.Join(fields[:5], " "), text)); err != nil {
		return store.Version{}, fmt.Errorf("%w: %w", store.ErrRefused, err)
	}
	return store.Version{Text: text, Revision: revision, Sealed: sealed}, nil
}

// greatestRevision leaves room to count on: a script of Redis counts exactly up
// to 1<<53.
const greatestRevision = 1 << 51

func signedPart(head string, text []byte) []byte {
	message := make([]byte, 0, len(head)+1+len(text))
	message = append(message, head...)
	message = append(message, '\n')
	return append(message, text...)
}

func refused(format string, args ...any) error {
	return fmt.Errorf("%w: %s", store.ErrRefused, fmt.Sprintf(format, args...))
}
