// Package pace keeps long computations from taking all processors of a process
// that has logins to serve.
//
// A goroutine that computes for more than some milliseconds takes a turn for
// as long as it does, and offers the processor to others in between. While the
// process does anything else, one processor is left to that; while it does
// nothing, turns may be taken on all of them.
package pace
