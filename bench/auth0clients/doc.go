// Package auth0clients has programs that were made for Auth0, and ones that are
// written from our OpenAPI document, manage experiments at a real edge, over TLS:
//
//	cd bench/auth0clients && go test -count=1 -v .
//
// They are Auth0's Node SDK, which logs in with client credentials, and a
// TypeScript client whose types come from the document that the edge serves. It is
// a module of its own, so that the plugin's tests do not look into node_modules.
package auth0clients
