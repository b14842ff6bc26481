// Package spool keeps events on disk until they are known to have arrived
// elsewhere. What Append has returned for survives a crash.
package spool
