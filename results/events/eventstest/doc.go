// Package eventstest holds what every event log must pass, with a plain log in
// memory to compare it with. Conform is all that an engine's tests need.
package eventstest
