// Package upkeep keeps something open that depends on a disk or a server, such
// as an event log. It opens it in the background, as often as that takes, closes
// it when it has failed, and opens it again. Whoever uses it while it is not
// there gets an error at once.
package upkeep
