// Package logins has people log in: real OpenID providers behind a real edge,
// driven by OpenID clients that others wrote, and the same behind Caddy without
// experiments for comparison.
package logins
