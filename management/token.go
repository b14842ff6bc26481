package management

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"strings"

	"github.com/caddy-experiments/caddy-experiments/store"
)

// Token is what a client shows to be let in.
type Token struct {
	// Secret is the bearer token; it may have any length but none.
	Secret string
	// Name stands for the token in the audit log.
	Name string
	// Tenant is the one whose configuration the token is for; empty means
	// store.DefaultTenant.
	Tenant store.Tenant
	// Scopes are what may be done with it; none means all.
	Scopes []Scope
}

// heldToken is a token as the API keeps it: without its secret.
type heldToken struct {
	sum   [sha256.Size]byte
	token Token
	quota *quota
}

type keyring []*heldToken

func newKeyring(tokens []Token, rate float64, burst int) (keyring, error) {
	var k keyring
	for i, token := range tokens {
		if token.Secret == "" {
			return nil, fmt.Errorf("management: token %d: the secret is empty", i+1)
		}
		token, err := checkedToken(token)
		if err != nil {
			return nil, fmt.Errorf("management: token %d: %w", i+1, err)
		}
		held := &heldToken{sum: sha256.Sum256([]byte(token.Secret)), token: token, quota: newQuota(rate, burst)}
		held.token.Secret = ""
		for j, other := range k {
			if other.sum == held.sum {
				return nil, fmt.Errorf("management: tokens %d and %d have the same secret", j+1, i+1)
			}
		}
		k = append(k, held)
	}
	return k, nil
}

// checkedToken fills in what a token leaves out.
func checkedToken(token Token) (Token, error) {
	setDefault(&token.Tenant, store.DefaultTenant)
	if _, err := store.ParseTenant(string(token.Tenant)); err != nil {
		return token, err
	}
	if len(token.Scopes) == 0 {
		token.Scopes = Scopes[:]
	}
	for _, scope := range token.Scopes {
		if _, err := ParseScope(string(scope)); err != nil {
			return token, err
		}
	}
	return token, nil
}

// find gives the token with a secret. How long it takes says nothing about the
// secrets: sums of equal length are compared, and always all of them.
func (k keyring) find(secret string) *heldToken {
	sum := sha256.Sum256([]byte(secret))
	found := -1
	for i, held := range k {
		same := subtle.ConstantTimeCompare(sum[:], held.sum[:])
		found = subtle.ConstantTimeSelect(same, i, found)
	}
	if found < 0 || secret == "" {
		return nil
	}
	return k[found]
}

// bearer gives the secret that a request shows; empty if it shows none, or
// several.
func bearer(header http.Header) string {
	values := header.Values("Authorization")
	if len(values) != 1 {
		return ""
	}
	scheme, secret, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "bearer") {
		return ""
	}
	return strings.TrimSpace(secret)
}
