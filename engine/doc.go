// Package engine turns one tenant's configuration document into an immutable
// snapshot and decides from it which variation of an experiment a request
// gets. It is pure: no I/O, no clock, no logging, nothing but the standard
// library, and a decision allocates nothing.
package engine
