package auth0sdk

import (
	"crypto/hmac"
	"crypto/sha256"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	auth0 "github.com/auth0/go-auth0/management"

	"github.com/caddy-experiments/caddy-experiments/management"
	"github.com/caddy-experiments/caddy-experiments/store/file"
)

// The SDK logs in with an id and a secret, and may do what the client may.
func TestClientCredentials(t *testing.T) {
	api, err := management.New(management.Config{
		Store:   file.New(t.TempDir(), 0),
		Clients: []management.Client{{ID: "writer", Secret: "a secret"}, {ID: "reader", Secret: "another", Scopes: []management.Scope{management.ScopeRead}}},
		ClientKeys: func(id, secret string) [][]byte {
			mac := hmac.New(sha256.New, []byte("key"))
			mac.Write([]byte(id + "\n" + secret))
			return [][]byte{mac.Sum(nil)}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	create := func(id, secret string) (segment, error) {
		sdk, err := auth0.New(server.URL, auth0.WithInsecure(), auth0.WithNoRetries(), auth0.WithClientCredentialsAndAudience(t.Context(), id, secret, "https://tenant.example/api/v2/"))
		if err != nil {
			t.Fatal(err)
		}
		made := segment{Name: "people on phones", Rules: []rule{{Match: map[string]any{"device_type": []string{"mobile"}}}}}
		return made, sdk.Request(t.Context(), http.MethodPost, sdk.URI("experimentation", "segments"), &made)
	}
	if made, err := create("writer", "a secret"); err != nil || made.ID == "" {
		t.Errorf("creating a segment: got %+v %v", made, err)
	}
	for id, test := range map[string]struct{ secret, want string }{
		"reader":  {"another", "403"},
		"writer":  {"another", "invalid_client"},
		"unknown": {"a secret", "invalid_client"},
	} {
		if _, err := create(id, test.secret); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %s", id, err, test.want)
		}
	}
}
