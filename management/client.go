package management

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/caddy-experiments/caddy-experiments/store"
)

// Client is who is granted access tokens at TokenPath for an id and a secret.
type Client struct {
	// ID and Secret are what the client shows; neither may be empty.
	ID, Secret string
	// Name stands for the client in the audit log; empty means its id.
	Name string
	// Tenant and Scopes are as those of a Token.
	Tenant store.Tenant
	Scopes []Scope
}

// heldClient is a client as the API keeps it: without its secret.
type heldClient struct {
	id      string
	sum     [sha256.Size]byte
	token   Token // what its access tokens allow
	quota   *quota
	current *accessKey // signs
}

// accessKey signs and verifies the access tokens of one client.
type accessKey struct {
	client *heldClient
	secret []byte
	header string // the first part of the tokens that it signs
}

// clients are those that access tokens are granted to, with the keys of all of
// them by the first part of the tokens.
type clients struct {
	held []*heldClient
	keys map[string]*accessKey
}

func newClients(config Config) (*clients, error) {
	all := &clients{keys: map[string]*accessKey{}}
	if len(config.Clients) > 0 && config.ClientKeys == nil {
		return nil, errors.New("management: clients need ClientKeys")
	}
	for i, client := range config.Clients {
		fail := func(format string, args ...any) (*clients, error) {
			return nil, fmt.Errorf("management: client %d: %w", i+1, fmt.Errorf(format, args...))
		}
		switch {
		case !visibleASCII(client.ID) || len(client.ID) > longestClientID:
			return fail("the id must be 1 to %d visible ASCII characters", longestClientID)
		case client.Secret == "":
			return fail("the secret is empty")
		case len(client.Secret) > longestClientSecret:
			return fail("the secret has more than %d bytes", longestClientSecret)
		case slices.ContainsFunc(all.held, func(other *heldClient) bool { return other.id == client.ID }):
			return fail("another client has the same id")
		}
		setDefault(&client.Name, client.ID)
		token, err := checkedToken(Token{Name: client.Name, Tenant: client.Tenant, Scopes: client.Scopes})
		if err != nil {
			return fail("%w", err)
		}
		held := &heldClient{id: client.ID, sum: sha256.Sum256([]byte(client.Secret)), token: token, quota: newQuota(config.Rate, config.Burst)}
		for _, secret := range config.ClientKeys(client.ID, client.Secret) {
			key := &accessKey{client: held, secret: secret, header: accessHeader(secret)}
			all.keys[key.header] = key
			if held.current == nil {
				held.current = key
			}
		}
		if held.current == nil {
			return fail("ClientKeys has no key for it")
		}
		all.held = append(all.held, held)
	}
	return all, nil
}

// The bounds of what a client shows: far above what anybody uses, and within what
// is read of a request for a token.
const (
	longestClientID     = 255
	longestClientSecret = 1024
)

func visibleASCII(text string) bool {
	for _, b := range []byte(text) {
		if b <= ' ' || b > '~' {
			return false
		}
	}
	return text != ""
}

// find returns the client whose id and secret are among those shown, nil if there
// is none. How long it takes says nothing about the secrets.
func (c *clients) find(shown []credentials) *heldClient {
	var found *heldClient
	for _, one := range shown {
		sum := sha256.Sum256([]byte(one.secret))
		for _, held := range c.held {
			if subtle.ConstantTimeCompare(sum[:], held.sum[:]) == 1 && held.id == one.id {
				found = held
			}
		}
	}
	return found
}

// admit returns what an access token allows now. It returns nil if the token was not
// signed here or is not valid any more, or if its client no longer has the id, secret
// and tenant that it was granted for. A client that has lost scopes has lost them in tokens
// that were granted before, too.
func (c *clients) admit(text string, now time.Time) *heldToken {
	key, claims := c.read(text)
	if key == nil {
		return nil
	}
	client := key.client
	if claims.ClientID != client.id || claims.Tenant != string(client.token.Tenant) || claims.Expires <= now.Unix() {
		return nil
	}
	token := client.token
	token.Scopes = granted(client.token.Scopes, claims.Scope)
	return &heldToken{token: token, quota: client.quota}
}

// sum is the signature of a signed part in base64.
func (k *accessKey) sum(signed string) string {
	mac := hmac.New(sha256.New, k.secret)
	mac.Write([]byte(signed))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
