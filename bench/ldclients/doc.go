// Package ldclients has LaunchDarkly's own clients of the npm registry manage
// experiments at a real edge, over TLS:
//
//	cd bench/ldclients && go test -count=1 -v .
//
// They are the TypeScript client, with the experiments of which an edge then
// decides real requests, and the MCP server, which reads the flags. It is a module
// of its own, so that the plugin's tests do not look into node_modules.
package ldclients
