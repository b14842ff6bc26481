// Package embedded is the event log for one process: the records of all tenants
// in one directory, on Pebble. Its keys are in the order of the units, so that
// an answer is one merge-join over iterators and its memory does not grow.
package embedded
