package auth0clients

import (
	"testing"

	"github.com/caddy-experiments/caddy-experiments/bench/clientedge"
)

func TestMain(m *testing.M) { clientedge.Main(m) }

// TestNodeSDK logs in with client credentials and calls what the SDK has of
// experiments.
func TestNodeSDK(t *testing.T) { node(t, "sdk.mjs") }

// TestGeneratedClient has a client written from the document that the edge serves,
// checks that TypeScript accepts a program that uses it, and runs that.
func TestGeneratedClient(t *testing.T) { node(t, "generated.mjs") }

// site has the API and nothing else.
const site = `https://localhost:{api} {
	experiments_api {
		client writer writer-secret
		client reader reader-secret read:experimentation
	}
}
`

// node runs a script against an edge of its own.
func node(t *testing.T, script string) {
	clientedge.Packages(t)
	e := clientedge.Start(t, "", site, "api")
	e.Node(t, script, "HOST="+e.Host(0))
}
