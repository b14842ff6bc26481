package management

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// An access token is a JSON Web Token (RFC 7519), signed with HS256 by a key that
// its client alone has. Nothing is kept of it: what it allows stands in it. Its
// first part is the same in all tokens of a key, and is what the key is found by,
// so that no token chooses how it is verified.

// accessLifetime is for how long an access token is valid.
const accessLifetime = 24 * time.Hour

// longestAccessToken bounds what is looked at. Ours stay below it: the bounds of
// what is in them, escaped and in base64, come to less.
const longestAccessToken = 16 << 10

// accessIssuer says that a token is from here.
const accessIssuer = "caddy-experiments"

// accessClaims is what an access token says.
type accessClaims struct {
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	Audience string `json:"aud,omitempty"`
	IssuedAt int64  `json:"iat"`
	Expires  int64  `json:"exp"`
	ClientID string `json:"client_id"`
	Tenant   string `json:"tenant"`
	Scope    string `json:"scope"`
}

// accessHeader is the first part of the tokens of a key. The key's id in it is a
// hash, from which the key cannot be found.
func accessHeader(secret []byte) string {
	id := sha256.Sum256(append([]byte("experiment_access_key_id\n"), secret...))
	header := `{"alg":"HS256","kid":"` + base64.RawURLEncoding.EncodeToString(id[:12]) + `","typ":"JWT"}`
	return base64.RawURLEncoding.EncodeToString([]byte(header))
}

// grant writes an access token for a client.
func (c *heldClient) grant(audience string, scopes []Scope, now time.Time) string {
	claims := encode(accessClaims{
		Issuer: accessIssuer, Subject: c.id, ClientID: c.id, Audience: audience, Tenant: string(c.token.Tenant), Scope: spaced(scopes),
		IssuedAt: now.Unix(), Expires: now.Add(accessLifetime).Unix(),
	})
	signed := c.current.header + "." + base64.RawURLEncoding.EncodeToString(claims)
	return signed + "." + c.current.sum(signed)
}

// read returns what a token says and the key that has signed it; a nil key if
// none has.
func (c *clients) read(text string) (*accessKey, accessClaims) {
	if len(text) > longestAccessToken {
		return nil, accessClaims{}
	}
	header, rest, _ := strings.Cut(text, ".")
	key := c.keys[header]
	payload, signature, found := strings.Cut(rest, ".")
	if key == nil || !found || !hmac.Equal([]byte(key.sum(header+"."+payload)), []byte(signature)) {
		return nil, accessClaims{}
	}
	// What a key has signed was written by grant, perhaps of another version.
	decoded, err := base64.RawURLEncoding.DecodeString(payload)
	var claims accessClaims
	if err != nil || json.Unmarshal(decoded, &claims) != nil {
		return nil, accessClaims{}
	}
	return key, claims
}

// granted returns those of the scopes that a list with spaces between its items
// has.
func granted(scopes []Scope, list string) []Scope {
	asked := strings.Split(list, " ")
	var both []Scope
	for _, scope := range scopes {
		if slices.Contains(asked, string(scope)) {
			both = append(both, scope)
		}
	}
	return both
}

func spaced(scopes []Scope) string {
	names := make([]string, len(scopes))
	for i, scope := range scopes {
		names[i] = string(scope)
	}
	return strings.Join(names, " ")
}
