// Package caddymodule is everything that knows Caddy: the experiments app, the
// handler in front of an identity provider's authorization endpoint, their
// Caddyfile syntax, metrics and admin routes. Decisions are made by the engine;
// this package brings requests to it and decisions to the provider.
package caddymodule
