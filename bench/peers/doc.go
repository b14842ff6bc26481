// Package peers makes one decision with this engine and with the SDKs that
// others wrote for it, and measures what it costs.
//
//	cd bench/peers && go test -run '^$' -bench Decision -benchmem -count 6
//
// The decision: somebody in one of five countries with a phone gets one of two
// configurations, with equal chances; everybody else gets the fallback. Each call
// makes its context from strings, as one who answers requests has to. No SDK
// talks to a server, and none writes events.
package peers
