package ldclients

import (
	"testing"

	"github.com/caddy-experiments/caddy-experiments/bench/clientedge"
)

func TestMain(m *testing.M) { clientedge.Main(m) }

// TestTypeScriptClient takes an experiment through its life.
func TestTypeScriptClient(t *testing.T) { node(t, "life.mjs") }

// TestMCPServer reads a flag as an agent's tools do.
func TestMCPServer(t *testing.T) { node(t, "tools.mjs") }

// sites are one with the API, and one with experiments in front of a provider that
// shows what it gets.
const sites = `https://localhost:{api} {
	experiments_api {
		token api-clients
		token api-reader read:experimentation
		token api-foreign {
			tenant other/production
		}
	}
	respond 404
}
https://localhost:{site} {
	experiments {
		outcomes on
	}
	reverse_proxy 127.0.0.1:{provider}
}
http://:{provider} {
	bind 127.0.0.1
	header {
		Got-Config {header.X-Experiment-Config}
		Got-Exposure {header.X-Experiment-Exposure}
	}
	respond "a login page"
}
`

// node runs a script against an edge of its own.
func node(t *testing.T, script string) {
	clientedge.Packages(t)
	e := clientedge.Start(t, "events {dir}/events", sites, "api", "site", "provider")
	e.Node(t, script, "API=https://"+e.Host(0), "EDGE=https://"+e.Host(1))
}
