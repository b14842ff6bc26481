// Package stall waits for work on a disk that may stand still, such as one that is
// frozen or on a server that is away, no longer than there is time.
package stall
