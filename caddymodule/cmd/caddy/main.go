// Command caddy is Caddy with the experiments module compiled in: the same
// binary that xcaddy builds, but resolved by this repository's own go.sum.
package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddy-experiments/caddy-experiments/caddymodule"
)

func main() {
	caddycmd.Main()
}
