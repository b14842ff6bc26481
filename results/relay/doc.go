// Package relay brings events from the spools of edges to the log of one node,
// by way of a queue that may lose what is in it at any moment. How it does that
// without losing any is in protocol.go.
package relay
