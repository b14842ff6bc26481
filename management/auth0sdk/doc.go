// Package auth0sdk has Auth0's own Go SDK manage experiments over the API of
// package management. It is a module of its own, so that nobody who builds the
// plugin needs the SDK.
package auth0sdk
