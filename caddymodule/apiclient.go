package caddymodule

import (
	"fmt"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-experiments/caddy-experiments/management"
)

// APIClient is who is granted access tokens by the client credentials grant of
// OAuth 2.0. They are valid for a day and end with the client: when it leaves the
// configuration, or gets another secret.
type APIClient struct {
	// ID of the client; placeholders are replaced.
	ID string `json:"id"`
	// Secret of the client; placeholders such as {env.EXPERIMENTS_CLIENT_SECRET}
	// are replaced.
	Secret string `json:"secret"`
	// Name stands for the client in the audit log. Default: its id.
	Name string `json:"name,omitempty"`
	// Tenant that its tokens are for. Default: default/production.
	Tenant string `json:"tenant,omitempty"`
	// Scopes that they have, such as read:experimentation. Default: all.
	Scopes []string `json:"scopes,omitempty"`
}

// noCredentials is said of an API that lets no one in.
const noCredentials = "experiments_api: has no token and no client, and without one nobody could use it; write for example: token {env.EXPERIMENTS_TOKEN}"

func (a *API) clients(ctx caddy.Context) (_ []management.Client, err error) {
	replacer := caddy.NewReplacer()
	clients := make([]management.Client, len(a.Clients))
	for i, configured := range a.Clients {
		client := management.Client{
			ID: replacer.ReplaceAll(configured.ID, ""), Secret: replacer.ReplaceAll(configured.Secret, ""),
			Name: configured.Name, Scopes: scopes(configured.Scopes),
		}
		if client.ID == "" || client.Secret == "" {
			return nil, fmt.Errorf("experiments_api: client %d has an empty id or secret; is its placeholder set?", i+1)
		}
		if client.Tenant, err = a.followed(ctx, configured.Tenant); err != nil {
			return nil, err
		}
		clients[i] = client
	}
	return clients, nil
}

// clientKeys derives the keys that sign the access tokens of a client, one of
// each key of the ring and in their order. With another secret they are others.
func (k *keyring) clientKeys(id, secret string) [][]byte {
	derived := make([][]byte, len(k.keys))
	for i, key := range k.keys {
		derived[i] = []byte(key.sign(purposeAccess, id, secret))
	}
	return derived
}
